import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_POINT, History, pointAfter } from '../../shared/core/history.ts';

const SHIPPED = Buffer.from('shipped');
const bytes = (text: string): Buffer => Buffer.from(text);
const text = (history: History, point = history.tip): string | undefined => history.dictionary(point)?.toString();

describe('a history', () => {
  test('begins with the shipped dictionary, and knows the empty one', () => {
    const history = new History(SHIPPED);
    expect(text(history)).toBe('shipped');
    expect(text(history, EMPTY_POINT)).toBe('');
    expect(text(history, 'aabbccddeeff0011')).toBeUndefined();
  });

  test('what is joined to an older point takes the place of what stood behind it', () => {
    const history = new History(SHIPPED);
    const first = history.append({ base: history.tip, bytes: bytes('1') });
    const second = history.append({ base: first, bytes: bytes('2') });
    expect(text(history)).toBe('shipped12');
    history.append({ base: first, bytes: bytes('3') });
    expect(text(history)).toBe('shipped13');
    expect(text(history, second)).toBeUndefined();
    history.append({ base: EMPTY_POINT, bytes: bytes('4') });
    expect(text(history)).toBe('4');
  });

  test('what hangs on nothing that is held has no dictionary, and the next begins anew', () => {
    const history = new History(SHIPPED);
    const point = history.append({ base: 'aabbccddeeff0011', bytes: bytes('1') });
    expect(text(history, point)).toBeUndefined();
    expect(text(history)).toBe('shipped');
  });

  test('names of other bytes, and of the same bytes after others, differ', () => {
    const points = [pointAfter(EMPTY_POINT, bytes('a')), pointAfter(EMPTY_POINT, bytes('b'))];
    expect(new Set([...points, pointAfter(points[0] ?? '', bytes('a'))]).size).toBe(3);
  });

  test('of any length gives whole records, four megabytes at most, and the same at an end that holds less', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 14 });
    fc.assert(
      fc.property(sizes, (all) => {
        const old = new History(SHIPPED);
        let point = old.tip;
        const records = all.map((size, index) => {
          const record = { base: point, bytes: Buffer.alloc(size, index + 65) };
          point = old.append(record);
          return record;
        });
        const dictionary = old.dictionary(old.tip);
        expect(dictionary?.length).toBeLessThanOrEqual(4_000_000);
        const young = new History(SHIPPED);
        for (const record of old.records) young.append(record);
        expect(young.dictionary(point)?.equals(dictionary ?? Buffer.alloc(0))).toBe(true);
        expect(old.records.reduce((sum, { bytes: held }) => sum + held.length, 0)).toBeLessThan(6_000_001);
        expect(records.length).toBeGreaterThan(0);
      }),
      { numRuns: 20 },
    );
  });
});
