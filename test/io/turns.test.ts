import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Turns } from '../../shared/io/turns.ts';

test('never more at once than allowed, first come first served, and everybody comes', async () => {
  const workers = fc.array(
    fc.record({ name: fc.constantFrom('herat', 'mazar', 'farah'), yields: fc.integer({ min: 0, max: 4 }) }),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(
      workers,
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 4 }),
      async (all, totalMax, max) => {
        const turns = new Turns({ totalMax });
        const inHand = new Map<string, number>();
        const began: number[] = [];
        await Promise.all(
          all.map(async ({ name, yields }, index) => {
            const giveBack = await turns.take(name, max);
            began.push(index);
            inHand.set(name, (inHand.get(name) ?? 0) + 1);
            expect(inHand.get(name)).toBeLessThanOrEqual(max);
            expect([...inHand.values()].reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(totalMax);
            for (let turn = 0; turn < yields; turn += 1) await Promise.resolve();
            inHand.set(name, (inHand.get(name) ?? 0) - 1);
            giveBack();
          }),
        );
        for (const name of ['herat', 'mazar', 'farah']) {
          const order = began.filter((index) => all[index]?.name === name);
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        }
        expect(began).toHaveLength(all.length);
      },
    ),
  );
});

test('at once or not at all', () => {
  const turns = new Turns({ totalMax: 2 });
  const first = turns.tryTake('herat', 1);
  expect(turns.tryTake('herat', 1)).toBeUndefined();
  expect(turns.tryTake('mazar', 1)).toBeTypeOf('function');
  expect(turns.tryTake('farah', 1)).toBeUndefined();
  first?.();
  expect(turns.tryTake('farah', 1)).toBeTypeOf('function');
});
