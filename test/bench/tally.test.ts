import { expect, test } from 'vitest';
import { tally } from './tally.ts';

const letter = (text: string): Buffer =>
  Buffer.from(`Subject: ${text}\n\nThe same long end of two different letters.\n`);
const [one, other] = [letter('one'), letter('the other')];
const traced = (mail: Buffer): Buffer => Buffer.concat([Buffer.from('Received: by kabul\n'), mail]);

test('what arrived once, with or without a trace before it, is in order', () => {
  expect(tally([one, other], [traced(other), one])).toEqual({ lost: 0, twice: 0, strange: 0 });
});

test('lost, twice and altered mails are told apart', () => {
  expect(tally([one, other], [one, traced(one)])).toEqual({ lost: 1, twice: 1, strange: 0 });
  expect(tally([one], [one.subarray(1)])).toEqual({ lost: 1, twice: 0, strange: 1 });
});

test('the same letter sent twice is to arrive twice, and so is one to two people', () => {
  expect(tally([one, one], [one, one])).toEqual({ lost: 0, twice: 0, strange: 0 });
  expect(tally([one], [one, one], 2)).toEqual({ lost: 0, twice: 0, strange: 0 });
});
