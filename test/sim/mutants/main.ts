/** `npm run mutants`: breaks the product in one way after another, and sees in how many worlds it shows. Writes MUTANTS.md. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { inParallel } from '../../../shared/io/parallel.ts';
import { runFleet } from '../fleet.ts';
import { MUTANTS } from './mutants.ts';

const { values } = parseArgs({
  options: {
    /** Those whose names hold this. */
    only: { type: 'string', default: '' },
    worlds: { type: 'string', default: '400' },
    /** So many at once. */
    workers: { type: 'string', default: String(availableParallelism()) },
  },
});

const WORDS_MAX = 110;

interface Caught {
  readonly worlds: number;
  /** What the first world said that went wrong; undefined when none did. */
  readonly by: string | undefined;
}

async function tryOne(mutant: string): Promise<Caught> {
  let worlds = 0;
  let by: string | undefined;
  await runFleet(
    { seeds: { from: 1, to: 1 + Number(values.worlds), step: 1 }, mutant, untilWrong: true },
    {
      workers: 1,
      heard: ({ wrong: [first] }) => {
        if (by === undefined) worlds += 1;
        by ??= first;
      },
    },
  );
  return { worlds, by };
}

const chosen = MUTANTS.filter((mutant) => mutant.name.includes(values.only));
const rows = new Map<string, string>();
let survived = 0;
await inParallel(chosen, Number(values.workers), async ({ name, what }) => {
  const { worlds, by } = await tryOne(name);
  if (by === undefined) survived += 1;
  const words = by?.split('\n')[0]?.replaceAll('|', '/').slice(0, WORDS_MAX) ?? '**nobody saw it**';
  const row = `| ${name} | ${what} | ${by === undefined ? `> ${worlds}` : worlds} | ${words} |`;
  rows.set(name, row);
  console.log(row);
});
const head = `# Faults that were put in on purpose

Each was put into the code alone, and worlds were run until one went wrong: \`npm run mutants\`.

| fault | the product … | worlds until caught | what the first one said |
|---|---|---:|---|
`;
if (values.only === '')
  writeFileSync(
    new URL('../MUTANTS.md', import.meta.url),
    `${head}${chosen.map(({ name }) => rows.get(name)).join('\n')}\n`,
  );
process.exitCode = survived > 0 ? 1 : 0;
