/**
 * One at a time for each office, among all that chooses or moves the entries of its maildir: a trip that offers them, a
 * push, `user move`. Within this hub by turns, among hubs on one store by a lease.
 */
import type { Hub } from './hub.ts';
import { PATIENCE_MS } from './hub-times.ts';
import type { Lease, LeaseNumber } from './hubs.ts';

const hubs = new WeakMap<Hub, Map<string, Promise<unknown>>>();

const LEASE = 'office/';
const leaseName = (office: string): string => `${LEASE}${office}`;

/** The office that a lease is for, if it is one's. */
export const officeOfLease = (what: string): string | undefined =>
  what.startsWith(LEASE) ? what.slice(LEASE.length) : undefined;

/**
 * The right of this hub to work on an office, before all others; to be given back. Throws HeldElsewhere. With patience the hub
 * that has it is asked, and ends its trip.
 */
export const leaseOffice = (hub: Hub, office: string, patienceMs = PATIENCE_MS): Promise<Lease> =>
  hub.hubs.take(leaseName(office), { patienceMs });

/** The number under which this hub may write for the office; undefined when it has not got it. */
export const officeNumber = (hub: Hub, office: string): LeaseNumber | undefined => hub.hubs.numberOf(leaseName(office));

export interface Patience {
  /** 0: another hub that works on the office is not disturbed, and HeldElsewhere is thrown. */
  readonly patienceMs?: number;
}

/** Runs `work` when all that came before it for this office has ended. */
export async function withOffice<T>(
  hub: Hub,
  name: string,
  work: () => Promise<T>,
  { patienceMs }: Patience = {},
): Promise<T> {
  const last = hubs.get(hub) ?? new Map<string, Promise<unknown>>();
  hubs.set(hub, last);
  const before = last.get(name) ?? Promise.resolve();
  const leased = (): Promise<T> => underLease(hub, name, { work, patienceMs });
  const mine = before.then(leased, leased);
  last.set(name, mine);
  try {
    return await mine;
  } finally {
    if (last.get(name) === mine) last.delete(name);
  }
}

async function underLease<T>(
  hub: Hub,
  name: string,
  { work, patienceMs }: { readonly work: () => Promise<T>; readonly patienceMs: number | undefined },
): Promise<T> {
  const lease = await leaseOffice(hub, name, patienceMs);
  try {
    return await work();
  } finally {
    await lease.release();
  }
}
