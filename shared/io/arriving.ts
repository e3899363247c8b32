/**
 * The bytes of a stream, all that came before it ended, broke or was cut: Node drops what it has buffered when a
 * connection closes, and just that may be the rest of a mail.
 */
import type { Readable } from 'node:stream';
import { Condition } from './condition.ts';

/** Held between the stream and its reader. */
const WAITING_BYTES_MAX = 65_536;

/** Chunks in order; ends when the stream does, however that is. */
export function arriving(stream: Readable): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const changed = new Condition();
  let waiting = 0;
  let over = stream.destroyed;
  const end = (): void => {
    over = true;
    changed.wake();
  };
  stream.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk);
    waiting += chunk.length;
    if (waiting > WAITING_BYTES_MAX) stream.pause();
    changed.wake();
  });
  stream.on('end', end).on('error', end).on('close', end);
  return (async function* () {
    for (;;) {
      await changed.until(() => chunks.length > 0 || over);
      const chunk = chunks.shift();
      if (!chunk) return;
      waiting -= chunk.length;
      if (waiting <= WAITING_BYTES_MAX && stream.isPaused()) stream.resume();
      yield chunk;
    }
  })();
}
