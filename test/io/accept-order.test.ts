import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Body } from '../../shared/io/body.ts';
import type { Store } from '../../shared/io/store.ts';
import { carryOne, changed, fault, type WorldOptions } from '../support/accept-world.ts';
import { FAULTS, type Fault, type Session } from '../support/faulty-store.ts';

const STAGINGS: readonly Store['staging'][] = ['apart', 'in place'];
/** More than the writes of one attempt. */
const WRITES = 16;

const world = (options: Partial<WorldOptions>): WorldOptions => ({
  staging: 'apart',
  faults: [],
  readers: 5,
  answersLost: 1,
  laterAfter: 2,
  withCreate: true,
  ...options,
});

/** Each write of the first and of the second attempt, in each way that it can go wrong. */
function* everyFault(): Generator<WorldOptions['faults']> {
  for (let write = 1; write <= WRITES; write++)
    for (const kind of FAULTS) {
      yield [new Map([[write, kind]])];
      yield [new Map(), new Map([[write, kind]])];
    }
}

async function firstFault(options: Partial<WorldOptions>): Promise<string | undefined> {
  for (const faults of everyFault())
    for (const readers of [0, 3, 10]) {
      const found = fault(await carryOne(world({ ...options, faults, readers })));
      if (found) return found;
    }
  return undefined;
}

describe('every recipient has what the sender was told', () => {
  for (const staging of STAGINGS)
    for (const withCreate of [true, false])
      test(`each write goes wrong: staging ${staging}, ${withCreate ? 'with' : 'without'} create`, async () => {
        expect(await firstFault({ staging, withCreate })).toBeUndefined();
      });

  test('any number of things go wrong, in any order', async () => {
    const kind = fc.constantFrom<Fault>(...FAULTS);
    const attempt = fc.array(fc.tuple(fc.integer({ min: 1, max: WRITES }), kind), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          staging: fc.constantFrom(...STAGINGS),
          faults: fc.array(attempt, { maxLength: 6 }),
          readers: fc.integer({ min: 0, max: 10 }),
          answersLost: fc.integer({ min: 0, max: 4 }),
          laterAfter: fc.integer({ min: 0, max: 6 }),
          withCreate: fc.boolean(),
        }),
        async (options) => {
          const faults = options.faults.map((pairs) => new Map(pairs));
          expect(fault(await carryOne({ ...options, faults }))).toBeUndefined();
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe('this world finds a wrong order', () => {
  const isSeen = (key: string): boolean => key.startsWith('seen/');

  const swapped: Readonly<Record<string, (session: Session) => Store>> = {
    'no memory at all': (session) =>
      changed(session, { put: (key, body) => (isSeen(key) ? Promise.resolve() : session.put(key, body)) }),

    'published before the answers are kept': (session) =>
      changed(session, {
        stage: async (key, body) => {
          await session.stage(key, body);
          await session.publish(key);
        },
      }),

    'answers kept before the files are there': (session) => {
      const late = new Map<string, Body>();
      return changed(session, {
        stage: async (key, body) => void late.set(key, body),
        publish: async (key) => {
          const body = late.get(key);
          if (body) await session.stage(key, body);
          await session.publish(key);
        },
      });
    },

    'recovery that throws away what was accepted': (session) =>
      changed(session, {
        async *strays(prefix) {
          for await (const stray of session.strays(prefix)) yield { ...stray, publish: stray.discard };
        },
      }),

    'recovery that publishes what nobody vouches for': (session) =>
      changed(session, {
        async *strays(prefix) {
          for await (const stray of session.strays(prefix)) yield { ...stray, discard: stray.publish };
        },
      }),
  };

  for (const [order, seenBy] of Object.entries(swapped))
    test(order, async () => {
      expect(await firstFault({ seenBy })).toMatch(/has it/);
    });
});
