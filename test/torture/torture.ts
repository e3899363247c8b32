/** One run: load and mischief for a time, then everything is up, the queues drain, and it is counted. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from './chance.ts';
import { write } from './load.ts';
import { Mischief } from './mischief.ts';
import { read } from './readers.ts';
import { type Result, Tally } from './tally.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

export interface TortureOptions extends WorldOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Between two mails of one writer, and between two mishaps. */
  readonly mailPauseMs: number;
  readonly mishapPauseMs: number;
  readonly stillMsMax: number;
  /** Patience with the queues. */
  readonly drainSeconds: number;
  say(text: string): void;
}

export interface Tortured extends Result {
  readonly mishaps: Readonly<Record<string, number>>;
  /** Lines of the logs that say that something happened which nobody foresaw. */
  readonly unforeseen: readonly string[];
  readonly drainedSeconds: number;
}

export async function torture(options: TortureOptions): Promise<Tortured> {
  const tally = new Tally();
  const world = await openWorld(options, tally);
  try {
    return await run(world, tally, options);
  } finally {
    await world.close();
  }
}

async function run(world: World, tally: Tally, options: TortureOptions): Promise<Tortured> {
  const { seed, seconds, say } = options;
  const [faultsOver, allOver] = [new AbortController(), new AbortController()];
  const chance = (part: number): Chance => new Chance(seed * 1_000_003 + part);
  const mischief = new Mischief({
    world,
    chance: chance(1),
    over: faultsOver.signal,
    pauseMs: options.mishapPauseMs,
    stillMsMax: options.stillMsMax,
  });
  const working = Promise.all([
    read({ world, tally, chance: chance(2), over: allOver.signal }),
    ...world.offices.map((office) => syncUntil(office, allOver.signal)),
  ]);
  const writing = write({ world, tally, chance: chance(3), over: faultsOver.signal, pauseMs: options.mailPauseMs });
  const breaking = mischief.run();
  const failed = new Promise<never>((_, reject) => {
    for (const part of [working, writing, breaking]) part.catch(reject);
  });
  const report = setInterval(() => say(`${tally.arrived} copies arrived, ${tally.missing} on their way`), 30_000);
  try {
    await Promise.race([sleep(seconds * 1_000), failed]);
    faultsOver.abort();
    await Promise.race([Promise.all([breaking, writing]), failed]);
    say(`the faults are over; ${tally.missing} copies on their way`);
    const started = Date.now();
    await Promise.race([drain(world, tally, options), failed]);
    const drainedSeconds = Math.round((Date.now() - started) / 1_000);
    // What comes twice may come a little later.
    await sleep(5_000);
    allOver.abort();
    await working;
    return {
      ...tally.result((time) => mischief.reasonOf(time)),
      mishaps: Object.fromEntries(mischief.counts),
      unforeseen: await unforeseen(world),
      drainedSeconds,
    };
  } finally {
    clearInterval(report);
    faultsOver.abort();
    allOver.abort();
  }
}

async function syncUntil(office: World['offices'][number], over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const { line } = await office.sync();
    if (!line || line.up.mails + line.down.mails === 0) await sleep(700);
  }
}

const ASK_MS = 20_000;

/** What had to wait during the faults would be tried in minutes or hours; an operator has it tried now. */
async function drain(world: World, tally: Tally, { drainSeconds }: TortureOptions): Promise<void> {
  const until = Date.now() + drainSeconds * 1_000;
  let asked = Date.now();
  while (tally.missing > 0 && Date.now() < until) {
    await sleep(500);
    if (Date.now() - asked < ASK_MS) continue;
    asked = Date.now();
    const [hub] = world.hubs;
    const { code, out } = (await hub?.command(['queue', '--json'])) ?? { code: 1, out: '' };
    if (code !== 0) continue;
    const { mails } = JSON.parse(out) as { mails: readonly { id: string; attempts: number }[] };
    for (const { id, attempts } of mails) if (attempts > 0) await hub?.command(['queue', 'retry', id]);
  }
}

async function unforeseen({ hubs, offices }: World): Promise<readonly string[]> {
  const logs = await Promise.all([...hubs, ...offices].map(({ logFile }) => readFile(logFile, 'utf8').catch(() => '')));
  return logs.flatMap((log) => log.split('\n').filter((line) => line.includes('nobody foresaw'))).slice(0, 20);
}
