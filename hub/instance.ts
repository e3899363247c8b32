/**
 * Which data folder speaks for an office. A key that is used from two laptops, or from a folder that came out of a
 * backup, would mix two memories of what has arrived; so the hub knows the folder's instance id and its trip counter, and
 * stops whatever does not fit until the operator readmits the office.
 */

import { parseEntryName } from '../shared/core/entry.ts';
import type { Hello } from '../shared/core/trip-greeting.ts';
import { EMPTY_LEDGER } from '../shared/core/trip-ledger.ts';
import { EXIT } from '../shared/io/command-line.ts';
import { TripCut, TripRefused } from '../shared/io/trip-side.ts';
import {
  mutable,
  newTripState,
  type OnStick,
  readTripState,
  sticksOf,
  type TripState,
  writeTripState,
} from '../shared/io/trip-state.ts';
import type { Hub } from './hub.ts';
import { endTrip } from './running-trips.ts';

const stateKey = (office: string): string => `office/${office}/trip`;

export const readOfficeTrips = (hub: Hub, office: string): Promise<TripState | undefined> =>
  readTripState(hub.store, stateKey(office));

export const writeOfficeTrips = (hub: Hub, office: string, state: TripState): Promise<void> =>
  writeTripState(hub.store, stateKey(office), state);

/** Ids of the mails that the office may have: offered, and not answered. They are not to be given to anybody else. */
export async function offeredIds(hub: Hub, office: string): Promise<Set<string>> {
  const state = await readOfficeTrips(hub, office);
  const names = state?.ledger.open
    .flatMap(([, { keys }]) => keys)
    .map((key) => parseEntryName(key.slice(key.lastIndexOf('/') + 1)));
  return new Set(names?.flatMap((name) => (name ? [name.id] : [])));
}

/** What waits for the office is on a stick or with a carrier, by key. */
export async function onSticks(hub: Hub, office: string): Promise<ReadonlyMap<string, OnStick>> {
  const state = await readOfficeTrips(hub, office);
  return sticksOf(state?.ledger ?? EMPTY_LEDGER, hub.now());
}

/** `hub office readmit`: the next data folder that calls is taken, and is offered what it lacks of what was delivered. */
export async function readmit(hub: Hub, office: string): Promise<void> {
  await endTrip(hub, office, new TripCut('the office is being readmitted'));
  const state = await readOfficeTrips(hub, office);
  if (state) await writeOfficeTrips(hub, office, { ...state, readmit: true });
}

/** The state with which a folder that called goes on. Throws TripRefused with the sentence for the office. */
export function admitInstance(office: string, state: TripState | undefined, hello: Hello): TripState {
  const { instance, counter } = hello;
  if (!state) return { ...newTripState(instance), counter };
  if (state.readmit) return readmitted(state, hello);
  if (instance !== state.instance)
    throw new TripRefused(
      EXIT.refused,
      `another laptop or data folder speaks for ${office} already; if this one replaces it, 'hub office readmit ${office}' at the hub lets it in`,
    );
  if (counter <= state.counter)
    throw new TripRefused(
      EXIT.refused,
      `this data folder is older than the one that called last for ${office}: a copy, or from a backup; 'hub office readmit ${office}' at the hub lets it in`,
    );
  return { ...state, counter };
}

/** Its memory is not the one we knew: our numbers go on, its own mean nothing any more. */
function readmitted(before: TripState, { instance, counter }: Hello): TripState {
  const { next, open } = before.ledger;
  const restored = before.restored || before.instance === instance;
  return {
    ...(restored ? { restored: true } : {}),
    instance,
    counter,
    ledger: { ...mutable(EMPTY_LEDGER), next, open },
    restoreFrom: '',
  };
}
