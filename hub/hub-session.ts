/**
 * This hub among those that work on one store. It is sure of its leases for SURE_MS after the beginning of a beat that
 * succeeded; others shut it out when they have seen no beat for DEAD_MS. Both are measured by each machine's own steady
 * clock, so the time of day matters to nobody; a machine that was suspended has the wall clock to tell it that.
 */
import { randomBytes } from 'node:crypto';
import type { Store } from '../shared/io/store.ts';
import { clearHubRecords, type HubRecord, makeHubRecord, readHubRecord } from './hub-record.ts';
import { SURE_MS } from './hub-times.ts';

/** After so long others may have cleared away that they shut it out. */
const FORGOTTEN_MS = 3_600_000;

interface Moment {
  readonly steady: number;
  readonly wall: number;
}

const moment = (): Moment => ({ steady: performance.now(), wall: Date.now() });

/** The steady clock stands while a machine is suspended; the wall clock may be set back. */
const age = ({ steady, wall }: Moment): number => Math.max(performance.now() - steady, Date.now() - wall);

export class HubSession {
  readonly id = randomBytes(8).toString('hex');
  readonly #store: Store;
  #number = 0;
  #last: Moment | undefined;
  /** When the next number was first tried: the answer to that may have been lost. */
  #tried: Moment | undefined;
  #isOver = false;
  #beating: Promise<void> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
  }

  /** It has been shut out, or has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isSure(): boolean {
    return !this.#isOver && this.#last !== undefined && age(this.#last) < SURE_MS;
  }

  /** Milliseconds since the last beat. */
  get idleMs(): number {
    return this.#last ? age(this.#last) : Number.POSITIVE_INFINITY;
  }

  beat(record: () => HubRecord): Promise<void> {
    this.#beating = this.#beating.catch(() => undefined).then(() => this.#beat(record()));
    return this.#beating;
  }

  /** Gives all of it up at once. */
  async end(): Promise<void> {
    await this.#beating.catch(() => undefined);
    if (this.#isOver || this.#last === undefined) return;
    this.#isOver = true;
    const { id } = this;
    await makeHubRecord(this.#store, { id, number: this.#number + 1 }, 'gone');
    await clearHubRecords(this.#store, { id, number: this.#number + 1 }, 0);
  }

  async #beat(record: HubRecord): Promise<void> {
    if (this.#isOver) return;
    if (this.#last && age(this.#last) > FORGOTTEN_MS) {
      this.#isOver = true;
      return;
    }
    const { id } = this;
    const number = this.#number + 1;
    this.#tried ??= moment();
    const made = await makeHubRecord(this.#store, { id, number }, record);
    // Not made: by another hub that shuts us out, or by our own try before this one.
    if (!made && (await readHubRecord(this.#store, id, number)) === 'gone') {
      this.#isOver = true;
      return;
    }
    this.#last = this.#tried;
    this.#tried = undefined;
    this.#number = number;
    await clearHubRecords(this.#store, { id, number });
  }
}
