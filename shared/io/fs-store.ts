/**
 * A folder as a store. Keys are paths below it, so `office/herat/new/` is a real Maildir that mail programs can open.
 *
 *     ROOT/.owner              which program the folder belongs to
 *     ROOT/tmp/put/…           files being written; those of processes that are gone are removed at start
 *     ROOT/tmp/staged/KEY,W    values that wait to be published, W being their writer
 *     ROOT/KEY                 everything else
 *
 * Staged mail does not wait in the Maildir's own tmp/: Dovecot removes what lies there for 36 hours, and a laptop that
 * was off for a week may have staged mail that is already ours.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Body } from './body.ts';
import { errorCode, onDisk } from './disk-error.ts';
import {
  createDurably,
  makeFolder,
  removeDurably,
  renameDurably,
  syncFolder,
  tempName,
  type WriteOptions,
  writeDurably,
} from './durable.ts';
import { walkFiles } from './fs-list.ts';
import { checkOwner, type Owner, prepareRoot, TEMPS } from './fs-root.ts';
import { Staging } from './fs-staging.ts';
import { type Listed, type Store, StoreError, type Stray } from './store.ts';
import { checkKey, checkLimit, checkPrefix, LIMIT_MAX } from './store-key.ts';
import { openStored } from './stored-file.ts';

/** Opens the store in that folder, makes it if it is missing, and marks it with its owner; refuses another's. */
export async function openFsStore(root: string, { owner = 'hub' }: { readonly owner?: Owner } = {}): Promise<Store> {
  await prepareRoot(root, owner);
  return new FsStore(root);
}

/** The same, to look at only: nothing is made, marked or cleared away. */
export async function readFsStore(root: string, { owner }: { readonly owner: Owner }): Promise<Store> {
  await checkOwner(root, owner);
  return new FsStore(root);
}

class FsStore implements Store {
  readonly staging = 'apart';
  readonly #root: string;
  readonly #staging: Staging;
  /** Folders that this process has made sure of: there, and durable up to the root. */
  readonly #folders = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
    this.#staging = new Staging(join(root, 'tmp', 'staged'));
  }

  async put(key: string, body: Body): Promise<void> {
    await this.#write(this.#path(key), (path, options) => writeDurably(path, body, options));
  }

  create = async (key: string, body: Body): Promise<boolean> =>
    this.#write(this.#path(key), (path, options) => createDurably(path, body, options));

  async get(key: string): Promise<Body | undefined> {
    const path = this.#path(key);
    return onDisk(`read ${path}`, () => openStored(path));
  }

  async remove(key: string): Promise<void> {
    const path = this.#path(key);
    await this.#staging.forget(key);
    await removeDurably(path);
  }

  async list(
    prefix: string,
    { after = '', limit = LIMIT_MAX }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<readonly Listed[]> {
    checkPrefix(prefix);
    checkLimit(limit);
    const folder = join(this.#root, prefix);
    return onDisk(`list ${folder}`, async () => {
      const page: Listed[] = [];
      for await (const { key, path } of walkFiles(folder, prefix, { after, pass: limit })) {
        const file = await look(path);
        if (file) page.push({ key, ...file });
        if (page.length === limit) break;
      }
      return page;
    });
  }

  async stage(key: string, body: Body): Promise<void> {
    checkKey(key);
    await this.#write(this.#staging.enter(key), (path, options) => writeDurably(path, body, options));
  }

  async publish(key: string): Promise<void> {
    const target = this.#path(key);
    const staged = await this.#staging.choose(key);
    if (staged !== undefined) await this.#publish(staged, target);
    this.#staging.leave(key);
  }

  async *strays(prefix: string): AsyncGenerator<Stray> {
    checkPrefix(prefix);
    for await (const { key, path } of this.#staging.abandoned(prefix))
      yield { key, publish: () => this.#publish(path, this.#path(key)), discard: () => removeDurably(path) };
  }

  #path(key: string): string {
    checkKey(key);
    return join(this.#root, key);
  }

  async #publish(staged: string, target: string): Promise<void> {
    try {
      await this.#inFolder(dirname(target), () => renameDurably(staged, target));
    } catch (error) {
      // Published meanwhile by somebody else.
      if (!isMissing(error)) throw error;
    }
  }

  async #write<T>(path: string, write: (path: string, options: WriteOptions) => Promise<T>): Promise<T> {
    return this.#inFolder(dirname(path), () => write(path, { temp: join(this.#root, TEMPS, tempName('put')) }));
  }

  /** Works in a folder that is there. Somebody may have removed it since this process made sure of it: once more then. */
  async #inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
    await this.#ensure(folder);
    try {
      return await work();
    } catch (error) {
      if (!isMissing(error) || (await look(folder))) throw error;
      this.#folders.clear();
      await this.#ensure(folder);
      return work();
    }
  }

  async #ensure(folder: string): Promise<void> {
    const made = this.#folders.get(folder) ?? this.#make(folder);
    this.#folders.set(folder, made);
    try {
      await made;
    } catch (error) {
      this.#folders.delete(folder);
      throw error;
    }
  }

  /** A folder that is there already is synced as well: another process may have made it and not come to that. */
  async #make(folder: string): Promise<void> {
    const isMaildir = /^(?:new|cur)$/.test(basename(folder)) && !folder.startsWith(join(this.#root, 'tmp/'));
    for (const path of isMaildir ? ['tmp', 'new', 'cur'].map((name) => join(dirname(folder), name)) : [folder])
      await makeFolder(path);
    await onDisk(`make the folder ${folder}`, async () => {
      for (let inner = folder; inner !== this.#root; inner = dirname(inner)) await syncFolder(dirname(inner));
    });
  }
}

const isMissing = (error: unknown): boolean => error instanceof StoreError && errorCode(error.cause) === 'ENOENT';

/** Undefined for what is not there, or not any more. */
async function look(path: string): Promise<Omit<Listed, 'key'> | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { size, time: Math.floor(mtimeMs) };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
