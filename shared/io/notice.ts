/** A mail that this machine itself writes: a bounce, or a word to postmaster. It has no sender, so nothing answers it. */
import { createHash } from 'node:crypto';
import { NORMAL } from '../core/entry.ts';
import { refused, type Verdict } from '../core/verdict.ts';
import { accept } from './accept.ts';
import { bytesBody } from './body.ts';
import type { Place } from './mail.ts';

export interface Notice {
  /** The same id again writes nothing again. 64 hex digits. */
  readonly id: string;
  readonly recipient: string;
  /** The mail, with LF line ends. */
  readonly bytes: Uint8Array;
  /** Unix seconds. */
  readonly now: number;
}

/** Hands it to `accept`. Z: not kept, do it again later. */
export async function sendNotice(place: Place, { id, recipient, bytes, now }: Notice): Promise<Verdict> {
  const mail = {
    sender: '',
    recipients: [recipient],
    hops: 0,
    urgency: NORMAL,
    body: bytesBody(bytes),
    bodyHash: createHash('sha256').update(bytes).digest('hex'),
  };
  const [verdict] = await accept(place, { peer: { name: 'bounce', relays: true }, id, mail }, now);
  return verdict ?? refused('nobody to send it to');
}
