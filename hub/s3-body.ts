/**
 * An object of a bucket as a body. Its first part comes with the opening, so that most objects cost one request. The
 * rest is fetched part by part, each whole in memory before it is passed on: a slow reader (a mail going out over a
 * satellite) never holds a connection to the bucket open.
 */
import type { Body } from '../shared/io/body.ts';
import { StoreError } from '../shared/io/store.ts';

export interface FetchedPart {
  readonly bytes: Uint8Array;
  /** Of the whole object. */
  readonly size: number;
  /** The ETag: another one, another value. */
  readonly version: string | undefined;
}

/** Fetches bytes from `start` up to and without `end`; undefined when there is no such object. */
export type Fetch = (start: number, end: number) => Promise<FetchedPart | undefined>;

const FIRST_BYTES = 65_536;
const PART_BYTES = 1_048_576;

export class S3Body implements Body {
  readonly #key: string;
  readonly #first: FetchedPart;
  readonly #fetch: Fetch;

  constructor(key: string, first: FetchedPart, fetch: Fetch) {
    this.#key = key;
    this.#first = first;
    this.#fetch = fetch;
  }

  static async open(key: string, fetch: Fetch): Promise<S3Body | undefined> {
    const first = await fetch(0, FIRST_BYTES);
    return first && new S3Body(key, first, fetch);
  }

  get size(): number {
    return this.#first.size;
  }

  async *read(start = 0, end = this.size): AsyncGenerator<Uint8Array> {
    const last = Math.min(end, this.size);
    const known = this.#first.bytes.subarray(start, last);
    if (known.length > 0) yield known;
    for (let at = Math.max(start, this.#first.bytes.length); at < last; at += PART_BYTES)
      yield await this.#part(at, Math.min(last, at + PART_BYTES));
  }

  async #part(start: number, end: number): Promise<Uint8Array> {
    const part = await this.#fetch(start, end);
    if (part && part.version === this.#first.version && part.size === this.size && part.bytes.length === end - start)
      return part.bytes;
    throw new StoreError(`${this.#key} has been removed or replaced since it was opened; ask for it again`);
  }
}
