import type { Body } from './body.ts';

/**
 * The port to what is durable: bytes by key. A folder (shared/io/fs-store.ts) or a bucket (hub/s3-store.ts).
 * This comment is the contract; test/contract/store-contract.ts runs it on every adapter.
 *
 * - A key is 1 to 900 bytes of [A-Za-z0-9._,:=@+-] in segments of at most 200 parted by `/`. No segment is empty,
 *   begins with a dot, or is `tmp` (those names are the adapter's own). No key is the folder of another. Anything else
 *   throws before it touches the store.
 * - `put`, `create`, `stage`, `publish` and `remove` have happened, durably, when they return. One that throws may have
 *   happened or not. Each may be done again without harm. Readers see all of a value or nothing of it.
 * - `put` writes or replaces.
 * - `get` answers undefined when there is no such key. The Body reads what was there at that time or throws; it
 *   may throw if the key is removed meanwhile.
 * - `list` gives the keys below a prefix that ends in `/` (the empty one is the whole store), at any depth, sorted by
 *   bytes, those after `after` only, at most `limit` (1 to 1000, default 1000). A full page may have a next one.
 *   Memory: one page, however many keys.
 * - `remove` of a key that is not there is fine. What this process has staged for the key goes, too.
 * - `create` says whether this caller made the key: of many at once, exactly one hears true. Absent where the
 *   store cannot do it.
 * - `stage` writes a value for a key; `publish` lets readers see it. What `publish` finds already published, even
 *   if a reader has taken it since, it leaves alone: publishing never brings back a value.
 *   `staging` says where a staged value waits: `apart`, no reader can see it; `in place`, it is listed at once and
 *   a reader must ask for its seen record (shared/io/maildir.ts does).
 */
export interface Store {
  put(key: string, body: Body): Promise<void>;
  get(key: string): Promise<Body | undefined>;
  list(prefix: string, page?: { readonly after?: string; readonly limit?: number }): Promise<readonly Listed[]>;
  remove(key: string): Promise<void>;
  readonly create?: (key: string, body: Body) => Promise<boolean>;
  readonly staging: 'apart' | 'in place';
  stage(key: string, body: Body): Promise<void>;
  publish(key: string): Promise<void>;
  /** Staged values whose writer is gone: for each, the key it was staged for. Recovery publishes or discards it. */
  strays(prefix: string): AsyncIterable<Stray>;
}

export interface Listed {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** When it was written, Unix milliseconds by the store's clock. */
  readonly time: number;
}

export interface Stray {
  readonly key: string;
  publish(): Promise<void>;
  discard(): Promise<void>;
}

/** Every failure of a store: the store is full, away, or says no. The message names the key and the remedy. */
export class StoreError extends Error {}
