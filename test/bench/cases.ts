/** What is measured: which mails, over which line. */
import type { Pace } from '../support/line.ts';

export type BenchName = 'wire' | 'cut' | 'small' | 'fanout' | 'time';

export interface Case {
  readonly name: string;
  /** Carried before the counting begins. */
  readonly before?: readonly Buffer[];
  /** The mails of each sync. */
  readonly syncs: readonly (readonly Buffer[])[];
  /** Bytes of one connection, both ways, after which it is cut. */
  readonly cutEvery?: number;
  readonly pace?: Pace;
  /** Each mail goes to so many people of the other side. */
  readonly people?: number;
  /** Points in the session of these mails at which it is cut once: as many runs. */
  readonly cutPoints?: number;
}

export interface Mails {
  /** The first 200 of the small ones, the rest of them, and the first 200 of all. */
  readonly a: readonly Buffer[];
  readonly b: readonly Buffer[];
  readonly c: readonly Buffer[];
}

const SMALL_BYTES = 10_000;

export function chooseMails(all: readonly Buffer[]): Mails {
  const small = all.filter(({ length }) => length < SMALL_BYTES);
  return { a: small.slice(0, 200), b: small.slice(200), c: all.slice(0, 200) };
}

/** In tens; what is over goes with the last. */
const tens = (mails: readonly Buffer[]): readonly (readonly Buffer[])[] =>
  Array.from({ length: Math.floor(mails.length / 10) }, (_, n, last = Math.floor(mails.length / 10) - 1) =>
    mails.slice(n * 10, n === last ? undefined : n * 10 + 10),
  );

/** A plain letter of about 6 KB. */
const sixKb = (mails: readonly Buffer[]): Buffer =>
  mails.find(({ length }) => length > 5_900 && length < 6_300) ?? Buffer.alloc(0);

/** The mail whose size is nearest. */
const near = (mails: readonly Buffer[], bytes: number): Buffer =>
  mails.toSorted((one, other) => Math.abs(one.length - bytes) - Math.abs(other.length - bytes))[0] ?? Buffer.alloc(0);

/** `delayMs` is one way. */
const HF: Pace = { bitsPerSecond: 2_400, delayMs: 900 };
const SATELLITE: Pace = { bitsPerSecond: 128_000, delayMs: 300 };

export const CASES: Readonly<Record<BenchName, (mails: Mails) => readonly Case[]>> = {
  wire: ({ a, b, c }) => [
    { name: 'A, first contact', syncs: [a] },
    { name: 'B after A', before: a, syncs: [b] },
    { name: 'B after A, ten mails a sync', before: a, syncs: tens(b) },
    { name: 'twenty single mails after A', before: a, syncs: b.slice(0, 20).map((mail) => [mail]) },
    { name: 'one mail of 6 KB after A', before: a, syncs: [[sixKb(b)]] },
    { name: 'nothing to do', before: a, syncs: [[]] },
    { name: 'C, first contact', syncs: [c] },
  ],
  cut: ({ a, c }) => [
    { name: 'A, cut every 64 KB', syncs: [a], cutEvery: 65_536 },
    { name: 'A, cut every 16 KB', syncs: [a], cutEvery: 16_384 },
    { name: 'A, cut every 4 KB', syncs: [a], cutEvery: 4_096 },
    { name: 'C, cut every 16 KB', syncs: [c], cutEvery: 16_384 },
  ],
  small: ({ a, c }) =>
    [1_000, 3_000, 10_000, 30_000, 100_000].map((bytes) => ({
      name: `one mail of about ${bytes / 1_000} KB`,
      before: a.slice(0, 20),
      syncs: [[near(c.slice(20), bytes)]],
      pace: SATELLITE,
    })),
  fanout: ({ b }) => [{ name: 'one mail to five people of one office', syncs: [[sixKb(b)]], people: 5 }],
  time: ({ a, b }) => [
    { name: 'first 20 of A at 2,400 bps, 1.8 s', syncs: [a.slice(0, 20)], pace: HF },
    { name: 'first 20 of B after A at 2,400 bps, 1.8 s', before: a, syncs: [b.slice(0, 20)], pace: HF },
    { name: 'A at 128 kbps, 600 ms', syncs: [a], pace: SATELLITE },
    { name: 'ten mails, cut at each of 60 points', syncs: [a.slice(0, 10)], cutPoints: 60 },
  ],
};
