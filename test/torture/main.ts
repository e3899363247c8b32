/**
 * `npm run torture -- [--store folder|s3] [--minutes 10] [--hubs 2] [--offices 3] [--seed N]`: hubs and agents as processes, killed
 * at random moments under load; then it counts. Exit code 0 only if nothing is lost, foreign, or doubled outside the windows.
 * `npm run torture -- power [--cuts 500]`: power cuts, of one disk at a time (test/power-cut).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../tools/build.ts';
import { removeSite } from '../power-cut/scene.ts';
import { type CutAt, cutPower, firstCut, record } from '../power-cut/sweep.ts';
import { Chance } from './chance.ts';
import { torture } from './torture.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    store: { type: 'string', default: 'folder' },
    minutes: { type: 'string', default: '10' },
    hubs: { type: 'string', default: '2' },
    offices: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    cuts: { type: 'string', default: '500' },
    keep: { type: 'boolean', default: false },
  },
});

/** Answers whether nothing is wrong. */
async function cutPowerOften(cuts: number): Promise<boolean> {
  const recorded = await record();
  const first = firstCut(recorded);
  const chance = new Chance(Number(values.seed));
  let wrong = 0;
  for (let done = 1; done <= cuts; done++) {
    const cut: CutAt = {
      count: Math.floor(chance.between(first, recorded.operations.length + 1)),
      whose: chance.pick(['hub', 'agent']),
      seed: Math.floor(chance.between(0, 1_000)),
    };
    const found = await cutPower(recorded, cut);
    if (found.length > 0) wrong += 1;
    for (const line of found) console.log(`${JSON.stringify(cut)}: ${line}`);
    if (done % 100 === 0) console.log(`${done} cuts, ${wrong} with something wrong`);
  }
  console.log(`${cuts} cuts among ${recorded.operations.length} file operations: ${wrong} with something wrong`);
  await removeSite(recorded.site);
  return wrong === 0;
}

async function main(): Promise<boolean> {
  if (positionals[0] === 'power') return cutPowerOften(Number(values.cuts));
  const { store } = values;
  if (store !== 'folder' && store !== 's3') {
    console.error(
      'usage: npm run torture -- [--store folder|s3] [--minutes N] [--hubs N] [--offices N] [--seed N] [--keep]',
    );
    process.exit(64);
  }
  await build();
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-torture-'));
  console.log(
    `${values.hubs} hubs on one ${store}, ${values.offices} offices, ${values.minutes} minutes, seed ${values.seed}`,
  );
  const result = await torture({
    folder,
    store,
    hubs: Number(values.hubs),
    offices: Number(values.offices),
    seed: Number(values.seed),
    seconds: Number(values.minutes) * 60,
    mailPauseMs: 1_500,
    mishapPauseMs: 3_000,
    stillMsMax: 45_000,
    drainSeconds: 900,
    say: (text) => console.log(text),
  });
  const { promised, arrived, lost, doubled, inWindow, foreign, mishaps, unforeseen, drainedSeconds } = result;
  console.log(
    Object.entries(mishaps)
      .map(([what, count]) => `${what} ${count} times`)
      .join(', '),
  );
  console.log(`${promised} copies promised, ${arrived} arrived; drained ${drainedSeconds} s after the faults`);
  for (const [what, list] of Object.entries({
    lost,
    doubled,
    foreign,
    unforeseen,
    'doubled inside the windows': inWindow,
  })) {
    console.log(`${what}: ${list.length}`);
    for (const line of list.slice(0, 20)) console.log(`  ${line}`);
  }
  const isGood = lost.length + doubled.length + foreign.length + unforeseen.length === 0;
  if (isGood && !values.keep) await rm(folder, { recursive: true, force: true });
  else console.log(`logs and data: ${folder}`);
  return isGood;
}

process.exitCode = (await main()) ? 0 : 1;
