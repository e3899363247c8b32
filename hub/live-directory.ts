/**
 * The directory as it stands in the store, kept current: a log of edits, `directory/<n>`, read forward from where it is.
 * Of two hubs that edit at once one makes `directory/<n+1>`; the other reads it, and looks at its own edit anew. Where a
 * store cannot make a key exclusively, one hub serves it alone, and its edits wait for one another.
 *
 * Now and then the whole is written as `directory-snapshot/<n>`, so that opening reads one file and a few edits.
 */
import { type Directory, EMPTY_DIRECTORY, type Office } from '../shared/core/directory.ts';
import { applyEdit, type Edit, replayEdit } from '../shared/core/directory-edit.ts';
import { directoryHash, type PublicDirectory, publicDirectory } from '../shared/core/public-directory.ts';
import { readBody, textBody } from '../shared/io/body.ts';
import { type Store, StoreError } from '../shared/io/store.ts';
import { decodeEdit, decodeSnapshot, encodeEdit, encodeSnapshot, RECORD_BYTES_MAX } from './directory-record.ts';

export interface LiveDirectory {
  readonly current: Directory;
  office(name: string): Office | undefined;
  officeOfKey(keyId: string): Office | undefined;
  /** Reads what has been added since, by this hub or another: one small GET when there is nothing. */
  refresh(): Promise<void>;
  /** Durable when it returns. Answers the directory after it. Throws EditError. */
  edit(edit: Edit): Promise<Directory>;
  /** The directory that offices call by this hash, if it is not long ago. */
  publicAt(hash: string): PublicDirectory | undefined;
}

export interface OurDomains {
  /** The one that everybody writes to. */
  readonly domain: string;
  readonly hostname: string;
}

/** Reads the directory of the store. */
export async function openDirectory(store: Store, { domain, hostname }: OurDomains): Promise<LiveDirectory> {
  const [common, own] = [domain.toLowerCase(), hostname.toLowerCase()];
  const names = { domain: common, hubDomains: own === common ? [] : [own] };
  const snapshot = await readSnapshot(store);
  const directory = new StoredDirectory(store, { ...EMPTY_DIRECTORY, ...snapshot, ...names });
  await directory.refresh();
  return directory;
}

export const LOG = 'directory/';
const SNAPSHOTS = 'directory-snapshot/';
/** Edits between snapshots: what opening has to read one by one. */
const SNAPSHOT_EVERY = 64;
const SNAPSHOTS_KEPT = 2;
/** Versions that offices may still have, and get the difference from. */
const RECENT_MAX = 64;
/** Other hubs may win this often in a row. */
const RACES_MAX = 100;

/** The key of a version. */
export const numbered = (prefix: string, version: number): string => `${prefix}${String(version).padStart(10, '0')}`;

class StoredDirectory implements LiveDirectory {
  readonly #store: Store;
  #current: Directory;
  #byKey: ReadonlyMap<string, Office>;
  #snapshotAt: number;
  /** Newest last. */
  #recent: Directory[];
  readonly #hashes = new WeakMap<Directory, string>();
  /** Reads and edits of this process, one after another. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: Store, start: Directory) {
    this.#store = store;
    this.#current = start;
    this.#byKey = keysOf(start);
    this.#snapshotAt = start.version;
    this.#recent = [start];
  }

  get current(): Directory {
    return this.#current;
  }

  office(name: string): Office | undefined {
    return this.#current.offices.get(name);
  }

  officeOfKey(keyId: string): Office | undefined {
    return this.#byKey.get(keyId);
  }

  refresh(): Promise<void> {
    return this.#inTurn(() => this.#catchUp());
  }

  edit(edit: Edit): Promise<Directory> {
    return this.#inTurn(async () => {
      for (let races = 0; races < RACES_MAX; races++) {
        await this.#catchUp();
        const next = applyEdit(this.#current, edit);
        if (next === this.#current) return next;
        if (!(await this.#append(next.version, edit))) continue;
        this.#become(next);
        await this.#snapshot();
        return next;
      }
      throw new StoreError('other hubs edit the directory all the time: try again');
    });
  }

  publicAt(hash: string): PublicDirectory | undefined {
    const found = this.#recent.findLast((directory) => this.#hashOf(directory) === hash);
    return found && publicDirectory(found);
  }

  #hashOf(directory: Directory): string {
    const hash = this.#hashes.get(directory) ?? directoryHash(publicDirectory(directory));
    this.#hashes.set(directory, hash);
    return hash;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    // Whoever asked hears of a failure; the next one starts anew.
    this.#last = mine.then(
      () => {},
      () => {},
    );
    return mine;
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      const key = numbered(LOG, this.#current.version + 1);
      const body = await this.#store.get(key);
      if (!body) return;
      this.#become(replayEdit(this.#current, decodeEdit(key, await readBody(body, RECORD_BYTES_MAX))));
    }
  }

  async #append(version: number, edit: Edit): Promise<boolean> {
    const { create } = this.#store;
    const record = textBody(encodeEdit(edit));
    if (create) return create.call(this.#store, numbered(LOG, version), record);
    await this.#store.put(numbered(LOG, version), record);
    return true;
  }

  #become(directory: Directory): void {
    if (directory.offices !== this.#current.offices) this.#byKey = keysOf(directory);
    this.#current = directory;
    this.#recent = [...this.#recent.slice(1 - RECENT_MAX), directory];
  }

  async #snapshot(): Promise<void> {
    const { version } = this.#current;
    if (version - this.#snapshotAt < SNAPSHOT_EVERY) return;
    await this.#store.put(numbered(SNAPSHOTS, version), textBody(encodeSnapshot(this.#current)));
    this.#snapshotAt = version;
    const all = await this.#store.list(SNAPSHOTS);
    for (const { key } of all.slice(0, -SNAPSHOTS_KEPT)) await this.#store.remove(key);
  }
}

const keysOf = ({ offices }: Directory): ReadonlyMap<string, Office> =>
  new Map([...offices.values()].map((office) => [office.keyId, office]));

async function readSnapshot(store: Store): Promise<Omit<Directory, 'domain' | 'hubDomains'> | undefined> {
  const last = (await store.list(SNAPSHOTS)).at(-1);
  const body = last && (await store.get(last.key));
  return body && decodeSnapshot(last.key, await readBody(body, RECORD_BYTES_MAX));
}
