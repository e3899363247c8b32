/**
 * The enrolment token: all that an office types. One line, `fieldpost1-` and base64url of the fields, one a line, then
 * four bytes of their SHA-256, so that a token cut short or mistyped is known before anything is written.
 */
import { createHash } from 'node:crypto';

export interface Token {
  /** host:port that the office dials. */
  readonly hub: string;
  readonly office: string;
  /** The domain that everybody writes to. */
  readonly domain: string;
  readonly officeDomains: readonly string[];
  /** What the office calls itself on the wire. */
  readonly identity: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

export class TokenError extends Error {}

const PREFIX = 'fieldpost1-';
const TOKEN_CHARACTERS_MAX = 8_192;
const CHECK_BYTES = 4;
const KEY_BYTES = 32;

export function encodeToken({ hub, office, domain, officeDomains, identity, key }: Token): string {
  const text = [hub, office, domain, officeDomains.join(' '), identity].join('\n');
  const payload = Buffer.concat([key, Buffer.from(text)]);
  return PREFIX + Buffer.concat([payload, checkOf(payload)]).toString('base64url');
}

/** Reads a token as it was typed or pasted: blanks and line breaks do no harm. Throws TokenError. */
export function decodeToken(text: string): Token {
  if (text.length > TOKEN_CHARACTERS_MAX) throw new TokenError('this is no token: it is far too long');
  const line = text.replace(/\s+/g, '');
  if (!line.startsWith(PREFIX))
    throw new TokenError(
      `this is no token: one begins with ${PREFIX}; it is the last line that 'hub office add' or 'hub office rekey' printed`,
    );
  const bytes = Buffer.from(line.slice(PREFIX.length), 'base64url');
  const payload = bytes.subarray(0, -CHECK_BYTES);
  const same = bytes.length > CHECK_BYTES + KEY_BYTES && checkOf(payload).equals(bytes.subarray(-CHECK_BYTES));
  if (!same)
    throw new TokenError('the token is damaged: copy the whole line again, from its first to its last character');
  const fields = payload.subarray(KEY_BYTES).toString().split('\n');
  const [hub = '', office = '', domain = '', officeDomains = '', identity = ''] = fields;
  if (fields.length !== 5 || !hub || !office || !domain || !officeDomains || !identity)
    throw new TokenError('the token comes from another version of the hub: use the same version of both');
  return {
    hub,
    office,
    domain,
    officeDomains: officeDomains.split(' '),
    identity,
    key: Uint8Array.from(payload.subarray(0, KEY_BYTES)),
  };
}

const checkOf = (payload: Uint8Array): Buffer =>
  createHash('sha256').update('fieldpost token').update(payload).digest().subarray(0, CHECK_BYTES);
