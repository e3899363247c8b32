/** The word by which a courier takes away what waits for an office: of the master secret, and another one with each new key of the office. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Office } from '../shared/core/directory.ts';

const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
const LENGTH = 12;

/** `k4md-p7qe-3xnt`: 58 bits. */
export function courierCode(secret: Uint8Array, { keyId, generation }: Office): string {
  const bytes = createHmac('sha256', secret).update(`fieldpost courier ${keyId}.${generation}`).digest();
  const letters = Array.from(bytes.subarray(0, LENGTH), (byte) => LETTERS[byte % LETTERS.length]).join('');
  return letters.match(/.{4}/g)?.join('-') ?? letters;
}

/** Blanks, dashes and capitals do not matter. */
export function courierFits(secret: Uint8Array, office: Office, given: string): boolean {
  const plain = (text: string): Buffer => Buffer.from(text.toLowerCase().replace(/[^a-z0-9]/g, ''));
  const [wanted, shown] = [plain(courierCode(secret, office)), plain(given)];
  return wanted.length === shown.length && timingSafeEqual(wanted, shown);
}
