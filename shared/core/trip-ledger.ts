/**
 * The ledger is what a side of the trips between a hub and one office must not forget, for both directions:
 *
 *   out   `next`: the number of the next offer; `open`: offers made and not answered, by number, with what is in them.
 *   in    `floor`: every offer of the peer below it is settled and forgotten; `answered`: the answers given above it.
 *
 * An offer keeps its number until it is answered, over however many trips. The receiver remembers an answer until
 * the sender's floor has passed it, so an answer that was lost in a cut is given again in the next greeting and the
 * mail does not travel twice. Numbers are never used again.
 */
import type { Answer } from './trip-message.ts';
import { TripError } from './trip-record.ts';

/** How far numbers may run ahead of the floor: bounds what a receiver has to remember. */
export const WINDOW = 4_096;

/** An offer without an answer: all that it takes to seal the same frame again, byte for byte. */
export interface Opened {
  /** Names of the entries in the frame. */
  readonly keys: readonly string[];
  /** How a frame of several mails was sealed; absent before that, and for a mail that is streamed. */
  readonly sealing?: Sealing;
  /** It is on a stick, or with another carrier of files: no link is paid for it before `until`. Unix seconds of the
   * hub. `hash`: of the frame that is there; a stick's answer counts only for the very same. `by`: the carrier that has it. */
  readonly stick?: { readonly since: number; readonly until: number; readonly hash: string; readonly by?: string };
}

export interface Sealing {
  /** The point of the history that it builds on. */
  readonly base: string;
  /** It does not join the history. */
  readonly apart?: true;
  readonly quality: number;
  /** SHA-256 of the remembered parts that it builds on as well. */
  readonly parts?: readonly string[];
  /** Recipients of each entry: which verdict of an answer is whose. */
  readonly recipients: readonly number[];
}

export interface LedgerData {
  readonly next: number;
  readonly open: readonly (readonly [seq: number, opened: Opened])[];
  readonly floor: number;
  readonly answered: readonly (readonly [seq: number, answer: Answer])[];
  /** Hashes of the frames that were answered: a batch names them beside the answers. */
  readonly hashes?: readonly (readonly [seq: number, hash: string])[];
}

export const EMPTY_LEDGER: LedgerData = { next: 1, open: [], floor: 1, answered: [] };

export class Ledger {
  #next: number;
  #floor: number;
  /** In the order of the numbers. */
  readonly #open: Map<number, Opened>;
  readonly #answered: Map<number, Answer>;
  readonly #hashes: Map<number, string>;

  constructor({ next, open, floor, answered, hashes = [] }: LedgerData = EMPTY_LEDGER) {
    this.#next = next;
    this.#floor = floor;
    this.#open = new Map(open);
    this.#answered = new Map(answered);
    this.#hashes = new Map(hashes);
  }

  get data(): LedgerData {
    const [answered, hashes] = [[...this.#answered], [...this.#hashes]];
    return { next: this.#next, open: [...this.#open], floor: this.#floor, answered, hashes };
  }

  /** Offers without an answer, by number. */
  get open(): ReadonlyMap<number, Opened> {
    return this.#open;
  }

  get answered(): ReadonlyMap<number, Answer> {
    return this.#answered;
  }

  /** Hashes of the frames that were answered. */
  get hashes(): ReadonlyMap<number, string> {
    return this.#hashes;
  }

  /** Every offer that we made below this is settled. */
  get outFloor(): number {
    const [lowest] = this.#open.keys();
    return lowest ?? this.#next;
  }

  get hasRoom(): boolean {
    return this.#next - this.outFloor < WINDOW;
  }

  /** Gives entries the number of their frame. To be made durable before a byte of it is sent. */
  offer(keys: readonly string[]): number {
    const seq = this.#next;
    this.#next += 1;
    this.#open.set(seq, { keys });
    return seq;
  }

  /** What the frame is made of now, and how. To be made durable before a byte of it is sent. */
  reopen(seq: number, opened: Opened): void {
    this.#open.set(seq, opened);
  }

  /**
   * What is left of a frame whose other entries are settled is another frame, with a number of its own: an answer to the
   * whole, which may still come, would be taken for the wrong mails. To be made durable as an offer is.
   */
  renumber(seq: number, keys: readonly string[]): number {
    this.settle(seq);
    return this.offer(keys);
  }

  /** The offer is answered and dealt with, or its entry is gone. */
  settle(seq: number): void {
    this.#open.delete(seq);
  }

  /** An offer of the peer may come: it is neither settled nor further ahead than can be remembered. */
  assertOffered(seq: number): void {
    if (seq < this.#floor) throw new TripError(`offer ${seq} is below the floor ${this.#floor}`);
    if (seq >= this.#floor + WINDOW) throw new TripError(`offer ${seq} is too far above the floor ${this.#floor}`);
  }

  /** Remembers the answer that the peer's offer got, and of which frame it is. */
  answer(seq: number, answer: Answer, hash?: string): void {
    if (seq < this.#floor) return;
    this.#answered.set(seq, answer);
    if (hash !== undefined) this.#hashes.set(seq, hash);
  }

  /** The answer was given to nobody yet, and the offer may come again. */
  retract(seq: number): void {
    this.#forget(seq);
  }

  /** The peer says that all its offers below are settled. */
  raise(floor: number): void {
    if (floor < this.#floor) throw new TripError(`the floor went back from ${this.#floor} to ${floor}`);
    this.#floor = floor;
    for (const seq of this.#answered.keys()) if (seq < floor) this.#forget(seq);
  }

  get floor(): number {
    return this.#floor;
  }

  /**
   * The floor that a greeting says. One that fell is that of a peer which came back from a backup, or lost its ledger: what
   * it numbers anew are other mails, so the answers are forgotten. A mail that comes again is known by its id.
   */
  greeted(floor: number): void {
    if (floor < this.#floor) this.forgetPeer();
    this.raise(floor);
  }

  /** The peer offers another frame under a number that has been answered: that answer is not for this one. */
  isAnswered(seq: number, hash: string): boolean {
    if (!this.#answered.has(seq)) return false;
    const known = this.#hashes.get(seq);
    if (known === undefined || known === hash) return true;
    this.#forget(seq);
    return false;
  }

  /**
   * The peer has an answer for this number. When it was never given to an offer, this side came back from a backup: the
   * numbers up to there were other mails', and are not given again. True when that is so.
   */
  heard(seq: number): boolean {
    if (seq < this.#next || seq >= this.#next + WINDOW) return false;
    this.#next = seq + 1;
    return true;
  }

  /** Another data folder, or one from a backup, speaks for the peer now: its numbers mean nothing here. */
  forgetPeer(): void {
    this.#floor = 1;
    this.#answered.clear();
    this.#hashes.clear();
  }

  #forget(seq: number): void {
    this.#answered.delete(seq);
    this.#hashes.delete(seq);
  }
}
