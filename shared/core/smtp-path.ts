/** Addresses as SMTP writes them between `<` and `>`. Ours are raw, as QMTP carries them. */

const DOT_ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+)*$/;
const QUOTED = /^"(?:[^"\\]|\\.)*"$/;

/**
 * The address between `<` and `>`; undefined when it cannot be written there. A domain beyond ASCII goes in its ASCII
 * form, which every server understands, so that only the local part may need SMTPUTF8.
 */
export function smtpPath(address: string): string | undefined {
  if (address === '') return '';
  // The client that we use refuses these even where quotes would allow them.
  if (/[<>\r\n]/.test(address)) return undefined;
  const at = address.lastIndexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  if (local === '') return undefined;
  const quoted = DOT_ATOM.test(local) || QUOTED.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`;
  if (at < 0) return quoted;
  const domain = asciiDomain(address.slice(at + 1));
  return domain === undefined ? undefined : `${quoted}@${domain}`;
}

/** A domain in ASCII form; an ASCII one stays as it is. Undefined when it is none. */
export function asciiDomain(domain: string): string | undefined {
  if (domain === '' || /[\s/:@?#%\\[\]]/.test(domain)) return isLiteral(domain) ? domain : undefined;
  if (/^[\u0000-\u007f]+$/.test(domain)) return domain;
  const url = `http://${domain}`;
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

/** `[192.0.2.1]`, `[IPv6:2001:db8::1]`. */
const isLiteral = (domain: string): boolean => /^\[[0-9A-Za-z:.]+\]$/.test(domain);
