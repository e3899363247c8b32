/** Makes a world that went wrong smaller, as long as it goes wrong: fewer kinds of faults, fewer offices, fewer mails. */
import type { FaultKind } from './faults.ts';
import type { Outcome, WorldOptions } from './world.ts';

type Run = (options: WorldOptions) => Promise<Outcome>;

/** Answers the arguments of the smallest that was found. */
export async function shrink(failed: Outcome, run: Run): Promise<string> {
  const { seed } = failed;
  let smallest: { mails: number; offices: number; without: ReadonlySet<FaultKind> } = { ...failed, without: new Set() };
  const tryOne = async (change: Partial<typeof smallest>): Promise<boolean> => {
    const next = { ...smallest, ...change };
    const isWrong = (await run({ seed, ...next })).wrong.length > 0;
    if (isWrong) smallest = next;
    return isWrong;
  };
  for (const [kind] of failed.faults) await tryOne({ without: new Set([...smallest.without, kind]) });
  while (smallest.offices > 1 && (await tryOne({ offices: smallest.offices - 1 })));
  for (let step = smallest.mails >> 1; step > 0; step >>= 1)
    while (smallest.mails > step && (await tryOne({ mails: smallest.mails - step })));
  const without = smallest.without.size > 0 ? ` --without ${[...smallest.without].join(',')}` : '';
  return `--seed ${seed} --mails ${smallest.mails} --offices ${smallest.offices}${without}`;
}
