/** Bytes that can be read again and again, in part: in memory, in a file, or in a store. */
export interface Body {
  readonly size: number;
  /** From `start` (default 0) up to and without `end` (default: the size). */
  read(start?: number, end?: number): AsyncIterable<Uint8Array>;
}

export function bytesBody(bytes: Uint8Array): Body {
  return {
    size: bytes.byteLength,
    async *read(start = 0, end = bytes.byteLength) {
      if (end > start) yield bytes.subarray(start, end);
    },
  };
}

export const textBody = (text: string): Body => bytesBody(Buffer.from(text));

/** One body after another, as one. */
export function joinBodies(...parts: readonly Body[]): Body {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return {
    size,
    async *read(start = 0, end = size) {
      let at = 0;
      for (const part of parts) {
        const from = Math.max(0, start - at);
        const to = Math.min(part.size, end - at);
        if (from < to) yield* part.read(from, to);
        at += part.size;
      }
    },
  };
}

/** A part of a body, as a body. */
export function sliceBody(body: Body, offset: number, length = body.size - offset): Body {
  return {
    size: length,
    read: (start = 0, end = length) => body.read(offset + start, offset + Math.min(end, length)),
  };
}

/** All bytes. For small things only: `limit` (bytes) is the bound, and more than that throws. */
export async function readBody(body: Body, limit = 1_000_000): Promise<Buffer> {
  if (body.size > limit) throw new Error(`${body.size} bytes where at most ${limit} are expected`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}
