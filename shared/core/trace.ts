/**
 * The one trace line that this program adds to a mail: the first holder's (RFC 5321 section 4.4), short because it
 * travels over links that are paid by the byte. Later hops of ours add none; the entry counts them.
 */
export interface Trace {
  /** How it came: `ESMTP`, `QMTP`, `local`. */
  readonly protocol: string;
  /** What the client calls itself, if it says so. Anybody may write anything here. */
  readonly helo?: string;
  /** Where it calls from, if by network. */
  readonly address?: string;
  /** This machine. */
  readonly hostname: string;
  /** Makes the line, and the mail, tell itself from every other. */
  readonly nonce: string;
  /** Unix seconds. */
  readonly now: number;
}

const WORD_CHARACTERS_MAX = 80;

/** One line with its LF. */
export function receivedLine({ protocol, helo, address, hostname, nonce, now }: Trace): string {
  const from = [helo && word(helo), address && `(${word(address)})`].filter(Boolean).join(' ');
  const by = `by ${word(hostname)} with ${word(protocol)} id ${word(nonce)}`;
  return `Received: ${from && `from ${from} `}${by}; ${mailDate(now)}\n`;
}

/** What comes from outside must not end the line, nor look like another part of it. */
const word = (text: string): string => text.replace(/[^A-Za-z0-9._:[\]/-]/g, '?').slice(0, WORD_CHARACTERS_MAX);

/** RFC 5322's form of a time, in UTC. */
export const mailDate = (seconds: number): string => new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
