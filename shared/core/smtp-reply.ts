/** SMTP replies and verdicts: 2xx K, 4xx Z, 5xx D, and a code of RFC 3463 in both. */
import { statusCode, type Verdict } from './verdict.ts';

const REPLY_CHARACTERS_MAX = 300;

/** What another server's reply says of a mail or a recipient. */
export function replyVerdict(host: string, reply: string): Verdict {
  const letter = reply.startsWith('2') ? 'K' : reply.startsWith('5') ? 'D' : 'Z';
  const text = reply
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .trim()
    .slice(0, REPLY_CHARACTERS_MAX);
  const code =
    /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(reply)?.[1] ?? { K: '2.0.0', Z: '4.0.0', D: '5.0.0' }[letter];
  return { letter, text: `${host} said: ${text} (#${code})` };
}

/** A verdict as our own reply: `550 5.1.1 no such user`. */
export function verdictReply(verdict: Verdict): { readonly code: number; readonly text: string } {
  const text = verdict.text.replace(/\s*\(#[245]\.\d{1,3}\.\d{1,3}\)/, '');
  const code = statusCode(verdict);
  return { code: replyCode(verdict, code), text: `${code} ${text}` };
}

function replyCode({ letter }: Verdict, status: string): number {
  if (letter === 'K') return 250;
  if (letter === 'Z') return status === '4.5.3' ? 452 : 451;
  // RFC 4954 section 6: log in first.
  if (status === '5.7.0') return 530;
  return status === '5.3.4' || status === '5.2.3' ? 552 : status === '5.1.3' || status === '5.1.7' ? 553 : 550;
}
