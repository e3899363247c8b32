/** What a hub says of itself to the others on its store, and what it does when they speak. */
import { TripCut } from '../shared/io/trip-side.ts';
import type { Hub } from './hub.ts';
import type { Voice } from './hubs.ts';
import { officeOfLease } from './office-lock.ts';
import { endTrip, officesOnLine } from './running-trips.ts';

/** `published`: tells the parts of this hub. */
export const voiceOf = (hub: () => Hub, published: Voice['published']): Voice => ({
  directory: () => hub().directory.current.version,
  onLine: () => officesOnLine(hub()),
  refresh: () => hub().directory.refresh(),
  published,
  wanted: (what) => {
    const office = officeOfLease(what);
    // The office calls elsewhere, or its mail is moved there: this trip ends, and the next goes on where it was.
    if (office !== undefined) void endTrip(hub(), office, new TripCut('another hub needs the office: call again'));
  },
});
