/** Brotli against a dictionary that both ends hold, off the main thread. */
import { type BrotliOptions, brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { TripError } from '../core/trip-record.ts';

/** Brotli's own windows end at 16 MB; frames and dictionaries are smaller. */
const WINDOW_BITS = 24;
/** Statistics over as much of a frame as there is. */
const BLOCK_BITS = 24;

/** The types of Node do not know `dictionary` yet; an empty one is none. */
type Options = BrotliOptions & { readonly dictionary?: Uint8Array };
const withDictionary = (options: BrotliOptions, dictionary: Uint8Array): Options =>
  dictionary.length > 0 ? { ...options, dictionary } : options;

export interface Squeezing {
  readonly dictionary: Uint8Array;
  /** 0 to 11. */
  readonly quality: number;
}

export function squeeze(content: Uint8Array, { dictionary, quality }: Squeezing): Promise<Buffer> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
    [constants.BROTLI_PARAM_LGBLOCK]: BLOCK_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  };
  return new Promise((resolve, reject) => {
    brotliCompress(content, withDictionary({ params }, dictionary), (error, bytes) =>
      error ? reject(error) : resolve(bytes),
    );
  });
}

/** Exactly `size` bytes; throws TripError when it is anything else. */
export function unsqueeze(
  squeezed: Uint8Array,
  { dictionary, size }: { readonly dictionary: Uint8Array; readonly size: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    brotliDecompress(squeezed, withDictionary({ maxOutputLength: size }, dictionary), (error, bytes) => {
      if (error) reject(new TripError(`a frame cannot be unsealed (${error.message})`));
      else if (bytes.length !== size) reject(new TripError('a frame unseals to less than was announced'));
      else resolve(bytes);
    });
  });
}
