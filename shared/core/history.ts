/**
 * What both ends of a direction have seen of earlier mail: the dictionary that the next frame is compressed against. It is
 * a chain of records. Each is named by a point, a hash over the point that it builds on and its own bytes, so a name
 * stands for all that led to it, and two ends that know a point have the same bytes behind it.
 *
 * The one rule, for both ends and for what is kept on disk: a record goes onto the point that it names, and what stood
 * behind that point is forgotten. Nothing hangs on the order of answers, then, nor on their being heard: the sender names a
 * point, and the receiver has it or says that it has not.
 */
import { createHash } from 'node:crypto';

export const POINT_BYTES = 8;
/** A chain that begins with nothing: always known. */
export const EMPTY_POINT = '00'.repeat(POINT_BYTES);

/** Bytes of a dictionary, at most. */
const HISTORY_BYTES_MAX = 4_000_000;
/** What is held more than that, so that a point a little way back still has its dictionary. */
const SLACK_BYTES = 1_000_000;
/** What a frame leaves in the history: its texts come first, and a large attachment would drive out all else. */
export const JOINED_BYTES_MAX = 1_000_000;

export interface HistoryRecord {
  readonly base: string;
  readonly bytes: Uint8Array;
}

interface Link extends HistoryRecord {
  readonly point: string;
}

/** The name of what follows `base` when `bytes` are joined to it. */
export const pointAfter = (base: string, bytes: Uint8Array): string =>
  createHash('sha256')
    .update(Buffer.from(base, 'hex'))
    .update(bytes)
    .digest('hex')
    .slice(0, POINT_BYTES * 2);

/** What a frame's content leaves in the history. */
export const joinedPart = (content: Uint8Array): Uint8Array => content.subarray(0, JOINED_BYTES_MAX);

export class History {
  /** Points that need no record: nothing, and the shipped dictionary. */
  readonly #roots: ReadonlyMap<string, Uint8Array>;
  /** Where a chain begins that has no reason to begin elsewhere. */
  readonly first: string;
  #chain: Link[] = [];
  #bytes = 0;

  constructor(shipped: Uint8Array) {
    this.first = pointAfter(EMPTY_POINT, shipped);
    this.#roots = new Map([
      [EMPTY_POINT, new Uint8Array()],
      [this.first, shipped],
    ]);
  }

  /** The newest point that has its dictionary here. */
  get tip(): string {
    const tip = this.#chain.at(-1)?.point ?? this.first;
    return this.dictionary(tip) ? tip : this.first;
  }

  get records(): readonly HistoryRecord[] {
    return this.#chain;
  }

  /**
   * Whole records before the point, as many as fit; undefined when the point is not known, or not enough is held. Both ends
   * get the same bytes, however much more one of them holds.
   */
  dictionary(point: string): Buffer | undefined {
    const root = this.#roots.get(point);
    if (root) return Buffer.from(root);
    const parts: Uint8Array[] = [];
    let room = HISTORY_BYTES_MAX;
    for (let at = this.#indexOf(point); at >= 0; at -= 1) {
      const link = this.#chain[at];
      if (!link || link.bytes.length > room) return Buffer.concat(parts);
      parts.unshift(link.bytes);
      room -= link.bytes.length;
    }
    const start = parts.length > 0 ? this.#roots.get(this.#chain[0]?.base ?? '') : undefined;
    if (!start) return undefined;
    return Buffer.concat(start.length <= room ? [start, ...parts] : parts);
  }

  /** Joins `bytes` to the point `base`; answers the new point. What is not known to build on begins a chain anew. */
  append({ base, bytes }: HistoryRecord): string {
    this.forgetAfter(base);
    const point = pointAfter(base, bytes);
    this.#chain.push({ base, bytes: Uint8Array.from(bytes), point });
    this.#bytes += bytes.length;
    this.#trim();
    return point;
  }

  /** Forgets what stands behind the point: all, when it is not known. */
  forgetAfter(point: string): void {
    this.#cutTo(this.#indexOf(point) + 1);
  }

  /** Forgets what stands behind the first of these points that is known. */
  forgetAfterFirst(points: readonly string[]): void {
    const indexes = points.map((point) => this.#indexOf(point)).filter((index) => index >= 0);
    const rooted = points.some((point) => this.#roots.has(point));
    if (rooted) this.#cutTo(0);
    else if (indexes.length > 0) this.#cutTo(Math.min(...indexes) + 1);
  }

  #cutTo(length: number): void {
    for (const { bytes } of this.#chain.splice(length)) this.#bytes -= bytes.length;
  }

  #indexOf(point: string): number {
    return this.#chain.findLastIndex((link) => link.point === point);
  }

  #trim(): void {
    for (let first = this.#chain[0]; first && this.#chain.length > 1; first = this.#chain[0]) {
      if (this.#bytes - first.bytes.length < HISTORY_BYTES_MAX + SLACK_BYTES) return;
      this.#chain.shift();
      this.#bytes -= first.bytes.length;
    }
  }
}
