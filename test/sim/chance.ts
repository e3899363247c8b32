/** Chance that a seed decides: the same seed, the same draws. Streams of one seed do not disturb each other. */
export class Chance {
  #state: number;

  constructor(seed: number, stream = '') {
    let hash = 0x811c9dc5 ^ (seed >>> 0);
    for (const letter of `${seed}/${stream}`) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    this.#state = (hash ^ (hash >>> 16)) >>> 0;
  }

  /** From 0 up to and without 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  }

  /** From 0 up to and without `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** Small ones more often than large ones, over orders of magnitude. */
  spread(least: number, most: number): number {
    return least * (most / least) ** this.next();
  }

  one(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  pick<T>(all: readonly T[]): T {
    const [first] = all;
    if (first === undefined) throw new Error('nothing to pick from');
    return all[this.below(all.length)] ?? first;
  }

  some<T>(all: readonly T[], probability: number): readonly T[] {
    return all.filter(() => this.one(probability));
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at < count; at++) bytes[at] = this.below(256);
    return bytes;
  }
}
