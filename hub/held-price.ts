/**
 * What a held mail, or a part of it, costs on each link of its office: about, in a call of its own. Texts become smaller on
 * the way, pictures and most documents do not.
 */
import type { OfficeLink } from '../shared/core/link-list.ts';
import { hasPrice, priceOf } from '../shared/core/tariff.ts';

/** Text on the line, for each byte of it. */
const TEXT_RATIO = 0.35;
/** An attachment in a mail, for each byte of it. */
const BASE64_RATIO = 1.37;
/** A session of which nothing travels, handshakes included. */
const SESSION_BYTES = 900;
/** More links than this make a summary long. */
const LINKS_SHOWN = 4;

export interface Sized {
  readonly type: string;
  readonly bytes: number;
}

/** Bytes on the line. */
export const lineBytes = ({ type, bytes }: Sized): number =>
  /^(?:text\/|message\/)|[+/](?:xml|json)$|^application\/(?:rtf|postscript)$/.test(type) ? bytes * TEXT_RATIO : bytes;

/** Of the whole mail. */
export function lineBytesOfAll(bytes: number, attachments: readonly Sized[]): number {
  const inMail = attachments.reduce((sum, attachment) => sum + attachment.bytes * BASE64_RATIO, 0);
  const parts = attachments.reduce((sum, attachment) => sum + lineBytes(attachment), 0);
  return Math.min(bytes, parts + Math.max(0, bytes - inMail) * TEXT_RATIO);
}

export interface Prices {
  /** What the prices behind each line are of; none when no link has one. */
  readonly head: readonly string[];
  /** Of so many bytes on the line, to stand behind what has them; empty when no link has a price. */
  of(bytes: number): string;
}

/** `4.10 / free`: for each link in turn. */
export function pricesOn(links: readonly OfficeLink[]): Prices {
  if (!links.some(hasPrice)) return { head: [], of: () => '' };
  const shown = links.slice(0, LINKS_SHOWN);
  const names = shown.map(({ name, currency }) => (currency ? `${name} (${currency})` : name));
  return {
    head: [`Prices are about those of a call of its own over ${names.join(' / ')}.`],
    of: (bytes) => `  ${shown.map((link) => priceText(link, bytes)).join(' / ')}`,
  };
}

function priceText(link: OfficeLink, bytes: number): string {
  if (!hasPrice(link)) return 'free';
  const { bytesPerSecond: speed, pricePerMinute } = link;
  if (pricePerMinute !== undefined && speed === undefined) return `${pricePerMinute} a minute`;
  const all = bytes + SESSION_BYTES;
  const price = priceOf(link, { bytes: all, seconds: speed ? all / speed : 0 });
  return price > 0 && price < 0.01 ? '<0.01' : price.toFixed(2);
}

/** Links on which the mail is not too large. `holdBytesMax`: the office's own limit, whatever the link; 0: none. */
export function linksThatCarry(links: readonly OfficeLink[], bytes: number, holdBytesMax: number): readonly string[] {
  if (holdBytesMax > 0 && bytes > holdBytesMax) return [];
  return links.filter(({ mailBytesMax = 0 }) => mailBytesMax === 0 || bytes <= mailBytesMax).map(({ name }) => name);
}
