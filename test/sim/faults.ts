/** What goes wrong in a world, how often, and how often it did. */
import { Chance } from './chance.ts';

/** Each with its rate: per write, per byte, per call, per hour, as its name says; 0: never. */
export interface FaultRates {
  /** Of writes: fails and has not happened. */
  readonly writeFails: number;
  /** Of writes: fails and has happened. */
  readonly writeFailsDone: number;
  /** Of reads and writes: takes seconds. */
  readonly slow: number;
  /** Of writes: the process is killed before or after it. */
  readonly kill: number;
  /** Of writes: the power of the machine goes before or after it. */
  readonly powerCut: number;
  /** Of disks, an hour: full for a while. */
  readonly diskFull: number;
  /** Seconds by which a bucket's listing may lag. */
  readonly listLag: number;
  /** Of calls over a link: cut at some byte. */
  readonly linkCut: number;
  /** Of cuts: one side does not hear of it. */
  readonly deafCut: number;
  /** Of answers at a door that the client does not hear. */
  readonly answerLost: number;
  /** Of laptops' starts: the clock is wrong. */
  readonly wrongClock: number;
  /** Of SMTP transactions: put off, refused, dropped before the answer, dropped after it was taken. */
  readonly smtpDefers: number;
  readonly smtpDrops: number;
  readonly smtpAnswerLost: number;
  /** Of sticks. */
  readonly stickLate: number;
  readonly stickTwice: number;
  readonly stickLost: number;
  /** Of offices, in the whole world. */
  readonly revoked: number;
  readonly rekeyed: number;
  readonly restored: number;
  readonly replaced: number;
  /** Of people, in the whole world. */
  readonly moved: number;
}

export type FaultKind = keyof FaultRates;

const NONE: FaultRates = {
  writeFails: 0,
  writeFailsDone: 0,
  slow: 0,
  kill: 0,
  powerCut: 0,
  diskFull: 0,
  listLag: 0,
  linkCut: 0,
  deafCut: 0,
  answerLost: 0,
  wrongClock: 0,
  smtpDefers: 0,
  smtpDrops: 0,
  smtpAnswerLost: 0,
  stickLate: 0,
  stickTwice: 0,
  stickLost: 0,
  revoked: 0,
  rekeyed: 0,
  restored: 0,
  replaced: 0,
  moved: 0,
};

export const FAULT_KINDS = Object.keys(NONE) as readonly FaultKind[];

/** From and up to what a rate is drawn in a world that has the fault. */
const RANGES: Readonly<Record<FaultKind, readonly [number, number]>> = {
  writeFails: [0.0003, 0.01],
  writeFailsDone: [0.0003, 0.01],
  slow: [0.001, 0.05],
  kill: [0.0002, 0.004],
  powerCut: [0.0002, 0.004],
  diskFull: [0.05, 0.5],
  listLag: [1, 60],
  linkCut: [0.1, 0.8],
  deafCut: [0.1, 1],
  answerLost: [0.05, 0.4],
  wrongClock: [0.2, 1],
  smtpDefers: [0.05, 0.5],
  smtpDrops: [0.05, 0.4],
  smtpAnswerLost: [0.05, 0.3],
  stickLate: [0.1, 0.8],
  stickTwice: [0.1, 0.8],
  stickLost: [0.1, 0.6],
  revoked: [0.1, 0.5],
  rekeyed: [0.1, 0.5],
  restored: [0.1, 0.5],
  replaced: [0.05, 0.3],
  moved: [0.05, 0.3],
};

/** Those of `without` never happen: how a failing world is made smaller. */
export function drawRates(seed: number, without: ReadonlySet<FaultKind> = new Set()): FaultRates {
  const chance = new Chance(seed, 'faults');
  const some = chance.between(0.1, 0.7);
  const rates = { ...NONE };
  for (const kind of FAULT_KINDS) {
    const [least, most] = RANGES[kind];
    const rate = chance.spread(least, most);
    if (chance.one(some) && !without.has(kind)) Object.assign(rates, { [kind]: rate });
  }
  return rates;
}

export type Strike =
  | 'fails'
  | 'fails, done'
  | 'killed before'
  | 'killed after'
  | 'cut before'
  | 'cut after'
  | undefined;

export class Faults {
  readonly rates: FaultRates;
  /** How often each has happened. */
  readonly counts = new Map<FaultKind, number>();
  readonly #chance: Chance;
  /** Nothing goes wrong any more. */
  calm = true;

  constructor(rates: FaultRates, chance: Chance) {
    this.rates = rates;
    this.#chance = chance;
  }

  count(kind: FaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  /** Whether it happens now; counted when it does. */
  strikes(kind: FaultKind): boolean {
    if (this.calm || !this.#chance.one(this.rates[kind])) return false;
    this.count(kind);
    return true;
  }

  /** What happens to a write. */
  ofWrite(): Strike {
    if (this.calm) return undefined;
    if (this.strikes('writeFails')) return 'fails';
    if (this.strikes('writeFailsDone')) return 'fails, done';
    if (this.strikes('kill')) return this.#chance.one(0.5) ? 'killed before' : 'killed after';
    if (this.strikes('powerCut')) return this.#chance.one(0.5) ? 'cut before' : 'cut after';
    return undefined;
  }

  /** Milliseconds that a disk or a bucket takes. */
  delay(least: number, most: number): number {
    return this.strikes('slow') ? this.#chance.spread(500, 90_000) : this.#chance.between(least, most);
  }
}
