/**
 * Trips in progress: one for each office, on whichever hub. Who begins a new one, or changes what a trip stands on, ends the old
 * one first. A trip stands on the office's lease, and ends when that is lost.
 */
import type { TripOutcome } from '../shared/io/trip-session.ts';
import { TripCut } from '../shared/io/trip-side.ts';
import type { Hub } from './hub.ts';
import type { Lease } from './hubs.ts';
import { leaseOffice } from './office-lock.ts';

/** A trip over a link, or one by batches. */
export interface Session {
  run(): Promise<TripOutcome>;
  /** Ends it early; what has arrived stands. */
  abort(reason: Error): void;
}

export interface RunningTrip {
  readonly session: Session;
  readonly ended: Promise<unknown>;
}

const running = new WeakMap<Hub, Map<string, RunningTrip>>();
const beginning = new WeakMap<Hub, Map<string, Promise<unknown>>>();

function of<T>(all: WeakMap<Hub, Map<string, T>>, hub: Hub): Map<string, T> {
  const map = all.get(hub) ?? new Map<string, T>();
  all.set(hub, map);
  return map;
}

export const runningTrips = (hub: Hub): readonly RunningTrip[] => [...of(running, hub).values()];

export const officesOnLine = (hub: Hub): readonly string[] => [...of(running, hub).keys()];

/** At this hub or another. */
export const isOnLine = (hub: Hub, office: string): boolean =>
  of(running, hub).has(office) || hub.hubs.seen().some(({ onLine }) => onLine.includes(office));

/** Ends the office's trip, if one runs, and waits until it has put away what it had. */
export async function endTrip(hub: Hub, office: string, reason: Error): Promise<void> {
  const trip = of(running, hub).get(office);
  trip?.session.abort(reason);
  await trip?.ended;
}

/**
 * Begins a trip: `begin` runs alone for its office and answers the session, which then runs to its end. Answers what
 * the session tells.
 */
export async function runTrip(hub: Hub, office: string, begin: () => Promise<Session>): Promise<TripOutcome> {
  const turns = of(beginning, hub);
  const before = turns.get(office) ?? Promise.resolve();
  const mine = before.catch(() => undefined).then(() => start(hub, office, begin));
  turns.set(office, mine);
  try {
    return await (await mine).ended;
  } finally {
    if (turns.get(office) === mine) turns.delete(office);
  }
}

/** Runs `work` when the office's trip has ended, which it makes it do, and before another begins. */
export async function betweenTrips<T>(hub: Hub, office: string, reason: Error, work: () => Promise<T>): Promise<T> {
  const turns = of(beginning, hub);
  const before = turns.get(office) ?? Promise.resolve();
  const mine = before
    .catch(() => undefined)
    .then(() => endTrip(hub, office, reason))
    .then(() => leaseOffice(hub, office))
    .then((lease) => work().finally(() => lease.release()));
  turns.set(office, mine);
  try {
    return await mine;
  } finally {
    if (turns.get(office) === mine) turns.delete(office);
  }
}

async function start(hub: Hub, office: string, begin: () => Promise<Session>) {
  const lease = await leaseOffice(hub, office);
  try {
    return run(hub, office, { session: await begin(), lease });
  } catch (error) {
    await lease.release();
    throw error;
  }
}

function run(hub: Hub, office: string, { session, lease }: { readonly session: Session; readonly lease: Lease }) {
  const lost = (): void => session.abort(new TripCut('this hub has lost the office to another: call again'));
  lease.lost.addEventListener('abort', lost, { once: true });
  const ended = session.run().finally(() => {
    lease.lost.removeEventListener('abort', lost);
    return lease.release();
  });
  const trip = { session, ended };
  const trips = of(running, hub);
  trips.set(office, trip);
  const forget = (): void => {
    if (trips.get(office) === trip) trips.delete(office);
  };
  ended.then(forget, forget);
  return trip;
}
