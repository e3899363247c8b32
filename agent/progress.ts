/** The line that shows how far a sync is: a bar over what waits to be sent, then bytes, speed, time left and money. */
import type { LinkConfig } from './config.ts';
import { hasPrice, moneyText, priceOf } from './price.ts';
import type { SyncProgress } from './sync.ts';
import { size, span } from './words.ts';

const BAR = 16;
/** Below this a speed says nothing yet. */
const SECONDS_MIN = 2;

export interface ProgressFacts {
  readonly progress: SyncProgress;
  readonly link: LinkConfig;
  readonly seconds: number;
  /** Bytes of the mails that waited here when the sync began. */
  readonly bytesWaiting: number;
}

export interface Reached {
  /** Both ways, as the socket carries them. */
  readonly bytes: number;
  /** Of what waited here, 0 to 1. */
  readonly share: number;
  /** Bytes a second; undefined while nothing can be said. */
  readonly speed?: number;
  readonly secondsLeft?: number;
  /** By the prices of the link, if it has any. */
  readonly money?: number;
}

export function reached({ progress, link, seconds, bytesWaiting }: ProgressFacts): Reached {
  const { sent, bytesUp, bytesDown } = progress;
  const bytes = bytesUp + bytesDown;
  const speed = seconds >= SECONDS_MIN ? bytes / seconds : 0;
  const share = bytesWaiting > 0 ? Math.min(1, sent.bytesRaw / bytesWaiting) : 1;
  const isUnderWay = share > 0 && share < 1 && speed > 0;
  return {
    bytes,
    share,
    ...(speed > 0 ? { speed } : {}),
    ...(isUnderWay ? { secondsLeft: (bytesUp / share - bytesUp) / speed } : {}),
    ...(hasPrice(link) ? { money: priceOf(link, { bytes, seconds }) } : {}),
  };
}

/** `[########        ] sent 3, received 1, 12 KB, 240 B/s, 40 s left, 0.48`. */
export function progressLine(facts: ProgressFacts): string {
  const { sent, received } = facts.progress;
  const { bytes, share, speed, secondsLeft, money } = reached(facts);
  const filled = Math.round(share * BAR);
  const left = secondsLeft === undefined ? '' : `, ${span(secondsLeft)} left`;
  const price = money === undefined ? '' : `, ${moneyText(money, facts.link)}`;
  const rate = speed === undefined ? '' : `, ${size(Math.round(speed))}/s`;
  const bar = `[${'#'.repeat(filled)}${' '.repeat(BAR - filled)}]`;
  return `${bar} sent ${sent.mails}, received ${received.mails}, ${size(bytes)}${rate}${left}${price}`;
}
