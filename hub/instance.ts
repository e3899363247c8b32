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
import { numbered, numberOf } from './hub-record.ts';
import type { LeaseNumber } from './hubs.ts';
import { HeldElsewhere } from './leases.ts';
import { officeNumber } from './office-lock.ts';
import { betweenTrips } from './running-trips.ts';

/**
 * The state stands under the number of the lease that its writer has: a hub that lost the office without noticing, and writes
 * all the same, writes beside what counts.
 */
const folder = (office: string): string => `office/${office}/trips/`;

/** Before several hubs could work on one store. */
const oldKey = (office: string): string => `office/${office}/trip`;

/** Where each office's state is written, by hub: found once for each lease. */
const known = new WeakMap<Hub, Map<string, { readonly number: LeaseNumber; readonly key: string }>>();

/** Numbers that are asked for by name, so that a listing which is a moment behind gives no old state. */
const ASKED_MAX = 16;

export async function readOfficeTrips(hub: Hub, office: string): Promise<TripState | undefined> {
  const { store } = hub;
  const number = officeNumber(hub, office);
  const same = known.get(hub)?.get(office);
  if (same && same.number === number) return readTripState(store, same.key);
  const newest = (await store.list(folder(office))).at(-1)?.key;
  if (typeof number === 'number') {
    const listed = newest === undefined ? 0 : numberOf(newest);
    for (let asked = number; asked > Math.max(listed, number - ASKED_MAX); asked--) {
      const state = await readTripState(store, numbered(folder(office), asked));
      if (state) return state;
    }
  }
  return readTripState(store, newest ?? oldKey(office));
}

/** The caller has the office's lease, of this number. Throws HeldElsewhere when it has been lost. */
export async function writeOfficeTrips(
  hub: Hub,
  office: string,
  state: TripState,
  number = officeNumber(hub, office),
): Promise<void> {
  if (number === undefined || number !== officeNumber(hub, office))
    throw new HeldElsewhere(`this hub has lost office ${office} to another`);
  const keys = known.get(hub) ?? new Map();
  known.set(hub, keys);
  const same = keys.get(office);
  if (same?.number === number) return writeTripState(hub.store, same.key, state);
  const before = (await hub.store.list(folder(office))).map(({ key }) => key);
  const key = number === 'alone' ? (before.at(-1) ?? numbered(folder(office), 0)) : numbered(folder(office), number);
  await writeTripState(hub.store, key, state);
  for (const old of [oldKey(office), ...before]) if (old < key) await hub.store.remove(old);
  keys.set(office, { number, key });
}

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
  await betweenTrips(hub, office, new TripCut('the office is being readmitted'), async () => {
    const state = await readOfficeTrips(hub, office);
    if (state) await writeOfficeTrips(hub, office, { ...state, readmit: true });
  });
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
