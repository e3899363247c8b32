/** Some hundred worlds, always the same ones; `npm run sim` runs as many as there is time for. */
import { expect, test } from 'vitest';
import { runFleet } from './fleet.ts';
import type { Report } from './order.ts';

const WORLDS = 60;
/** Of a machine that does other things as well. */
const MINUTES_MAX = 10;

async function reports(from: number, to: number, workers: number): Promise<readonly Report[]> {
  const all: Report[] = [];
  await runFleet({ seeds: { from, to, step: 1 }, shrinks: true }, { workers, heard: (report) => all.push(report) });
  return all.sort((a, b) => a.seed - b.seed);
}

test(
  `${WORLDS} worlds: nothing lost, nothing twice`,
  async () => {
    const all = await reports(1, 1 + WORLDS, 2);
    expect(all).toHaveLength(WORLDS);
    expect(all.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
    // Each kind of fault was there, and mail that all this befell.
    const kinds = new Set(all.flatMap(({ faults }) => faults.map(([kind]) => kind)));
    expect([...kinds].sort()).toEqual((await import('./faults.ts')).FAULT_KINDS.toSorted());
  },
  MINUTES_MAX * 60_000,
);

test('a seed gives the same world each time, whatever was run before it', async () => {
  const [alone] = await reports(16, 17, 1);
  const after = (await reports(14, 17, 1)).at(-1);
  expect(after).toEqual(alone);
});
