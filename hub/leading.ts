/**
 * What one hub does for all that work on the store: it relays, looks after silent offices, watches, and clears away. It
 * has the lease `lead`; when it ends another hub goes on at once, and when it dies, as soon as it is seen to be dead.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from '../shared/io/store.ts';
import type { Hub, Service } from './hub.ts';
import { TICK_MS } from './hub-times.ts';
import type { Lease } from './hubs.ts';
import { HeldElsewhere } from './leases.ts';

export const LEAD = 'lead';

/** Starts a part of the work; `isSure`: whether no other hub can be at it. */
export type Duty = (hub: Hub, isSure: () => boolean) => Service;

/** Leads as soon as no other hub does. */
export function startLeading(hub: Hub, duties: readonly Duty[]): Service {
  const stop = new AbortController();
  let closeSeconds = 0;
  const lead = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const lease = await takeLead(hub);
      if (lease) await untilOver(lease);
      else await sleep(2 * TICK_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const untilOver = async (lease: Lease): Promise<void> => {
    const over = AbortSignal.any([lease.lost, stop.signal]);
    const services = over.aborted ? [] : duties.map((start) => start(hub, () => lease.isSure()));
    if (!over.aborted) await new Promise((resolve) => over.addEventListener('abort', resolve, { once: true }));
    // What was lost goes on elsewhere: nothing in hand is finished here.
    await Promise.all(services.map((service) => service.close(lease.lost.aborted ? 0 : closeSeconds)));
    await lease.release();
  };
  const leading = lead();
  return {
    name: 'leading',
    close: async (seconds) => {
      closeSeconds = seconds;
      stop.abort();
      await leading;
    },
  };
}

async function takeLead(hub: Hub): Promise<Lease | undefined> {
  try {
    return await hub.hubs.take(LEAD);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    if (!(error instanceof HeldElsewhere))
      hub.log.warn('this hub could not find out whether it is to relay; tried again', { reason: error.message });
    return undefined;
  }
}
