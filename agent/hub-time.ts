/** The hub's clock, as the last trip told it: what has to last days goes by it, since a laptop may wake up in 1970. */
import { readBody, textBody } from '../shared/io/body.ts';
import { readTripState } from '../shared/io/trip-state.ts';
import type { Agent } from './agent.ts';

const KEY = 'hub-time';
/** Where the agent keeps what it remembers of its trips. */
export const TRIP_STATE = 'trip';

interface Heard {
  /** Seconds that the hub's clock is ahead of this one. */
  readonly offset: number;
  /** In which start of this machine it was heard; empty as the first versions kept it. */
  readonly boot: string;
}

async function readHeard({ store }: Agent): Promise<Heard> {
  const body = await store.get(KEY);
  const [offset = '', boot = ''] = body ? (await readBody(body, 100)).toString().split(' ') : [];
  return { offset: Number.isSafeInteger(Number(offset)) ? Number(offset) : 0, boot };
}

/** Seconds that the hub's clock is ahead of this one; 0 before the first trip. */
export const hubTimeOffset = async (agent: Agent): Promise<number> => (await readHeard(agent)).offset;

/** Remembers what the hub's clock says now. */
export async function setHubTime(agent: Agent, hubSeconds: number): Promise<number> {
  const offset = hubSeconds - agent.now();
  await agent.store.put(KEY, textBody(`${offset} ${agent.boot}`));
  return offset;
}

export interface Reckoned {
  /** Unix seconds by the hub's clock. */
  readonly now: number;
  /** False: this laptop's clock is wrong, and by how much is not known; `now` is when the hub was last heard. */
  readonly isKnown: boolean;
}

/** No office is silent for so long; a clock that says so is wrong. */
const SILENCE_SECONDS_MAX = 400 * 86_400;
/** A clock that is behind the day on which this program was made is not running: it begins anew with each start. */
const OLDEST = Date.UTC(2026, 0, 1) / 1_000;
/** Nor will a laptop that has never called be set up by a program that is so old. */
const LATEST = Date.UTC(2036, 0, 1) / 1_000;

/**
 * What the hub's clock says now. A laptop whose battery is empty wakes up in 1970, and is then as far from the hub's clock as it
 * never was; what has to last a day must neither begin anew with each start, nor stay as it was for ever.
 */
export async function reckonTime(agent: Agent): Promise<Reckoned> {
  const heard = (await readTripState(agent.store, TRIP_STATE))?.heard;
  const clock = agent.now();
  // Before the first trip there is only this clock; one that runs is taken at its word.
  if (heard === undefined) return { now: clock, isKnown: clock >= OLDEST && clock < LATEST };
  const { offset, boot } = await readHeard(agent);
  const runs = clock >= OLDEST || boot === agent.boot;
  // The clock may have been put right since the hub was heard.
  const times = runs ? [clock + offset, clock] : [];
  const now = times.find((time) => time >= heard && time <= heard + SILENCE_SECONDS_MAX);
  return now === undefined ? { now: heard, isKnown: false } : { now, isKnown: true };
}
