import { expect, test } from 'vitest';
import { readTracked, sources, trackedFiles } from './sources.ts';

const texts = trackedFiles('*.ts', '*.tsx', '*.mjs', '*.json', '*.md', '*.sh', '*.toml', '.ci/run', 'infra/*').filter(
  (path) => path !== 'infra/deb/node.LICENSE',
);

const linesWith = (pattern: RegExp, files: readonly string[]): readonly string[] =>
  files.flatMap((path) =>
    readTracked(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [])),
  );

test('no file names a path of the machine that it was written on', () => {
  expect(linesWith(/(?:^|[^\w.])\/(?:work|root)\/|(?:^|[^\w.])\/home\/\w/, texts)).toEqual([]);
});

test('no file names the host of a package registry: npm and apt know their own', () => {
  expect(
    linesWith(
      /registry\.\w+\.\w+|"resolved":|\bdeb\.debian\.|_authToken/,
      texts.filter((path) => path !== 'test/house/tracked-files.test.ts'),
    ),
  ).toEqual([]);
});

const LINES_MAX = 400;

test(`no source is longer than ${LINES_MAX} lines: a file of that length holds two ideas`, () => {
  const long = sources('hub/*.ts', 'agent/*.ts', '*.tsx', 'shared/*.ts', 'tools/*', 'test/*.ts').flatMap(
    ({ path, text }) => {
      const lines = text.split('\n').length;
      return lines > LINES_MAX ? [`${path}: ${lines}`] : [];
    },
  );
  expect(long).toEqual([]);
});
