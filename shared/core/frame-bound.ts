/** How large a frame may be, by its codec: what its receiver has to have room for. */
import { CONTENT_BYTES_MAX } from './group.ts';
import { CODEC, isGroup, PIECED_BYTES_MAX } from './trip-message.ts';

/** A mail that is streamed; a number that no mail reaches. */
const STREAMED_BYTES_MAX = 2 ** 40;

/** Sealed and packed, bytes; undefined for a codec that nobody knows. */
export function frameBytesMax(codec: number): number | undefined {
  if (codec === CODEC.zstd) return STREAMED_BYTES_MAX;
  if (codec === CODEC.pieces) return PIECED_BYTES_MAX;
  return isGroup(codec) ? CONTENT_BYTES_MAX : undefined;
}
