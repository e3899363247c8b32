import { expect, test } from 'vitest';
import { picture } from './picture.ts';
import { fateOf, metricsOf, rowsOf } from './results.ts';

const clean = { finished: true, bytes: 2_000, connections: 1, turns: 2, seconds: 0.5, lost: 0, twice: 0, strange: 0 };
const names = (peer: string) => ({ bench: 'wire', case: 'A, first contact', peer });
const rows = rowsOf([
  ...metricsOf(names('ours'), clean),
  ...metricsOf(names('a & b'), { ...clean, bytes: 4_000, twice: 3 }),
  ...metricsOf(names('slow'), { ...clean, finished: false, lost: 7 }),
]);

test('figures go through lines and come back as rows, with what became of the mails', () => {
  expect(rows.map(({ peer, values }) => [peer, values.bytes])).toEqual([
    ['ours', 2_000],
    ['a & b', 4_000],
    ['slow', 2_000],
  ]);
  expect(rows.map(fateOf)).toEqual(['each once', '3 twice', 'never finishes']);
});

test('a run measured again replaces the first', () => {
  const again = rowsOf([...metricsOf(names('ours'), clean), ...metricsOf(names('ours'), { ...clean, bytes: 9 })]);
  expect(again.map(({ values }) => values.bytes)).toEqual([9]);
});

test('the picture has a bar for who finished, half as long for half the bytes, and words for who did not', () => {
  const svg = picture(rows, { ours: 'ours', plain: new Set(['a & b']) });
  const widths = [...svg.matchAll(/<rect class="(ours|plain|bar)"[^>]* width="([\d.]+)"/g)].map(([, kind, width]) => [
    kind,
    Number(width),
  ]);
  expect(widths.map(([kind]) => kind)).toEqual(['ours', 'plain']);
  expect(Number(widths[0]?.[1]) * 2).toBeCloseTo(Number(widths[1]?.[1]));
  expect(svg).toContain('never finishes');
  expect(svg).toContain('a &amp; b');
});
