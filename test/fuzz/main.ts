/**
 * `npm run fuzz -- [--parser NAME]… [--cases N] [--seed S] [--workers N]`: hostile input for the parsers. What breaks one is kept in
 * test/fuzz/findings, where the tests find it. Exit code 0 only if nothing was found.
 */
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../../tools/project.ts';
import { keepFinding, runParser } from './run.ts';
import { TARGETS, targetNamed } from './targets.ts';

const { values } = parseArgs({
  options: {
    parser: { type: 'string', multiple: true },
    cases: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(availableParallelism()) },
  },
});
const [cases, seed, workers] = [Number(values.cases), Number(values.seed), Number(values.workers)];
const parsers = values.parser ?? TARGETS.map(({ name }) => name);
for (const parser of parsers) targetNamed(parser);
if (![cases, seed, workers].every((number) => Number.isSafeInteger(number) && number > 0)) {
  console.error('usage: npm run fuzz -- [--parser NAME]… [--cases N] [--seed S] [--workers N]');
  process.exit(64);
}

let found = 0;
console.log('parser            cases     seconds   cases/s  kinds  slowest ms  grown KB  findings');
for (const parser of parsers) {
  const result = await runParser(parser, { cases, seed, workers });
  const { seconds, findings, kinds, slowestMs, grownBytes } = result;
  const columns = [
    parser.padEnd(16),
    String(result.cases).padStart(9),
    seconds.toFixed(1).padStart(9),
    (result.cases / seconds).toFixed(0).padStart(9),
    String(kinds).padStart(6),
    slowestMs.toFixed(0).padStart(10),
    (grownBytes / 1_000).toFixed(0).padStart(9),
    String(findings.length).padStart(8),
  ];
  console.log(columns.join('  '));
  for (const finding of findings)
    console.log(`  ${finding.error}\n    kept as ${relative(ROOT, await keepFinding(parser, finding))}`);
  found += findings.length;
}
process.exitCode = found === 0 ? 0 : 1;
