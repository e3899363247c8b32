/**
 * How much the hub may send in a trip, so that what is left of a budget or of money lasts: the hub stops there by itself, and
 * nothing that it has sent is under way when this side has to hang up.
 */
import { countMaildir } from '../shared/io/maildir.ts';
import { type Agent, OUT } from './agent.ts';
import type { LinkConfig } from './config.ts';
import { bytesPerSecond } from './link-speed.ts';
import { priceOf } from './price.ts';
import type { Allowance } from './sync.ts';
import { lastTrips } from './trips.ts';

/** Our own greeting and answers, and what the meter (meter.ts) keeps for itself. */
const OWN_BYTES = 1_000;
/** What waits here becomes about so much smaller; it never gets more than half. */
const UP_RATIO = 0.5;

export interface DownLimit {
  readonly link: LinkConfig;
  readonly allowance: Allowance;
  /** Of this call so far. */
  readonly used: { readonly bytes: number; readonly seconds: number };
  /** Whether mail also goes up. */
  readonly up: boolean;
}

/** Bytes of the line, at least 1; undefined when nothing limits them. */
export async function downBytesMax(
  agent: Agent,
  { link, allowance, used, up }: DownLimit,
): Promise<number | undefined> {
  const speed = bytesPerSecond(await lastTrips(agent), link.name);
  const left = bytesLeft(link, { allowance, used, speed });
  if (left === undefined) return undefined;
  const waiting = up ? (await countMaildir(agent.store, OUT)).bytes * UP_RATIO : 0;
  return Math.max(1, Math.floor(left - OWN_BYTES - Math.min(waiting, left / 2)));
}

const BYTES_MAX = 2 ** 40;

/** Bytes of both ways that may still travel. By the minute only when the speed of the link is known. */
export function bytesLeft(
  link: LinkConfig,
  { allowance, used, speed }: Omit<DownLimit, 'link' | 'up'> & { readonly speed: number | undefined },
): number | undefined {
  const { bytes = BYTES_MAX, money } = allowance;
  let most = Math.max(0, bytes - used.bytes);
  if (money !== undefined) {
    const priceWith = (more: number): number =>
      priceOf(link, {
        bytes: used.bytes + more,
        seconds: used.seconds + (speed === undefined ? 0 : more / speed),
      });
    let least = 0;
    // The price never falls with more bytes: halved until it is found to the byte.
    while (least < most) {
      const middle = Math.ceil((least + most) / 2);
      if (priceWith(middle) <= money) least = middle;
      else most = middle - 1;
    }
  }
  return most >= BYTES_MAX - used.bytes ? undefined : most;
}
