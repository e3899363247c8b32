/**
 * Envelope addresses: text without `<>`, as QMTP carries them. The sender of a bounce is the empty string.
 * An address splits at its last @ (qmail-send). Domains compare without case; so do our local parts.
 */

/** qmail-qmtpd refuses recipients of 1000 bytes or more. */
export const ADDRESS_BYTES_MAX = 999;

export interface Address {
  readonly local: string;
  /** Lower case; empty when the address has no @. */
  readonly domain: string;
}

export function splitAddress(address: string): Address {
  const at = address.lastIndexOf('@');
  if (at < 0) return { local: address, domain: '' };
  return { local: address.slice(0, at), domain: address.slice(at + 1).toLowerCase() };
}

/** The form in which addresses are compared and used as keys. */
export const foldAddress = (address: string): string => address.toLowerCase();

/**
 * Why an address cannot be carried, or undefined if it can. Control characters would break out of a header
 * line; invalid UTF-8 has been turned into U+FFFD by the decoder before.
 */
export function addressFault(address: string): string | undefined {
  if (Buffer.byteLength(address) > ADDRESS_BYTES_MAX) return `address is longer than ${ADDRESS_BYTES_MAX} bytes`;
  if (/[\u0000-\u001f\u007f]/.test(address)) return 'address holds a control character';
  if (address.includes('\ufffd')) return 'address is not valid UTF-8';
  return undefined;
}
