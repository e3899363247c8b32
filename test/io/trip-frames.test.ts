/** What a number of the ledger stands for never changes: an answer may come late, and over another way. */
import { afterEach, expect, test } from 'vitest';
import { BatchExport } from '../../shared/io/batch-export.ts';
import { listEntries, removeEntry } from '../../shared/io/maildir.ts';
import type { TripSide } from '../../shared/io/trip-side.ts';
import { readTripState } from '../../shared/io/trip-state.ts';
import { TripPair } from '../support/trip-pair.ts';

let pair: TripPair;
afterEach(() => pair.close());

const openOf = async (): Promise<readonly (readonly [number, number])[]> => {
  const state = await readTripState(pair.agent.store, 'trip');
  return (state?.ledger.open ?? []).map(([seq, { keys }]) => [seq, keys.length] as const);
};

/** One frame of two mails has been offered and not answered; then the first of them is gone. */
async function halfGone(): Promise<void> {
  pair = await TripPair.make();
  await pair.agent.post(Buffer.from('Subject: one\n\nhello\n'), ['a@there']);
  await pair.agent.post(Buffer.from('Subject: two\n\nhello again\n'), ['b@there', 'c@there']);
  await pair.trip({ up: 100 });
  expect(await openOf()).toEqual([[1, 2]]);
  const [first] = await listEntries(pair.agent.store, 'out');
  await removeEntry(pair.agent.store, { key: first?.key ?? '', id: first?.name.id ?? '' });
}

test('what is left of a frame travels on a stick under a number of its own', async () => {
  await halfGone();
  const side = await pair.agent.side();
  const batch = new BatchExport({ side, instance: '00112233aabbccdd', waitSeconds: 60, again: false, bytesMax: 0 });
  for await (const _ of batch.records());
  expect(batch.mails).toBe(1);
  expect(await openOf()).toEqual([[2, 1]]);
});

test('and over a link', async () => {
  await halfGone();
  let numbers: readonly number[] = [];
  const agentSide: Partial<TripSide> = {
    delivered: async () => {
      numbers = (await openOf()).map(([seq]) => seq);
    },
  };
  expect((await pair.trip({ agentSide })).agent.complete).toBe(true);
  expect(numbers).toEqual([2]);
  expect(await pair.hub.bodies('internet')).toHaveLength(1);
});
