/** The deliberate faults still fit the code, and the worlds still see one. `npm run mutants` tries them all. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runFleet } from '../fleet.ts';
import { mutated } from '../load.ts';
import { MUTANTS } from './mutants.ts';

test.each(MUTANTS)('$name still fits', ({ changes }) => {
  for (const file of new Set(changes.map((change) => change.file))) {
    const path = fileURLToPath(new URL(`../../../${file}`, import.meta.url));
    expect(
      mutated(
        path,
        changes.filter((change) => change.file === file),
      ),
    ).not.toBe('');
  }
});

test('there are at least 25, each with a name of its own', () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  expect(MUTANTS.length).toBeGreaterThanOrEqual(25);
});

test('a world sees that what was refused is told to nobody', async () => {
  const wrong: string[] = [];
  await runFleet(
    { seeds: { from: 1, to: 60, step: 1 }, mutant: 'relay-tells-nobody', untilWrong: true },
    { workers: 1, heard: (report) => wrong.push(...report.wrong) },
  );
  expect(wrong.join('\n')).toMatch(/nobody was told/);
}, 300_000);
