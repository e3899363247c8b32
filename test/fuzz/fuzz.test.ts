/** Every parser takes its findings of before and some thousand new cases; a parser that breaks is seen to break. */
import { beforeAll, describe, expect, test } from 'vitest';
import { type FuzzResult, fuzz } from './engine.ts';
import { knownFindings, runThread } from './run.ts';
import { type FuzzTarget, must, none, only, text } from './target.ts';
import { TARGETS } from './targets.ts';

/** What goes through compressors, threads, files or sockets has fewer. */
const SLOW = new Map([
  ['lift', 1_000],
  ['history', 1_000],
  ['sealed-group', 1_000],
  ['sealed-frame', 1_000],
  ['batch-file', 600],
  ['config-hub', 1_500],
  ['config-agent', 1_500],
  ['mime', 250],
  ['smtp-door', 300],
]);
const CASES = 3_000;

/** Two threads for all: starting one takes longer than its cases. */
async function all(): Promise<
  ReadonlyMap<string, { readonly wanted: number; readonly result: FuzzResult | undefined }>
> {
  const tasks = await Promise.all(
    TARGETS.map(async ({ name }) => {
      const known = await knownFindings(name);
      // The seed stays, so that a failure is the same everywhere; `npm run fuzz` takes others.
      return { parser: name, cases: (SLOW.get(name) ?? CASES) + known.length, seed: 2026, known };
    }),
  );
  const halves = [0, 1].map((half) => tasks.filter((_, index) => index % 2 === half));
  const results = (await Promise.all(halves.map(runThread))).map((found, half) =>
    (halves[half] ?? []).map(({ parser, cases }, index) => [parser, { wanted: cases, result: found[index] }] as const),
  );
  return new Map(results.flat());
}

let done: ReturnType<typeof all>;
beforeAll(async () => {
  done = all();
  await done;
});

test.each(TARGETS.map(({ name }) => name))('%s', async (name) => {
  const { wanted = 0, result } = (await done).get(name) ?? {};
  const { findings = [], kinds = 0, cases = 0 } = result ?? {};
  expect(findings.map(({ error, input }) => `${error} ${input.toString('base64').slice(0, 400)}`)).toEqual([]);
  expect(cases).toBeGreaterThanOrEqual(wanted);
  expect(kinds).toBeGreaterThan(0);
});

const planted = (run: (input: Buffer) => string): FuzzTarget => ({
  name: 'planted',
  of: 'this file',
  seeds: () => [text('a=1;b=22;')],
  tokens: ['size='],
  allows: only(SyntaxError),
  run,
});

describe('the fuzzer sees', () => {
  const kept: Buffer[] = [];
  const undeclared = (input: Buffer): string => {
    if (input.includes('size=')) throw new RangeError('not declared');
    return 'x';
  };
  const unsound = (input: Buffer): string => {
    must(!input.includes(';;'), 'no empty field');
    return 'x';
  };
  const greedy = (input: Buffer): string => {
    kept.push(Buffer.alloc(60_000, input[0]));
    return 'x';
  };
  test.each<[string, string, (input: Buffer) => string]>([
    ['an error that nobody declared', 'error', undeclared],
    ['what does not hold', 'error', unsound],
    ['memory that grows', 'memory', greedy],
  ])('%s', async (_, kind, run) => {
    const { findings } = await fuzz(planted(run), { cases: 5_000, seed: 1 });
    kept.length = 0;
    expect([...new Set(findings.map((finding) => finding.kind))]).toEqual([kind]);
  });

  test('nothing where nothing is', async () => {
    const sound = planted(() => {
      throw new SyntaxError('declared');
    });
    expect(await fuzz(sound, { cases: 5_000, seed: 1 })).toMatchObject({ findings: [], cases: 5_000, kinds: 1 });
    expect((await fuzz({ ...sound, allows: none }, { cases: 50, seed: 1 })).findings).toHaveLength(1);
  });

  test('the same with the same seed', async () => {
    const seen = async (seed: number): Promise<string> => {
      const inputs: string[] = [];
      const note = (input: Buffer): string => {
        inputs.push(input.toString('hex'));
        return 'x';
      };
      await fuzz(planted(note), { cases: 300, seed });
      return inputs.join();
    };
    const once = await seen(5);
    expect(await seen(5)).toBe(once);
    expect(await seen(6)).not.toBe(once);
  });
});
