/**
 * Makes a hostile input of a good one: bits flipped, bytes set to what breaks things, pieces taken out, doubled, moved, spliced in
 * from another input, words of the format put in, numbers grown, the end cut off. Several at once.
 */
import type { Random } from './random.ts';

export interface MutateOptions {
  readonly corpus: readonly Uint8Array[];
  /** Words of the format. */
  readonly tokens: readonly Uint8Array[];
  readonly sizeMax: number;
}

/** Bytes at the edges of what parsers tell apart. */
const EDGES = [0, 1, 9, 10, 13, 32, 34, 44, 46, 47, 48, 57, 58, 60, 62, 64, 92, 127, 128, 129, 254, 255];
const NUMBERS = [
  ...[
    '0',
    '-1',
    '00',
    '1',
    '127',
    '128',
    '255',
    '256',
    '65535',
    '65536',
    '2147483648',
    '4294967296',
    '9007199254740991',
  ],
  ...['9007199254740992', '999999999999999', '1e9', '0x10', 'NaN'],
].map((text) => Buffer.from(text));

/** Writes into a buffer of its own, which the next call uses again. */
export class Mutator {
  readonly #random: Random;
  readonly #options: MutateOptions;
  readonly #bytes: Buffer;
  #length = 0;

  constructor(random: Random, options: MutateOptions) {
    this.#random = random;
    this.#options = options;
    this.#bytes = Buffer.alloc(options.sizeMax);
  }

  /** The next input; good until the next call. */
  next(): Buffer {
    const random = this.#random;
    const { corpus, sizeMax } = this.#options;
    const seed = random.of(corpus);
    this.#length = Math.min(seed.length, sizeMax);
    this.#bytes.set(seed.subarray(0, this.#length));
    for (let times = 1 + (random.next() & 3); times > 0; times -= 1) this.#mutate();
    return this.#bytes.subarray(0, this.#length);
  }

  #mutate(): void {
    const random = this.#random;
    const { corpus, tokens } = this.#options;
    const kind = random.below(13);
    const at = random.below(this.#length + 1);
    if (kind <= 1) this.#flip();
    else if (kind <= 3) this.#set(random.of(EDGES));
    else if (kind === 4) this.#set(random.below(256));
    else if (kind === 5) this.#replace(at, this.#some(), EMPTY);
    else if (kind === 6) this.#replace(at, 0, Buffer.from(this.#piece()));
    else if (kind === 7) this.#replace(at, this.#some(), sliceOf(random, random.of(corpus)));
    else if (kind === 8 && tokens.length > 0) this.#replace(at, random.below(2) * this.#some(), random.of(tokens));
    else if (kind === 9) this.#number();
    else if (kind === 10) this.#length = at;
    else if (kind === 11) this.#repeat(at);
    else this.#replace(at, 0, Uint8Array.of(random.below(2) ? random.of(EDGES) : random.below(256)));
  }

  #flip(): void {
    if (this.#length === 0) return;
    const at = this.#random.below(this.#length);
    this.#bytes[at] = (this.#bytes[at] ?? 0) ^ (1 << this.#random.below(8));
  }

  #set(byte: number): void {
    if (this.#length > 0) this.#bytes[this.#random.below(this.#length)] = byte;
  }

  /** Mostly few bytes. */
  #some(): number {
    return this.#random.below(this.#random.below(4) === 0 ? Math.max(1, this.#length) : 8);
  }

  #piece(): Uint8Array {
    return sliceOf(this.#random, this.#bytes.subarray(0, this.#length));
  }

  /** A number in digits becomes another one. */
  #number(): void {
    const from = this.#random.below(this.#length + 1);
    for (let at = from; at < this.#length; at += 1) {
      if (!isDigit(this.#bytes[at])) continue;
      let end = at;
      while (isDigit(this.#bytes[end]) && end < this.#length) end += 1;
      this.#replace(at, end - at, this.#random.of(NUMBERS));
      return;
    }
  }

  /** A short piece, very often: what is slow with the square of its length shows itself. */
  #repeat(at: number): void {
    const width = Math.min(1 + this.#random.below(8), this.#length - at);
    if (width <= 0 || this.#random.below(4) > 0) return;
    const piece = Buffer.from(this.#bytes.subarray(at, at + width));
    const times = 1 << this.#random.below(12);
    this.#replace(at, 0, Buffer.alloc(Math.min(times * width, this.#options.sizeMax - this.#length), piece));
  }

  /** Puts bytes in the place of `length` others, as far as there is room. */
  #replace(at: number, length: number, bytes: Uint8Array): void {
    const taken = Math.min(length, this.#length - at);
    const put = bytes.subarray(0, this.#options.sizeMax - this.#length + taken);
    this.#bytes.copyWithin(at + put.length, at + taken, this.#length);
    this.#bytes.set(put, at);
    this.#length += put.length - taken;
  }
}

const EMPTY = new Uint8Array();

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;

function sliceOf(random: Random, bytes: Uint8Array): Uint8Array {
  const from = random.below(bytes.length + 1);
  return bytes.subarray(from, from + random.below(random.below(3) === 0 ? 512 : 24));
}
