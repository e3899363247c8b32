/**
 * What a store holds, in memory, and sessions of processes that work on it. A session can be told at which of its writes
 * something goes wrong: it fails and has not happened, it fails and has happened, or the process is killed before or
 * after it. A killed session answers nothing any more; what it had staged is left to recovery.
 */
import { type Body, bytesBody, readBody } from '../../shared/io/body.ts';
import { type Listed, type Store, StoreError, type Stray } from '../../shared/io/store.ts';
import { checkKey, checkLimit, checkPrefix } from '../../shared/io/store-key.ts';

export type Fault = 'fails, not done' | 'fails, done' | 'killed before' | 'killed after';
export const FAULTS: readonly Fault[] = ['fails, not done', 'fails, done', 'killed before', 'killed after'];

export class Killed extends Error {}

/** What is durable, whatever happens to processes. */
export class Disk {
  readonly staging: Store['staging'];
  readonly files = new Map<string, Uint8Array>();
  readonly staged = new Map<string, { readonly bytes: Uint8Array; readonly writer: Session }>();

  constructor(staging: Store['staging']) {
    this.staging = staging;
  }
}

export interface SessionOptions {
  /** The number of a write (from 1), and what happens to it. */
  readonly faults?: ReadonlyMap<number, Fault>;
  /** Called between any two steps: whoever else works on the disk. */
  readonly meanwhile?: () => Promise<void>;
}

export class Session implements Store {
  readonly disk: Disk;
  readonly staging: Store['staging'];
  readonly #options: SessionOptions;
  writes = 0;
  alive = true;

  constructor(disk: Disk, options: SessionOptions = {}) {
    this.disk = disk;
    this.staging = disk.staging;
    this.#options = options;
  }

  async put(key: string, body: Body): Promise<void> {
    checkKey(key);
    await this.#write(async () => void this.disk.files.set(key, await bytesOf(body)));
  }

  create = async (key: string, body: Body): Promise<boolean> => {
    checkKey(key);
    return this.#write(async () => {
      const bytes = await bytesOf(body);
      if (this.disk.files.has(key)) return false;
      this.disk.files.set(key, bytes);
      return true;
    });
  };

  async stage(key: string, body: Body): Promise<void> {
    if (this.staging === 'in place') return this.put(key, body);
    checkKey(key);
    await this.#write(async () => {
      this.disk.staged.set(key, { bytes: await bytesOf(body), writer: this });
    });
  }

  async publish(key: string): Promise<void> {
    checkKey(key);
    if (this.staging === 'in place') return;
    await this.#write(async () => {
      const writer = this.disk.staged.get(key)?.writer;
      if (writer === this || writer?.alive === false) publishStaged(this.disk, key);
    });
  }

  async remove(key: string): Promise<void> {
    checkKey(key);
    await this.#write(async () => {
      this.disk.files.delete(key);
      if (this.disk.staged.get(key)?.writer === this) this.disk.staged.delete(key);
    });
  }

  async get(key: string): Promise<Body | undefined> {
    checkKey(key);
    await this.#step();
    const bytes = this.disk.files.get(key);
    return bytes && bytesBody(bytes);
  }

  async list(prefix: string, { after = '', limit = 1000 }: { after?: string; limit?: number } = {}): Promise<Listed[]> {
    checkPrefix(prefix);
    checkLimit(limit);
    await this.#step();
    const keys = [...this.disk.files.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    return keys.slice(0, limit).map((key) => ({ key, size: this.disk.files.get(key)?.length ?? 0, time: 0 }));
  }

  async *strays(prefix: string): AsyncGenerator<Stray> {
    for (const [key, { writer }] of [...this.disk.staged]) {
      if (writer.alive || !key.startsWith(prefix)) continue;
      yield {
        key,
        publish: () => this.#write(async () => publishStaged(this.disk, key)),
        discard: () => this.#write(async () => void this.disk.staged.delete(key)),
      };
    }
  }

  /** The process ends here. */
  kill(): void {
    this.alive = false;
  }

  async #step(): Promise<void> {
    if (!this.alive) throw new Killed('this process was killed');
    await this.#options.meanwhile?.();
  }

  async #write<T>(work: () => Promise<T>): Promise<T> {
    await this.#step();
    this.writes += 1;
    const fault = this.#options.faults?.get(this.writes);
    if (fault === 'killed before') this.kill();
    if (fault === 'killed before' || !this.alive) throw new Killed('this process was killed');
    if (fault === 'fails, not done') throw new StoreError('the disk does not take it');
    const result = await work();
    await this.#options.meanwhile?.();
    if (fault === 'killed after') this.kill();
    if (!this.alive) throw new Killed('this process was killed');
    if (fault === 'fails, done') throw new StoreError('the disk did not say whether it took it');
    return result;
  }
}

async function bytesOf(body: Body): Promise<Buffer> {
  const bytes = await readBody(body, 100_000_000);
  if (bytes.length !== body.size) throw new StoreError(`a body gave ${bytes.length} bytes instead of ${body.size}`);
  return bytes;
}

function publishStaged(disk: Disk, key: string): void {
  const staged = disk.staged.get(key);
  disk.staged.delete(key);
  if (staged) disk.files.set(key, staged.bytes);
}
