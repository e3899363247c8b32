/**
 * The id of a mail is a SHA-256 of exactly what travels: sender, recipients, hops and body. Every receiver
 * computes it again. The body enters by its own hash, so that an entry for another destination (other
 * recipients, one hop more) gets its id without reading the body a second time. The hops are part of it so that
 * a mail that comes back is never taken for a retry of itself.
 */
import { createHash } from 'node:crypto';

export interface Identified {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** How many times one of our programs has handed it to another. */
  readonly hops: number;
  /** SHA-256 of the body, 64 hex digits. */
  readonly bodyHash: string;
}

/** 64 hex digits. */
export function mailId({ sender, recipients, hops, bodyHash }: Identified): string {
  return digest(['fieldpost mail', String(hops), bodyHash, sender, ...recipients]);
}

/** SHA-256 over a list of texts, each framed by its length so that no two lists run into one. 64 hex digits. */
export function digest(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts)
    hash
      .update(`${Buffer.byteLength(text)}:`)
      .update(text)
      .update(',');
  return hash.digest('hex');
}
