/** The state of an office's trips, and the number under which it stands. */
import { expect, test } from 'vitest';
import { readOfficeTrips, writeOfficeTrips } from '../../hub/instance.ts';
import { newTripState, writeTripState } from '../../shared/io/trip-state.ts';
import { bareHub } from '../support/bare-hub.ts';

test('what a build wrote that knew of one hub only goes on, and is not there twice', async () => {
  const hub = await bareHub();
  const state = { ...newTripState('0123456789abcdef'), counter: 7 };
  await writeTripState(hub.store, 'office/herat/trip', state);
  expect(await readOfficeTrips(hub, 'herat')).toMatchObject({ counter: 7 });
  await writeOfficeTrips(hub, 'herat', { ...state, counter: 8 });
  expect(await readOfficeTrips(hub, 'herat')).toMatchObject({ counter: 8 });
  expect(await hub.store.get('office/herat/trip')).toBeUndefined();
  await hub.close();
});
