/** A file of known length as a body. It is opened anew for each reading, so that a body that waits holds nothing open. */
import { open } from 'node:fs/promises';
import type { Body } from './body.ts';
import { onDisk } from './disk-error.ts';
import { StoreError } from './store.ts';

const CHUNK_BYTES = 65_536;

/** The first `size` bytes of the file. Reading throws StoreError when they are not there any more. */
export function fileBody(path: string, size: number): Body {
  return {
    size,
    async *read(start = 0, end = size) {
      if (end <= start) return;
      const file = await onDisk(`read ${path}`, () => open(path, 'r'));
      try {
        for (let position = start; position < end; ) {
          const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position));
          const { bytesRead } = await onDisk(`read ${path}`, () => file.read(buffer, { position }));
          if (bytesRead === 0) throw new StoreError(`${path} became shorter while it was read`);
          yield buffer.subarray(0, bytesRead);
          position += bytesRead;
        }
      } finally {
        await file.close();
      }
    },
  };
}
