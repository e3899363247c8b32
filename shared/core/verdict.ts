/**
 * The one outcome of handing a mail on, from codec to exit code: qmail's K, Z and D.
 * K: accepted, and durable. Z: not now, try again. D: refused for good.
 * The text is for a person; where it has an RFC 3463 code it ends with it, as qmail's do: `(#5.1.1)`.
 */
export interface Verdict {
  readonly letter: 'K' | 'Z' | 'D';
  readonly text: string;
}

export const accepted = (text: string): Verdict => ({ letter: 'K', text });
export const deferred = (text: string): Verdict => ({ letter: 'Z', text });
export const refused = (text: string): Verdict => ({ letter: 'D', text });

/** The RFC 3463 code in a verdict's text, or the general one of its class. */
export const statusCode = ({ letter, text }: Verdict): string =>
  /#([245]\.\d{1,3}\.\d{1,3})\)/.exec(text)?.[1] ?? { K: '2.0.0', Z: '4.0.0', D: '5.0.0' }[letter];
