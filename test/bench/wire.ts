/**
 * `node test/bench/wire.ts FOLDER [--json]`: what one office's link carries for the mails of FOLDER, TCP payload of both ways
 * with all handshakes, counted by a proxy between the real hub's listener and the real agent's sync. A: the first 200 mails
 * under 10,000 bytes; B: the rest of them; C: the first 200 of all. Link cuts count the bytes of a connection both ways; the
 * next call comes at once.
 */
import { sync } from '../../agent/sync.ts';
import { readMails } from '../support/mails.ts';
import { postUp, type SyncPair, syncPair } from '../support/sync-office.ts';
import { table } from '../support/table.ts';

const CALLS_MAX = 3_000;
const SMALL_BYTES = 10_000;

interface Result {
  readonly what: string;
  readonly raw: number;
  readonly wire: number;
  readonly calls: number;
  readonly seconds: number;
}

const bytesOf = (mails: readonly Buffer[]): number => mails.reduce((sum, { length }) => sum + length, 0);

/** Carries the mails and answers how many calls it took. */
async function carry(pair: SyncPair, mails: readonly Buffer[]): Promise<number> {
  const before = (await arrived(pair)) + mails.length;
  for (const mail of mails) await postUp(pair.agent, mail);
  let calls = 1;
  for (; !(await sync(pair.agent)).ok; calls += 1) if (calls === CALLS_MAX) throw new Error('there is no end');
  if ((await arrived(pair)) !== before) throw new Error(`${await arrived(pair)} mails arrived instead of ${before}`);
  return calls;
}

async function arrived({ hub }: SyncPair): Promise<number> {
  let count = 0;
  for (let after = ''; ; ) {
    const page = await hub.store.list('internet/new/', { ...(after ? { after } : {}) });
    count += page.length;
    after = page.at(-1)?.key ?? '';
    if (page.length < 1_000) return count;
  }
}

interface Case {
  readonly what: string;
  /** Carried before the counting. */
  readonly before?: readonly Buffer[];
  /** The mails of each sync. */
  readonly syncs: readonly (readonly Buffer[])[];
  readonly cutEvery?: number;
}

async function measure({ what, before = [], syncs, cutEvery }: Case): Promise<Result> {
  const pair = await syncPair();
  try {
    // The directory has come before; a figure of its own would hide in the first.
    await carry(pair, before);
    const { bytesUp, bytesDown } = pair.proxy;
    const started = performance.now();
    if (cutEvery) pair.proxy.every = cutEvery;
    let calls = 0;
    for (const mails of syncs) calls += await carry(pair, mails);
    return {
      what,
      raw: bytesOf(syncs.flat()),
      wire: pair.proxy.bytesUp + pair.proxy.bytesDown - bytesUp - bytesDown,
      calls,
      seconds: Math.round((performance.now() - started) / 100) / 10,
    };
  } finally {
    await pair.close();
  }
}

const tens = (mails: readonly Buffer[]): readonly (readonly Buffer[])[] =>
  Array.from({ length: Math.floor(mails.length / 10) }, (_, n) =>
    mails.slice(n * 10, n === Math.floor(mails.length / 10) - 1 ? undefined : n * 10 + 10),
  );

const [path, ...options] = process.argv.slice(2);
if (!path) {
  console.error('usage: node test/bench/wire.ts FOLDER [--json]');
  process.exit(64);
}
const all = (await readMails(path)).map(({ bytes }) => bytes);
const small = all.filter(({ length }) => length < SMALL_BYTES);
const [a, b, c] = [small.slice(0, 200), small.slice(200), all.slice(0, 200)];
const six = b.find(({ length }) => length > 5_900 && length < 6_300) ?? Buffer.alloc(0);
const cases: readonly Case[] = [
  { what: 'A, first contact', syncs: [a] },
  { what: 'B after A', before: a, syncs: [b] },
  { what: 'B after A, ten mails a sync', before: a, syncs: tens(b) },
  { what: 'twenty single mails after A', before: a, syncs: b.slice(0, 20).map((mail) => [mail]) },
  { what: 'one mail of 6 KB after A', before: a, syncs: [[six]] },
  { what: 'nothing to do', before: a, syncs: [[]] },
  { what: 'C, first contact', syncs: [c] },
  { what: 'A, cut every 64 KB', syncs: [a], cutEvery: 65_536 },
  { what: 'A, cut every 16 KB', syncs: [a], cutEvery: 16_384 },
  { what: 'A, cut every 4 KB', syncs: [a], cutEvery: 4_096 },
  { what: 'C, cut every 16 KB', syncs: [c], cutEvery: 16_384 },
];
const results: Result[] = [];
for (const one of cases) {
  const result = await measure(one);
  results.push(result);
  if (options.includes('--json'))
    console.log(
      JSON.stringify({
        bench: 'wire',
        case: one.what,
        peer: 'fieldpost',
        metric: 'bytes',
        value: result.wire,
        unit: 'B',
      }),
    );
}
if (!options.includes('--json'))
  console.log(
    table<Result>(
      [
        ['office to hub', ({ what }) => what],
        ['bytes raw', ({ raw }) => raw],
        ['on the link', ({ wire }) => wire],
        ['calls', ({ calls }) => calls],
        ['seconds', ({ seconds }) => seconds],
      ],
      results,
    ),
  );
