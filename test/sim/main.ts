/** `npm run sim`: worlds in which everything goes wrong, and what came of the mail in them. README.md says more. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { FaultKind } from './faults.ts';
import { runFleet } from './fleet.ts';
import type { Order, Report } from './order.ts';
import { Tally } from './tally.ts';

const USAGE = `npm run sim -- [--worlds 300] [--from 1] [--workers ${availableParallelism()}]
npm run sim -- --seed N [--mails N] [--offices N] [--without KIND,KIND] [--loud]`;

const { values } = parseArgs({
  options: {
    worlds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    mails: { type: 'string' },
    offices: { type: 'string' },
    without: { type: 'string' },
    mutant: { type: 'string' },
    loud: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

function orderOf(): Order {
  const from = Number(values.seed ?? values.from);
  return {
    seeds: { from, to: from + (values.seed === undefined ? Number(values.worlds) : 1), step: 1 },
    mails: number(values.mails),
    offices: number(values.offices),
    without: values.without?.split(',') as readonly FaultKind[] | undefined,
    mutant: values.mutant,
    loud: values.loud,
    shrinks: values.seed === undefined,
  };
}

/** Between two words on how far it is. */
const PROGRESS_MS = 30_000;

async function main(): Promise<number> {
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const order = orderOf();
  const tally = new Tally();
  const start = performance.now();
  let told = start;
  const heard = (report: Report): void => {
    tally.add(report);
    if (report.wrong.length > 0) tell(report);
    if (performance.now() - told < PROGRESS_MS) return;
    told = performance.now();
    console.error(`${tally.worlds} worlds, ${tally.wrong.length} wrong, ${Math.round((told - start) / 1_000)} s`);
  };
  // Whoever ends a long run early sees what came of it so far.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      console.log(tally.table);
      process.exit(tally.wrong.length > 0 ? 1 : 0);
    });
  await runFleet(order, { workers: values.seed === undefined ? Number(values.workers) : 1, heard });
  console.log(tally.table);
  console.log(`\n${((performance.now() - start) / 1_000).toFixed(0)} s`);
  return tally.wrong.length > 0 ? 1 : 0;
}

function tell({ seed, wrong, smallest }: Report): void {
  console.log(`seed ${seed} went wrong:`);
  for (const what of wrong) console.log(`  ${what.split('\n').slice(0, 6).join('\n  ')}`);
  if (smallest !== undefined) console.log(`  the same, smaller: npm run sim -- ${smallest}`);
}

process.exitCode = await main();
