/** rspamd's opinion of a mail, asked over HTTP (its `/checkv2`). */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod/mini';
import type { Body } from '../shared/io/body.ts';
import type { Stranger } from './authentic.ts';

const ANSWER = z.object({ action: z.string(), score: z.number(), required_score: z.number() });
export type Opinion = z.infer<typeof ANSWER>;

/** rspamd asks the DNS itself, and gives up after 8 s. */
const ANSWER_MS = 20_000;
const ANSWER_BYTES_MAX = 1_000_000;

/** Throws when there is no opinion to be had. */
export async function askRspamd(
  url: string,
  { sender, address, helo, recipients }: Stranger & { readonly recipients: readonly string[] },
  body: Body,
): Promise<Opinion> {
  const headers = {
    'content-length': body.size,
    from: plain(sender),
    ip: plain(address),
    helo: plain(helo),
    rcpt: recipients.map(plain),
  };
  const asking = request(new URL('/checkv2', url), {
    method: 'POST',
    headers,
    agent: false,
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const answered = once(asking, 'response') as Promise<[IncomingMessage]>;
  // It may answer before it has all of the mail, and then hang up.
  const [[answer]] = await Promise.all([answered, pipeline(body.read(), asking).catch(() => answered)]);
  const text = await bounded(answer);
  if (answer.statusCode !== 200) throw new Error(`it answered ${answer.statusCode}: ${text.slice(0, 200)}`);
  return ANSWER.parse(JSON.parse(text));
}

async function bounded(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) throw new Error('its answer has no end');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** What a header line of HTTP can hold. */
const plain = (text: string): string => text.replace(/[^\x21-\x7e]/g, '?');
