/** A file of known length as a body. It is opened anew for each reading, so that a body that waits holds nothing open. */
import { open } from 'node:fs/promises';
import type { Body } from './body.ts';
import { StoreError } from './store.ts';

const CHUNK_BYTES = 65_536;

/** The first `size` bytes of the file. Reading throws StoreError when they are not there any more. */
export function fileBody(path: string, size: number): Body {
  return {
    size,
    async *read(start = 0, end = size) {
      if (end <= start) return;
      const file = await opened(path);
      try {
        for (let at = start; at < end; ) {
          const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at)), {
            position: at,
          });
          if (bytesRead === 0) throw new StoreError(`${path} has become shorter than ${size} bytes while it was read`);
          yield buffer.subarray(0, bytesRead);
          at += bytesRead;
        }
      } finally {
        await file.close();
      }
    },
  };
}

async function opened(path: string) {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw new StoreError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
