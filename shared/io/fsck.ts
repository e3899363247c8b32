/**
 * Looks through a whole store, object by object, and says what it finds. It changes nothing unless it is to repair; and what
 * it takes out of the road it does not delete: that goes to `lost+found/`, under the key that it had, with a word beside
 * it (`….why`).
 *
 * It holds one page of a listing in memory and what a kind of object gathers (bounded), however large the store. While
 * a program works on the store, what hangs on several objects together is judged only when it is a day old.
 */

import { textBody } from './body.ts';
import { errorCode } from './disk-error.ts';
import { inParallel } from './parallel.ts';
import type { Listed, Store } from './store.ts';
import { StoreError } from './store.ts';
import { isKey, LIMIT_MAX } from './store-key.ts';

/** `fault`: mail or its memory is at stake, or something is held up. `note`: it mends itself, or is not ours. */
export type Weight = 'fault' | 'note';

export interface Finding {
  readonly weight: Weight;
  /** Key of the object, or path of the file. */
  readonly key: string;
  readonly text: string;
  /** What repairing does, or did. */
  readonly remedy?: string;
  readonly repaired: boolean;
}

/** One kind of object in the layout. */
export interface Kind {
  /** In the plural. */
  readonly what: string;
  readonly keys: RegExp;
  /** Absent: nothing in it can be wrong that matters. */
  check?(object: Listed, match: RegExpExecArray): Promise<void>;
  /** After all objects. */
  end?(): Promise<void>;
}

export interface FsckOptions {
  readonly store: Store;
  /** Unix seconds. */
  readonly now: number;
  readonly repair: boolean;
  /** Nobody else works on the store. */
  readonly alone: boolean;
  /** Bodies of mails are not read: what is checked of a mail is its head. */
  readonly quick: boolean;
  found(finding: Finding): void;
}

interface Found {
  readonly weight: Weight;
  readonly key: string;
  readonly text: string;
  readonly remedy?: string;
  repair?(): Promise<void>;
}

export interface Count {
  objects: number;
  bytes: number;
}

const LOST = 'lost+found/';

const AT_ONCE = 8;
const DAY_SECONDS = 86_400;

export class Fsck {
  readonly options: FsckOptions;
  readonly store: Store;
  readonly counts = new Map<string, Count>();
  faults = 0;
  notes = 0;
  repaired = 0;
  /** Objects that are too young to be judged while somebody may be at work. */
  young = 0;
  #last: Promise<void> = Promise.resolve();
  readonly #unknown = new Map<string, number>();

  constructor(options: FsckOptions) {
    this.options = options;
    this.store = options.store;
  }

  /** Whether nothing that belongs to the object can still be under way. `time`: Unix milliseconds. */
  isSettled({ time }: Pick<Listed, 'time'>): boolean {
    if (this.options.alone && this.store.staging === 'apart') return true;
    if (this.options.now - time / 1_000 > DAY_SECONDS) return true;
    this.young += 1;
    return false;
  }

  async run(kinds: readonly Kind[]): Promise<void> {
    for (let after: string | undefined; ; ) {
      const page = await this.store.list('', after === undefined ? {} : { after });
      await inParallel(page, AT_ONCE, (object) => this.#look(kinds, object));
      after = page.at(-1)?.key;
      if (page.length < LIMIT_MAX) break;
    }
    for (const { end } of kinds) await end?.();
    for (const [folder, objects] of this.#unknown)
      await this.found({
        weight: 'note',
        key: folder,
        text: `${objects} object${objects === 1 ? ' is' : 's are'} not known to this version: of a newer one, or put there by something else; left alone`,
      });
  }

  async #look(kinds: readonly Kind[], object: Listed): Promise<void> {
    for (const { what, keys, check } of kinds) {
      const match = keys.exec(object.key);
      if (!match) continue;
      this.#count(what, object);
      return this.#guarded(object.key, async () => check?.(object, match));
    }
    const folder = object.key.slice(0, object.key.lastIndexOf('/') + 1) || object.key;
    this.#unknown.set(folder, (this.#unknown.get(folder) ?? 0) + 1);
  }

  /** What a disk does not give is said, and the rest is looked at. A store that is away ends the run. */
  async #guarded(key: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const code = error instanceof StoreError ? errorCode(error.cause) : undefined;
      if (code !== 'EIO' && code !== 'EACCES') throw error;
      await this.found({
        weight: 'fault',
        key,
        text:
          code === 'EIO'
            ? 'the disk does not give it back (EIO): copy what can be read to another disk'
            : 'it belongs to another user (EACCES): give it back to the user that the program runs as, with chown',
      });
    }
  }

  #count(what: string, { size }: Listed): void {
    const count = this.counts.get(what) ?? { objects: 0, bytes: 0 };
    this.counts.set(what, count);
    count.objects += 1;
    count.bytes += size;
  }

  /** Tells of something; repairs it when that is wanted and can be done. */
  async found({ repair, ...finding }: Found): Promise<void> {
    if (finding.weight === 'fault') this.faults += 1;
    else this.notes += 1;
    const repaired = this.options.repair && repair !== undefined;
    if (repaired) await repair();
    if (repaired && finding.weight === 'fault') this.repaired += 1;
    this.options.found({ ...finding, repaired });
  }

  /** The usual remedy: out of the road, kept. */
  lost({
    weight = 'fault',
    key,
    text,
    means,
  }: {
    weight?: Weight;
    key: string;
    text: string;
    means: string;
  }): Promise<void> {
    const remedy = `moved to ${LOST}; ${means}`;
    return this.found({ weight, key, text, remedy, repair: () => this.moveToLost(key, `${text}\n${remedy}`) });
  }

  /** One at a time: what several objects share is read, judged and written before the next one looks. */
  inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** Copy, word, removal, in this order: doing it again is harmless. */
  async moveToLost(key: string, why: string): Promise<void> {
    const body = await this.store.get(key);
    if (!body) return;
    const to = await this.#freePlace(key);
    await this.store.put(to, body);
    await this.store.put(`${to}.why`, textBody(`${new Date(this.options.now * 1_000).toISOString()} ${key}\n${why}\n`));
    await this.store.remove(key);
  }

  async #freePlace(key: string): Promise<string> {
    const name = isKey(`${LOST}${key}-999.why`)
      ? key
      : `${key.slice(0, key.lastIndexOf('/') + 1).slice(0, 500)}long-name-${Date.now()}`;
    for (let number = 1; ; number += 1) {
      const place = `${LOST}${name}${number === 1 ? '' : `-${number}`}`;
      if (!(await this.store.get(place))) return place;
    }
  }
}
