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

/** `[########        ] sent 3, received 1, 12 KB, 240 B/s, 40 s left, 0.48`. */
export function progressLine({ progress, link, seconds, bytesWaiting }: ProgressFacts): string {
  const { sent, received, bytesUp, bytesDown } = progress;
  const bytes = bytesUp + bytesDown;
  const speed = seconds >= SECONDS_MIN ? bytes / seconds : 0;
  const share = bytesWaiting > 0 ? Math.min(1, sent.bytesRaw / bytesWaiting) : 1;
  const filled = Math.round(share * BAR);
  const left = share > 0 && share < 1 && speed > 0 ? `, ${span((bytesUp / share - bytesUp) / speed)} left` : '';
  const money = hasPrice(link) ? `, ${moneyText(priceOf(link, { bytes, seconds }), link)}` : '';
  const rate = speed > 0 ? `, ${size(Math.round(speed))}/s` : '';
  const bar = `[${'#'.repeat(filled)}${' '.repeat(BAR - filled)}]`;
  return `${bar} sent ${sent.mails}, received ${received.mails}, ${size(bytes)}${rate}${left}${money}`;
}
