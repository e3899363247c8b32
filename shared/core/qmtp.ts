/**
 * QMTP, the pieces that both ends share (https://cr.yp.to/proto/qmtp.txt). A package is three netstrings: the text,
 * the sender, and the recipients, each a netstring again. The text begins with a byte that tells how its lines end:
 * 10 for LF, 13 for CRLF. The server answers with a netstring for each recipient, in order: K, Z or D and a text.
 *
 *     19:\nSubject: t\n\nhello\n,7:s@x.org,27:23:akbar@kabul.example.org,,   →   22:Kok 1795471464 qp 7560,
 */
import { netstring } from './netstring.ts';
import type { Verdict } from './verdict.ts';

export const LF = 10;
export const CR = 13;

/** Texts of answers are for people; what is longer is cut. */
const VERDICT_TEXT_MAX = 500;

/** Bytes that are not QMTP. The protocol has no words for it: the sentence is for the log, and the connection ends. */
export class QmtpFault extends Error {}

/** The bytes of a package before and after a body of `size` bytes with LF line ends. */
export function packageAround({
  sender,
  recipients,
  size,
}: {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly size: number;
}): { readonly head: Buffer; readonly tail: Buffer } {
  const head = Buffer.from(`${size + 1}:\n`);
  const list = netstring(Buffer.concat(recipients.map((recipient) => netstring(recipient))));
  return { head, tail: Buffer.concat([Buffer.from(','), netstring(sender), list]) };
}

/** A verdict as an answer. */
export const encodeVerdict = ({ letter, text }: Verdict): Buffer => netstring(letter + oneLine(text));

/** An answer as a verdict; undefined when it begins with none of K, Z and D. */
export function decodeVerdict(content: Uint8Array): Verdict | undefined {
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('utf8');
  const letter = text[0];
  if (letter !== 'K' && letter !== 'Z' && letter !== 'D') return undefined;
  return { letter, text: oneLine(text.slice(1)) };
}

/** Texts come from the other side and go to logs, notes and bounces: control characters would break out of those. */
const oneLine = (text: string): string =>
  text
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim()
    .slice(0, VERDICT_TEXT_MAX);
