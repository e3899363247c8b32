import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROOT } from '../../tools/project.ts';
import { readTracked, trackedFiles } from './sources.ts';

const MANIFEST = 'test/corpus/MANIFEST.tsv';
const [header = '', ...lines] = readTracked(MANIFEST).trimEnd().split('\n');
const columns = header.split('\t');
const rows = lines.map((line) =>
  Object.fromEntries(line.split('\t').map((cell, index) => [columns[index] ?? '', cell])),
);

test('every mail of the corpus has a line with its source and its licence', () => {
  const listed = rows.filter((row) => row.licence && row.source_repo_and_path).map((row) => `test/corpus/${row.file}`);
  expect(listed.sort()).toEqual([...trackedFiles('test/corpus/*.eml')].sort());
});

test('every mail has the bytes of its source, after git and editors', () => {
  const changed = rows.filter(({ file, sha256 }) => {
    const bytes = readFileSync(`${ROOT}test/corpus/${file}`);
    return createHash('sha256').update(bytes).digest('hex') !== sha256;
  });
  expect(changed).toEqual([]);
});
