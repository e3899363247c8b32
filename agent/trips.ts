/** What the last trips did, and what each link carried and cost today and this month: one small record of the data folder. */
import * as z from 'zod/mini';
import { readBody, textBody } from '../shared/io/body.ts';
import { type Store, StoreError } from '../shared/io/store.ts';
import type { Agent } from './agent.ts';
import { alone } from './alone.ts';
import type { LinkConfig } from './config.ts';
import { reckonTime } from './hub-time.ts';
import type { SyncResult } from './sync.ts';

const KEY = 'trips';

const TRIP = z.strictObject({
  /** Unix seconds by the hub's clock, when it ended. */
  time: z.int(),
  link: z.string(),
  seconds: z.number(),
  mailsUp: z.int(),
  mailsDown: z.int(),
  /** Both ways: of the mails as they are, and what the link carried. */
  bytesRaw: z._default(z.int(), 0),
  bytesWire: z.int(),
  cost: z._default(z.number(), 0),
  error: z.optional(z.string()),
  /** Exit code of a trip that ended early. */
  exit: z.optional(z.int()),
  /** What the hub said that it kept back. */
  waitingDown: z.optional(z.strictObject({ mails: z.int(), bytes: z.int() })),
});

const USE = z.strictObject({ bytes: z.number(), seconds: z.number(), money: z.number() });

export const TRIPS = z.strictObject({
  last: z.array(TRIP),
  /** What each link carried and cost on one day and in one month, by the hub's clock. */
  used: z._default(
    z.array(z.tuple([z.string(), z.strictObject({ day: z.int(), month: z.int(), today: USE, thisMonth: USE })])),
    [],
  ),
  /** As the first version kept it; a day's bytes are not worth carrying over. */
  day: z.optional(z.int()),
  bytesToday: z.optional(z.array(z.tuple([z.string(), z.int()]))),
});

export type Trip = z.infer<typeof TRIP>;
type Trips = z.infer<typeof TRIPS>;
export type LinkUse = z.infer<typeof USE>;

/** What a link carried and cost. */
export interface Used {
  readonly today: LinkUse;
  readonly thisMonth: LinkUse;
}

const NOTHING: LinkUse = { bytes: 0, seconds: 0, money: 0 };
const KEPT_MAX = 100;
const BYTES_MAX = 1_000_000;
const DAY_SECONDS = 86_400;

async function readTrips(store: Store): Promise<Trips> {
  const body = await store.get(KEY);
  if (!body) return { last: [], used: [] };
  const trips = TRIPS.safeParse(parseJson((await readBody(body, BYTES_MAX)).toString()));
  if (trips.success) return trips.data;
  throw new StoreError(`${KEY} in the data folder is damaged: remove it; the record of past syncs begins anew`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The latest last. */
export const lastTrips = async ({ store }: Agent): Promise<readonly Trip[]> => (await readTrips(store)).last;

/** What the link carried and cost today and this month, by the hub's clock. */
export async function usedOf(agent: Agent, link: string): Promise<Used> {
  return usedIn(await readTrips(agent.store), link, await hubNow(agent));
}

function usedIn({ used }: Trips, link: string, now: number): Used {
  const use = new Map(used).get(link);
  return {
    today: use?.day === dayOf(now) ? use.today : NOTHING,
    thisMonth: use?.month === monthOf(now) ? use.thisMonth : NOTHING,
  };
}

/** Bytes that may still travel over the link; undefined when nothing limits them. */
export async function budgetLeft(agent: Agent, { name, budget }: LinkConfig): Promise<number | undefined> {
  if (!budget || budget.length === 0) return undefined;
  const { today, thisMonth } = await usedOf(agent, name);
  return Math.min(...budget.map(({ amount, per }) => Math.max(0, amount - (per === 'day' ? today : thisMonth).bytes)));
}

/** Money that may still be spent on the link; undefined when nothing limits it. */
export async function moneyLeft(agent: Agent, { name, money }: LinkConfig): Promise<number | undefined> {
  if (!money || money.length === 0) return undefined;
  const { today, thisMonth } = await usedOf(agent, name);
  return Math.min(...money.map(({ amount, per }) => Math.max(0, amount - (per === 'day' ? today : thisMonth).money)));
}

/** A trip of which nothing travelled is kept only when it failed otherwise than the one before. */
export function recordTrip(agent: Agent, result: SyncResult): Promise<void> {
  return alone(agent, 'trips', async () => {
    const trips = await readTrips(agent.store);
    const bytesWire = result.up.bytesWire + result.down.bytesWire;
    const time = await hubNow(agent);
    if (bytesWire === 0 && trips.last.at(-1)?.error === result.error) return;
    const { link, seconds, up, down, error, exit, cost, waiting } = result;
    const bytesRaw = up.bytesRaw + down.bytesRaw;
    const trip: Trip = {
      time,
      link,
      seconds,
      mailsUp: up.mails,
      mailsDown: down.mails,
      bytesRaw,
      bytesWire,
      cost,
      ...(error === undefined ? {} : { error, exit }),
      ...(waiting.down ? { waitingDown: waiting.down } : {}),
    };
    const before = usedIn(trips, link, time);
    const used = new Map(trips.used);
    used.set(link, {
      day: dayOf(time),
      month: monthOf(time),
      today: sum(before.today, { bytes: bytesWire, seconds, money: cost }),
      thisMonth: sum(before.thisMonth, { bytes: bytesWire, seconds, money: cost }),
    });
    const last = [...trips.last, trip].slice(-KEPT_MAX);
    await agent.store.put(KEY, textBody(JSON.stringify({ last, used: [...used] })));
  });
}

const sum = (one: LinkUse, other: LinkUse): LinkUse => ({
  bytes: one.bytes + other.bytes,
  seconds: one.seconds + other.seconds,
  money: one.money + other.money,
});

const hubNow = async (agent: Agent): Promise<number> => (await reckonTime(agent)).now;

const dayOf = (seconds: number): number => Math.floor(seconds / DAY_SECONDS);

function monthOf(seconds: number): number {
  const date = new Date(seconds * 1_000);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
