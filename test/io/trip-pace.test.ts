import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { HARDEST, QUICK } from '../../shared/io/group-seal.ts';
import { TripPace } from '../../shared/io/trip-pace.ts';

/** The level of the next frame, after the codec has taken 2.5 s while `left` bytes were on their way. */
async function levelAfterWait(isDear: boolean, left: number | undefined): Promise<number> {
  const pace = new TripPace({ isDear });
  expect(pace.quality).toBe(HARDEST);
  await pace.waiting(sleep(2_500), async () => left);
  return pace.quality;
}

test('a line that waits for the codec gets the quick level', async () => {
  const [idle, unknown, busy, dear] = await Promise.all([
    levelAfterWait(false, 0),
    levelAfterWait(false, undefined),
    levelAfterWait(false, 1),
    levelAfterWait(true, 0),
  ]);
  expect({ idle, unknown }).toEqual({ idle: QUICK, unknown: QUICK });
  expect({ busy, dear }).toEqual({ busy: HARDEST, dear: HARDEST });
});
