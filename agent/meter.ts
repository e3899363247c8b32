/** What a trip has used so far, looked at with each piece and several times a second: it ends before it would use more than it may. */
import { TripCut } from '../shared/io/trip-side.ts';
import type { LinkConfig } from './config.ts';
import type { HubCall } from './dial-hub.ts';
import { moneyText, priceOf } from './price.ts';
import type { Allowance } from './sync.ts';

const LOOK_MS = 200;
/** What may be under way between two looks, and what saying good-bye takes. */
const AHEAD = { bytes: 600, seconds: 1 } as const;

export interface Metered {
  readonly call: Pick<HubCall, 'bytesUp' | 'bytesDown'>;
  readonly link: LinkConfig;
  readonly allowance: Allowance;
  /** `performance.now()` when the call was begun. */
  readonly since: number;
  abort(reason: Error): void;
  /** Called at each look. */
  look?(): void;
}

export interface Meter {
  /** Looks now: with each piece that is sent, and each that comes. */
  check(): void;
  stop(): void;
}

export function startMeter({ call, link, allowance, since, abort, look }: Metered): Meter {
  const check = (): void => {
    const bytes = call.bytesUp + call.bytesDown + AHEAD.bytes;
    const seconds = (performance.now() - since) / 1_000 + AHEAD.seconds;
    const rest = 'what was under way goes on where it is with the next sync';
    if (allowance.bytes !== undefined && bytes > allowance.bytes)
      abort(new TripCut(`the budget of link ${link.name} is used up: ${rest}`));
    else if (allowance.money !== undefined && priceOf(link, { bytes, seconds }) > allowance.money)
      abort(
        new TripCut(`the money for link ${link.name} (${moneyText(allowance.money, link)} left) is used up: ${rest}`),
      );
  };
  const timer = setInterval(() => {
    look?.();
    check();
  }, LOOK_MS);
  return { check, stop: () => clearInterval(timer) };
}
