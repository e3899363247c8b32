/** The fields of a short form, as a browser sends them. */
import type { HonoRequest } from 'hono';

/** Undefined when it is longer than `bytesMax`. */
export async function formFields({ raw }: HonoRequest, bytesMax: number): Promise<URLSearchParams | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of raw.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}
