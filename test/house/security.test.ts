/** infra/SECURITY.md promises a test behind each line: they are there, under these very names. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../tools/project.ts';
import { readTracked, trackedFiles } from './sources.ts';

const lines = readTracked('infra/SECURITY.md').split('\n');
/** The last cell of each row that says who can do what. */
const shown = lines.flatMap((line) => {
  const cells = line.split('|').slice(1, -1);
  return cells.length === 3 && !/^ (?:they can|---)|^-/.test(cells[0] ?? '') ? [cells[2]?.trim() ?? ''] : [];
});
const targets = trackedFiles('test/fuzz/targets/*.ts').map(readTracked).join('\n');

test('every line has one', () => {
  expect(shown.length).toBeGreaterThan(25);
  expect(shown.filter((cell) => !/test|fuzz/.test(cell))).toEqual([]);
});

test('each is there by its name', () => {
  const missing = shown.flatMap((cell) =>
    cell.split(';').flatMap((proof) => {
      const files = [...proof.matchAll(/[\w/-]+\.test\.ts/g)].map(([file]) =>
        file.includes('/') ? file : `test/doors/${file}`,
      );
      const text = files.map((file) => (existsSync(join(ROOT, file)) ? readTracked(file) : '')).join('\n');
      const names = [...proof.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name);
      const parsers = proof.includes('fuzz `') ? [...proof.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name) : [];
      return [
        ...files.filter((file) => !existsSync(join(ROOT, file))),
        ...names.filter((name) => !text.includes(name)),
        ...parsers.filter((name) => !targets.includes(`name: '${name}'`) && !targets.includes(`  '${name}',`)),
      ];
    }),
  );
  expect(missing).toEqual([]);
});
