/** How fast a link is, and how much smaller mail becomes on it, as its last trips went. */
import type { LinkConfig } from './config.ts';
import { hasPrice, priceOf } from './price.ts';
import type { Trip } from './trips.ts';

/** Both ways, as the trips over this link that carried something went; undefined before one did. */
export function bytesPerSecond(trips: readonly Trip[], link: string): number | undefined {
  const carried = trips.filter((trip) => trip.link === link && trip.mailsUp + trip.mailsDown > 0);
  const seconds = carried.reduce((sum, trip) => sum + trip.seconds, 0);
  return seconds > 0 ? carried.reduce((sum, trip) => sum + trip.bytesWire, 0) / seconds : undefined;
}

/** Before a link has carried anything: mail becomes about so much smaller. */
const RATIO = 0.35;

/** What the link carried for each byte of mail, both ways, as its trips with mail went. */
export function wireRatio(trips: readonly Trip[], link: string): number {
  const carried = trips.filter((trip) => trip.link === link && trip.bytesRaw > 0);
  const raw = carried.reduce((sum, { bytesRaw }) => sum + bytesRaw, 0);
  return raw > 0 ? carried.reduce((sum, { bytesWire }) => sum + bytesWire, 0) / raw : RATIO;
}

/** A mail of so much has attachments: base64 of what is compressed already. */
const ATTACHED_BYTES = 50_000;
const ATTACHED_RATIO = 0.75;

/** Bytes on the line of one mail, about. */
export const mailLineBytes = (trips: readonly Trip[], link: string, bytes: number): number =>
  bytes * Math.max(wireRatio(trips, link), bytes > ATTACHED_BYTES ? ATTACHED_RATIO : 0);

/** What a mail costs in a call of its own, about; undefined as below. */
export const mailCost = (link: LinkConfig, trips: readonly Trip[], bytes: number): number | undefined =>
  priceOfLine(link, trips, mailLineBytes(trips, link.name, bytes));

/** Of bytes on the line; undefined when the link has no price, or time has one and its speed is not known yet. */
export function priceOfLine(link: LinkConfig, trips: readonly Trip[], bytes: number): number | undefined {
  if (!hasPrice(link)) return undefined;
  if (bytes === 0) return 0;
  const speed = bytesPerSecond(trips, link.name);
  if (link.price_per_minute !== undefined && speed === undefined) return undefined;
  return Math.round(priceOf(link, { bytes, seconds: speed === undefined ? 0 : bytes / speed }) * 100) / 100;
}
