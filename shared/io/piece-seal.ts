/**
 * Seals a mail that is too large for memory against what earlier ones brought: it is cut where its own bytes say so, so that the
 * same attachment gives the same pieces wherever it stands in a mail, and a piece that the other side has is named by its
 * SHA-256. Sealed is the Zstandard frame of
 *
 *     for each piece: bytes varint   bytes          or          00   SHA-256 of one that the receiver has
 *
 * All is streamed: neither end holds more than one piece.
 */
import { CODEC, PIECED_BYTES_MAX } from '../core/trip-message.ts';
import { encodeVarint, TripError } from '../core/trip-record.ts';
import type { Body } from './body.ts';
import { type HeldParts, type KnownParts, partHash } from './parts.ts';
import { decompressed, type Sealed, sealStream } from './seal.ts';

/** Smaller ones are not worth a name. */
const PIECE_BYTES_MIN = 65_536;
const PIECE_BYTES_MAX = 1_000_000;
/** A piece ends where so many bits of the sum are zero: after 256 KB on the average. */
const END_BITS = 18;
const HASH_BYTES = 32;
/** What lengths and names add, in proportion and at all. */
const ADDED = { share: 1 / 1_000, bytes: 1_000 } as const;

export interface Pieced {
  readonly sealed: Sealed;
  /** Pieces that the receiver has once it has accepted the frame. */
  readonly carried: readonly string[];
  /** Those that it has to have. */
  readonly named: readonly string[];
}

/** The receiver does not have a piece that the frame names. */
export class PieceMissing extends Error {}

export const fitsPieces = (plain: Body): boolean => plain.size <= PIECED_BYTES_MAX;

/** Seals `plain`; `folder` is where a large one is spooled. */
export async function sealPieces(
  plain: Body,
  { folder, known }: { readonly folder: string; readonly known: Pick<KnownParts, 'has'> },
): Promise<Pieced> {
  const carried = new Set<string>();
  const named = new Set<string>();
  async function* parts(): AsyncGenerator<Uint8Array> {
    for await (const piece of cut(plain)) {
      const hash = piece.length < PIECE_BYTES_MIN ? '' : partHash(piece);
      if (hash !== '') carried.add(hash);
      if (hash !== '' && (await known.has(hash))) {
        named.add(hash);
        yield Buffer.concat([encodeVarint(0), Buffer.from(hash, 'hex')]);
      } else {
        yield encodeVarint(piece.length);
        yield piece;
      }
    }
  }
  const spooled = await sealStream(parts(), { folder });
  const sealed = { ...spooled, codec: CODEC.pieces, packed: plain.size };
  return { sealed, carried: [...carried], named: [...named] };
}

/**
 * What was sealed, `packed` bytes of it exactly. New pieces are kept before their bytes are handed out. Throws PieceMissing, and
 * TripError when it is none.
 */
export async function* unsealPieces(sealed: Body, packed: number, held: HeldParts): AsyncGenerator<Uint8Array> {
  const read = new Reader(decompressed(sealed, packed + Math.ceil(packed * ADDED.share) + ADDED.bytes));
  let left = packed;
  let grown = false;
  try {
    for (let length = await read.varint(); length !== undefined; length = await read.varint()) {
      const piece = length === 0 ? await named(await read.bytes(HASH_BYTES), held) : await read.bytes(length);
      left -= piece.length;
      if (left < 0) break;
      if (length >= PIECE_BYTES_MIN) grown = (await held.add(piece)) || grown;
      yield piece;
    }
  } finally {
    if (grown) await held.trim();
  }
  if (left !== 0) throw new TripError(`a frame unseals to ${left < 0 ? 'more' : 'less'} than was announced`);
}

async function named(hash: Buffer, held: HeldParts): Promise<Buffer> {
  const piece = await held.get(hash.toString('hex'));
  if (!piece) throw new PieceMissing('a piece that a frame names is not here');
  if (piece.length > PIECE_BYTES_MAX) throw new TripError('a frame names a part that is no piece');
  return piece;
}

/** One number for each byte; any that look random do, and need not be the same at two ends. */
const SUMS = Uint32Array.from(
  { length: 256 },
  (_, byte) => Math.imul(byte + 1, 0x9e3779b1) ^ Math.imul(byte + 7, 0x85ebca6b),
);

/** The pieces of a body: a sum over the last 32 bytes says where one ends. */
async function* cut(plain: Body): AsyncGenerator<Buffer> {
  let piece = Buffer.allocUnsafe(PIECE_BYTES_MAX);
  let [filled, sum] = [0, 0];
  for await (const chunk of plain.read())
    for (const byte of chunk) {
      piece[filled++] = byte;
      sum = ((sum << 1) + (SUMS[byte] ?? 0)) >>> 0;
      const ends = filled >= PIECE_BYTES_MIN && sum >>> (32 - END_BITS) === 0;
      if (!ends && filled < PIECE_BYTES_MAX) continue;
      yield piece.subarray(0, filled);
      piece = Buffer.allocUnsafe(PIECE_BYTES_MAX);
      [filled, sum] = [0, 0];
    }
  if (filled > 0) yield piece.subarray(0, filled);
}

/** Takes a stream apart; holds no more than one piece and the chunk that it ends in. */
class Reader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The length of the next piece; undefined at the end. */
  async varint(): Promise<number | undefined> {
    if (!(await this.#fill(1))) return undefined;
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const [byte = 0] = await this.bytes(1);
      value += (byte & 127) << shift;
      if (value > PIECE_BYTES_MAX) throw new TripError('a piece of a frame is too large');
      if (byte < 128) return value;
      if (shift === 14) throw new TripError('a piece of a frame has no length');
    }
  }

  async bytes(length: number): Promise<Buffer> {
    if (!(await this.#fill(length))) throw new TripError('a frame ends within a piece');
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return bytes;
  }

  async #fill(length: number): Promise<boolean> {
    const chunks: Uint8Array[] = [this.#rest];
    let size = this.#rest.length;
    while (size < length) {
      const { value, done } = await this.#chunks.next();
      if (done) break;
      chunks.push(value);
      size += value.length;
    }
    if (chunks.length > 1) this.#rest = Buffer.concat(chunks);
    return size >= length;
  }
}
