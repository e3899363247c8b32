/** A body as SMTP shows it, for what reads mail as it is on the wire: signatures and their checks. */
import { Readable } from 'node:stream';
import { HEADER_BYTES_MAX, headerBlock } from '../shared/core/headers.ts';
import { lfToCrlf } from '../shared/core/line-ends.ts';
import { type Body, readBody, sliceBody } from '../shared/io/body.ts';

export const crlfStream = (body: Body): Readable => Readable.from(inCrlf(body), { objectMode: false });

async function* inCrlf(body: Body): AsyncGenerator<Uint8Array> {
  for await (const chunk of body.read()) yield lfToCrlf(chunk);
}

/** The header; undefined when its end is not in sight, and a signature would not know where the body begins. */
export async function wholeHeader(body: Body): Promise<Uint8Array | undefined> {
  const start = await readBody(sliceBody(body, 0, Math.min(body.size, HEADER_BYTES_MAX)), HEADER_BYTES_MAX);
  const block = headerBlock(start);
  return block.length === start.length ? undefined : block;
}
