/** The other hubs on the store, as this one sees them: who is alive, what they say, and who is shut out. */
import type { Log } from '../shared/io/log.ts';
import type { Store } from '../shared/io/store.ts';
import { isSameSystem, writerState } from '../shared/io/writer.ts';
import {
  clearHubRecords,
  type HubRecord,
  listHubs,
  makeHubRecord,
  numberOf,
  readHubRecord,
  removeHubRecord,
} from './hub-record.ts';
import { BEAT_MS, DEAD_MS, TICK_MS } from './hub-times.ts';

export interface OtherHub {
  readonly id: string;
  number: number;
  record: HubRecord;
  /** By this machine's steady clock: when this number was first seen. */
  seenAt: number;
  /** Beats that were seen one after another. */
  beats: number;
}

/** A last word is kept so long, by the store's clock, that no request of its hub can be on its way. */
const LAST_WORD_MS = 86_400_000;

export class OtherHubs {
  readonly #store: Store;
  readonly #log: Log;
  readonly #alive = new Map<string, OtherHub>();
  readonly #gone = new Set<string>();
  /** Called when another one has said something new. */
  onSaid: (other: OtherHub, before: HubRecord | undefined) => void = () => {};

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  get alive(): readonly OtherHub[] {
    return [...this.#alive.values()];
  }

  /** Finds hubs that have come. `self`: not another one. */
  async look(self: string): Promise<void> {
    const listed = await listHubs(this.#store);
    const newest = Math.max(...[...listed.values()].map(({ time }) => time));
    for (const [id, { key, time }] of listed) {
      if (id === self || this.#alive.has(id)) continue;
      const number = numberOf(key);
      const record = this.#gone.has(id) ? 'gone' : await readHubRecord(this.#store, id, number);
      if (record === 'gone') {
        this.#gone.add(id);
        if (newest - time > LAST_WORD_MS) await removeHubRecord(this.#store, id, number);
      } else if (record) this.#heard({ id, number, record, seenAt: performance.now(), beats: 0 }, undefined);
    }
    await this.follow();
  }

  /** Hears what those that are known have said, and shuts out who is dead. */
  async follow(): Promise<void> {
    for (const other of this.alive) {
      await this.#followOne(other);
      if (this.#alive.has(other.id) && isDead(other)) await this.#shutOut(other);
    }
  }

  /** Whether a hub has had its last word, so that what it held is free. */
  async isGone(id: string): Promise<boolean> {
    if (this.#gone.has(id)) return true;
    if (this.#alive.has(id)) return false;
    const key = (await listHubs(this.#store)).get(id)?.key;
    return key === undefined || (await readHubRecord(this.#store, id, numberOf(key))) === 'gone';
  }

  async #followOne(other: OtherHub): Promise<void> {
    const { id } = other;
    for (;;) {
      const said = await readHubRecord(this.#store, id, other.number + 1);
      if (said === undefined) return this.#lookAhead(other);
      other.number += 1;
      if (said === 'gone') return this.#bury(id);
      this.#heard(other, said);
    }
  }

  /** Numbers that went by while nobody looked are cleared away by their hub. */
  async #lookAhead(other: OtherHub): Promise<void> {
    if (performance.now() - other.seenAt < DEAD_MS / 2) return;
    const key = (await listHubs(this.#store)).get(other.id)?.key;
    const number = key === undefined ? other.number : numberOf(key);
    const said = key === undefined ? 'gone' : await readHubRecord(this.#store, other.id, number);
    if (said === 'gone') return this.#bury(other.id);
    if (said === undefined || number === other.number) return;
    other.number = number;
    this.#heard(other, said);
  }

  #heard(other: OtherHub, said: HubRecord | undefined): void {
    const before = this.#alive.has(other.id) ? other.record : undefined;
    if (said) {
      other.record = said;
      other.seenAt = performance.now();
      other.beats += 1;
    }
    this.#alive.set(other.id, other);
    this.onSaid(other, before);
  }

  async #shutOut(other: OtherHub): Promise<void> {
    const { id, number, record } = other;
    // It was alive after all when this is not made.
    if (!(await makeHubRecord(this.#store, { id, number: number + 1 }, 'gone'))) return;
    this.#log.warn('another hub does not answer any more: what it held is free', { hub: record.name });
    this.#bury(id);
    await clearHubRecords(this.#store, { id, number: number + 1 }, 0);
  }

  #bury(id: string): void {
    this.#alive.delete(id);
    this.#gone.add(id);
  }
}

/** Whether a hub works on the store: it takes some seconds to know that none does, where one has left a record. */
export async function anotherBeats(store: Store): Promise<boolean> {
  const before = await listHubs(store);
  const isOver = async ([id, { key }]: readonly [string, { readonly key: string }]): Promise<boolean> => {
    const record = await readHubRecord(store, id, numberOf(key));
    return record === 'gone' || (record !== undefined && isKnownDead(record));
  };
  const over = await Promise.all([...before].map(isOver));
  if (over.every(Boolean)) return false;
  await new Promise((resolve) => setTimeout(resolve, BEAT_MS + 3 * TICK_MS));
  const now = await listHubs(store);
  return [...now].some(([id, { key }]) => key !== before.get(id)?.key);
}

const isKnownDead = ({ writer }: HubRecord): boolean => isSameSystem(writer) && writerState(writer) === 'gone';

/** A process of this system that has ended is known to be dead at once. */
const isDead = ({ record, seenAt }: OtherHub): boolean => isKnownDead(record) || performance.now() - seenAt > DEAD_MS;
