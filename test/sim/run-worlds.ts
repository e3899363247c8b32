/**
 * Runs the worlds that it is told of on its command line (JSON), and prints what came of each as a line of JSON. A program
 * of its own, because it replaces the system around the product, and as many as there are processors.
 */
import { replaceModules } from './load.ts';
import { MUTANTS } from './mutants/mutants.ts';
import type { Order, Report } from './order.ts';

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
replaceModules(MUTANTS.filter(({ name }) => name === order.mutant).flatMap(({ changes }) => changes));
const { replaceSystem } = await import('./system.ts');
const { runWorld } = await import('./world.ts');
const { shrink } = await import('./shrink.ts');
replaceSystem();

const { seeds, shrinks = false, untilWrong = false, loud = false, ...options } = order;
/** Each takes dozens of worlds. */
const SHRUNK_MAX = 2;
let shrunk = 0;
for (let seed = seeds.from; seed < seeds.to; seed += seeds.step) {
  const hear = loud
    ? (where: string, { level, event, fields }: { level: string; event: string; fields: unknown }): void =>
        console.error(`${(performance.now() / 1_000).toFixed(3)} ${where} ${level}: ${event} ${JSON.stringify(fields)}`)
    : undefined;
  const outcome = await runWorld({ ...options, seed, without: new Set(options.without), hear });
  const isWrong = outcome.wrong.length > 0;
  const report: Report = {
    ...outcome,
    windows: [...outcome.windows],
    faults: [...outcome.faults],
    ...(isWrong && shrinks && ++shrunk <= SHRUNK_MAX ? { smallest: await shrink(outcome, runWorld) } : {}),
  };
  console.log(JSON.stringify(report));
  if (isWrong && untilWrong) break;
}
// What a world that failed left behind waits for nothing.
process.exit();
