/** What the last trips did, and how many bytes each link carried today: one small record of the data folder. */
import * as z from 'zod/mini';
import { readBody, textBody } from '../shared/io/body.ts';
import { type Store, StoreError } from '../shared/io/store.ts';
import type { Agent } from './agent.ts';
import { alone } from './alone.ts';
import type { LinkConfig } from './config.ts';
import { hubTimeOffset } from './hub-time.ts';
import type { SyncResult } from './sync.ts';

const KEY = 'trips';

const TRIP = z.strictObject({
  /** Unix seconds by the hub's clock, when it ended. */
  time: z.int(),
  link: z.string(),
  seconds: z.number(),
  mailsUp: z.int(),
  mailsDown: z.int(),
  /** Both ways. */
  bytesWire: z.int(),
  error: z.optional(z.string()),
});

const TRIPS = z.strictObject({
  last: z.array(TRIP),
  /** Bytes by link on one day. */
  day: z.int(),
  bytesToday: z.array(z.tuple([z.string(), z.int()])),
});

export type Trip = z.infer<typeof TRIP>;
type Trips = z.infer<typeof TRIPS>;

const KEPT_MAX = 100;
const BYTES_MAX = 1_000_000;
const DAY_SECONDS = 86_400;

async function readTrips(store: Store): Promise<Trips> {
  const body = await store.get(KEY);
  if (!body) return { last: [], day: 0, bytesToday: [] };
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

/** Bytes that may still travel over the link today; undefined when nothing limits them. */
export async function budgetLeft(agent: Agent, { name, budget }: LinkConfig): Promise<number | undefined> {
  if (budget === undefined) return undefined;
  const { day, bytesToday } = await readTrips(agent.store);
  const used = day === dayOf(await hubNow(agent)) ? (new Map(bytesToday).get(name) ?? 0) : 0;
  return Math.max(0, budget - used);
}

/** A trip of which nothing travelled is kept only when it failed otherwise than the one before. */
export function recordTrip(agent: Agent, result: SyncResult): Promise<void> {
  return alone(agent, 'trips', async () => {
    const trips = await readTrips(agent.store);
    const bytesWire = result.up.bytesWire + result.down.bytesWire;
    const time = await hubNow(agent);
    if (bytesWire === 0 && trips.last.at(-1)?.error === result.error) return;
    const { link, seconds, up, down, error } = result;
    const trip: Trip = { time, link, seconds, mailsUp: up.mails, mailsDown: down.mails, bytesWire };
    const today = new Map(trips.day === dayOf(time) ? trips.bytesToday : []);
    today.set(link, (today.get(link) ?? 0) + bytesWire);
    const last = [...trips.last, error === undefined ? trip : { ...trip, error }].slice(-KEPT_MAX);
    await agent.store.put(KEY, textBody(JSON.stringify({ last, day: dayOf(time), bytesToday: [...today] })));
  });
}

const hubNow = async (agent: Agent): Promise<number> => agent.now() + (await hubTimeOffset(agent));

const dayOf = (seconds: number): number => Math.floor(seconds / DAY_SECONDS);
