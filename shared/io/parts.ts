/**
 * Large binaries of mail (what base64 decodes to, mostly attachments) that an office's link has carried once: by their
 * SHA-256, long after the history has dropped them. The receiver keeps the bytes, in a ring; the sender only remembers
 * which ones have been answered, since it has the bytes when it meets them again. A frame names those that it builds on. If
 * the receiver does not have one, it says REPEAT, so nothing here is needed for mail to be right.
 */
import { createHash } from 'node:crypto';
import { bytesBody, readBody, textBody } from './body.ts';
import type { Listed, Store } from './store.ts';

/** The largest part: that of the largest frame. */
const PART_BYTES_MAX = 6_000_000;
const RING_BYTES_MAX = 200_000_000;
/** Listing them must not take long; and what the sender remembers. */
const RING_PARTS_MAX = 10_000;
const HASH = /^[0-9a-f]{64}$/;

export const partHash = (part: Uint8Array): string => createHash('sha256').update(part).digest('hex');

export interface PartsOptions {
  readonly store: Store;
  /** Where they are, without the last `/`. */
  readonly prefix: string;
}

/** What came over the link. */
export class HeldParts {
  readonly #options: PartsOptions;

  constructor(options: PartsOptions) {
    this.#options = options;
  }

  /** Undefined when it is not held, or damaged. */
  async get(hash: string): Promise<Buffer | undefined> {
    const body = await this.#options.store.get(this.#key(hash));
    if (!body || body.size > PART_BYTES_MAX) return undefined;
    const part = await readBody(body, PART_BYTES_MAX);
    return partHash(part) === hash ? part : undefined;
  }

  /** To be durable before the frame that brought them is answered. */
  async keep(parts: readonly Uint8Array[]): Promise<void> {
    let grown = false;
    for (const part of parts) grown = (await this.add(part)) || grown;
    if (grown) await this.trim();
  }

  /** Keeps one; whether it is new. `trim` has to follow the last. */
  async add(part: Uint8Array): Promise<boolean> {
    const hash = partHash(part);
    if (await this.get(hash)) return false;
    await this.#options.store.put(this.#key(hash), bytesBody(part));
    return true;
  }

  /** Drops the oldest of what is more than there is room for. */
  async trim(): Promise<void> {
    const { store, prefix } = this.#options;
    const all: Listed[] = [];
    for (let after = ''; ; after = all.at(-1)?.key ?? '') {
      const page = await store.list(`${prefix}/`, after ? { after } : {});
      all.push(...page);
      if (page.length < 1_000) break;
    }
    let bytes = all.reduce((sum, { size }) => sum + size, 0);
    let count = all.length;
    for (const { key, size } of all.sort((a, b) => a.time - b.time)) {
      if (bytes <= RING_BYTES_MAX && count <= RING_PARTS_MAX) return;
      await store.remove(key);
      bytes -= size;
      count -= 1;
    }
  }

  #key(hash: string): string {
    return `${this.#options.prefix}/${hash}`;
  }
}

/** What the other side has answered, as one small record of hashes, the newest last. */
export class KnownParts {
  readonly #options: PartsOptions;
  #loading: Promise<Set<string>> | undefined;
  #changed = false;

  constructor(options: PartsOptions) {
    this.#options = options;
  }

  async has(hash: string): Promise<boolean> {
    return (await this.#hashes()).has(hash);
  }

  async add(added: readonly string[]): Promise<void> {
    if (added.length === 0) return;
    const hashes = await this.#hashes();
    for (const hash of added) {
      hashes.delete(hash);
      hashes.add(hash);
    }
    for (const oldest of hashes) {
      if (hashes.size <= RING_PARTS_MAX) break;
      hashes.delete(oldest);
    }
    this.#changed = true;
  }

  async forget(forgotten: readonly string[]): Promise<void> {
    for (const hash of forgotten) if ((await this.#hashes()).delete(hash)) this.#changed = true;
  }

  async save(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    await this.#options.store.put(`${this.#options.prefix}/known`, textBody([...(await this.#hashes())].join('\n')));
  }

  #hashes(): Promise<Set<string>> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load(): Promise<Set<string>> {
    const body = await this.#options.store.get(`${this.#options.prefix}/known`);
    if (!body) return new Set();
    const lines = (await readBody(body, RING_PARTS_MAX * 65)).toString('latin1').split('\n');
    return new Set(lines.filter((line) => HASH.test(line)));
  }
}
