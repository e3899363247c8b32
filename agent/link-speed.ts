/** How fast a link is, and how much smaller mail becomes on it, as its last trips went. */
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
