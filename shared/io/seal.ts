/**
 * Sealing packs a frame into the bytes that travel, and back. The same frame always gives the same sealed bytes: the
 * compressor is fed pieces of one fixed size and knows the whole size at the start, so nothing depends on how a store
 * hands a body out. A frame that was cut is therefore sealed again and goes on at its next byte, and nothing has to
 * be kept between trips. (If another version of the compressor seals it otherwise, the hash differs and it starts again.)
 *
 * All is streamed; a large frame lies in a spool file. What a frame unseals to was announced, and not one byte more is
 * taken.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { CODEC } from '../core/trip-message.ts';
import { TripError } from '../core/trip-record.ts';
import type { Body } from './body.ts';
import { Spool, type Spooled } from './spool.ts';

export interface Sealed {
  readonly codec: number;
  /** The point of the history that it builds on; empty for none. */
  readonly base: string;
  readonly hash: string;
  readonly length: number;
  readonly packed: number;
  readonly body: Body;
  discard(): Promise<void>;
}

/** First 8 bytes of a SHA-256, as frames are named by. */
export const frameHash = (sha256: string): string => sha256.slice(0, 16);

const PIECE_BYTES = 65_536;
/** Up to this size the hardest level is worth its time and its tables are small; above, memory and time count. */
const HARD_BYTES_MAX = 1_000_000;
/** 8 MB: what the levels used here need, and all that a receiver gives. */
const WINDOW_LOG_MAX = 23;

/** Seals `plain`; `folder` is where a large one is spooled. */
export async function seal(plain: Body, folder: string): Promise<Sealed> {
  return { ...(await sealStream(plain.read(), { folder, size: plain.size })), packed: plain.size };
}

/** Seals what is read; `size`: its bytes, where they are known. */
export async function sealStream(
  plain: AsyncIterable<Uint8Array>,
  { folder, size }: { readonly folder: string; readonly size?: number },
): Promise<Omit<Sealed, 'packed'>> {
  const compress = createZstdCompress({
    params: { [constants.ZSTD_c_compressionLevel]: size !== undefined && size <= HARD_BYTES_MAX ? 19 : 9 },
    ...(size === undefined ? {} : { pledgedSrcSize: size }),
  });
  const spool = new Spool({ folder, bytesMax: Number.MAX_SAFE_INTEGER });
  let spooled: Spooled;
  try {
    await pipeline(pieces(plain), compress, async (sealed: AsyncIterable<Uint8Array>) => {
      for await (const chunk of sealed) await spool.write(chunk);
    });
    spooled = await spool.finish();
  } catch (error) {
    await spool.discard();
    throw error;
  }
  const { body, hash } = spooled;
  return {
    codec: CODEC.zstd,
    base: '',
    hash: frameHash(hash),
    length: body.size,
    body,
    discard: () => spooled.discard(),
  };
}

/** Bytes in pieces of one size, however they are handed out. */
async function* pieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece = Buffer.alloc(PIECE_BYTES);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + PIECE_BYTES - filled);
      piece.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < PIECE_BYTES) continue;
      yield piece;
      piece = Buffer.alloc(PIECE_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

/** What was sealed, `packed` bytes of it exactly. Throws TripError when it is anything else. */
export async function* unseal(sealed: Body, packed: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of decompressed(sealed, packed)) {
    size += chunk.length;
    yield chunk;
  }
  if (size !== packed) throw new TripError('a frame unseals to less than was announced');
}

/** What was compressed. Throws TripError when it is more than `bytesMax`, or cannot be read. */
export async function* decompressed(sealed: Body, bytesMax: number): AsyncGenerator<Uint8Array> {
  const decompress = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX } });
  const source = Readable.from(sealed.read());
  source.on('error', (error) => decompress.destroy(error));
  source.pipe(decompress);
  let left = bytesMax;
  try {
    for await (const chunk of decompress as AsyncIterable<Uint8Array>) {
      left -= chunk.length;
      if (left < 0) break;
      yield chunk;
    }
  } catch (error) {
    // A frame that is not whole ends as any stream of zlib does.
    if (!/^(?:ZSTD_|Z_)/.test(String((error as NodeJS.ErrnoException).code))) throw error;
    throw new TripError(`a frame cannot be unsealed (${(error as Error).message})`);
  } finally {
    source.destroy();
    decompress.destroy();
  }
  if (left < 0) throw new TripError('a frame unseals to more than was announced');
}
