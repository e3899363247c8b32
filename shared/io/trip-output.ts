/**
 * What a side of a trip sends, gathered: every write costs the overhead of a chunk and of a TLS record, so records
 * wait for each other a moment, and answers of one kind become one record. Nothing waits when enough is gathered, or when
 * the side has nothing to add.
 */

import type { Trip } from '../core/trip.ts';
import type { Answer } from '../core/trip-message.ts';

/** Both ways between hub and agent; TLS is below. */
export interface Wire {
  readonly incoming: AsyncIterable<Uint8Array>;
  /** Resolves when the next bytes may be given. */
  write(bytes: Uint8Array): Promise<void>;
  /** Nothing more will be written. */
  end(): void;
  /** Bytes that the other end has not confirmed yet, where the system can tell. */
  unacknowledged?(): Promise<number | undefined>;
  /** The trip is over, however it stands. */
  destroy(error: Error): void;
}

export interface OutputOptions {
  readonly trip: Trip;
  readonly wire: Wire;
  /** The link takes no more. */
  failed(error: Error): void;
  /** Called after each write: an answer counts as given only then. */
  sent(): void;
}

/** Several full TLS fragments. */
const GATHER_BYTES = 8_192;
const GATHER_MS = 60;
/** A TLS record, and what it adds to what is said. */
const TLS_RECORD = 1_400;
const TLS_ADDS = 22;
/** HTTP's head, answers, and the sentence that ends a trip. */
const LAST_WORD_BYTES = 400;

export class TripOutput {
  readonly #trip: Trip;
  readonly #wire: Wire;
  readonly #failed: (error: Error) => void;
  readonly #sent: () => void;
  #parts: Uint8Array[] = [];
  #size = 0;
  /** What was written so far. */
  #written = 0;
  #writes = 0;
  #answers = new Map<number, Answer>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #lastWrite = performance.now();
  #dead = false;
  /** While the line is the other side's (half duplex): resolves when it is ours. */
  #turn: Promise<void> | undefined;
  #speak: () => void = () => undefined;
  #passing = false;
  #greeted = false;

  constructor({ trip, wire, failed, sent }: OutputOptions) {
    this.#trip = trip;
    this.#wire = wire;
    this.#failed = failed;
    this.#sent = sent;
  }

  /** Bytes of DATA that may still be said when the line may carry so many from this side, TLS and a last word included. */
  roomOf(lineBytesMax: number): number {
    const payload = this.#written + this.#size;
    const line = payload + (Math.ceil(payload / TLS_RECORD) + this.#writes + 1) * TLS_ADDS + LAST_WORD_BYTES;
    return Math.max(0, Math.floor(((lineBytesMax - line) * TLS_RECORD) / (TLS_RECORD + TLS_ADDS)));
  }

  /** Milliseconds since the last write. */
  get silentMs(): number {
    return performance.now() - this.#lastWrite;
  }

  /** Bytes that have been written and the other end has not confirmed yet, where the system can tell. */
  async unacknowledged(): Promise<number | undefined> {
    return this.#wire.unacknowledged?.();
  }

  /** Whether what is said goes out now. */
  get speaks(): boolean {
    return this.#turn === undefined && !this.#passing;
  }

  /** The line is the other side's: what is said is gathered until `speak`. */
  listen(): void {
    this.#turn ??= new Promise((resolve) => {
      this.#speak = resolve;
    });
  }

  /** The line is ours. */
  speak(): void {
    this.#passing = false;
    if (!this.#turn) return;
    this.#turn = undefined;
    this.#speak();
    this.#flushSoon();
  }

  /** With what is gathered, gives the line to the other side. */
  passTurn(): void {
    this.#passing = true;
    this.#flushSoon();
  }

  push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#size += bytes.length;
    this.#flushSoon();
  }

  answer(seq: number, answer: Answer): void {
    this.#answers.set(seq, answer);
    this.#flushSoon();
  }

  /** Waits while more is gathered than need be. */
  async room(): Promise<void> {
    if (this.#size < GATHER_BYTES) return;
    await this.#turn;
    await this.flush();
  }

  /**
   * Never fails: a link that takes no more is told to `failed`, once, and what is written from then on is dropped. While the
   * line is the other side's there is nothing to wait for.
   */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#turn) return;
    this.#writing = this.#writing
      .then(() => this.#write())
      .catch((error: Error) => {
        this.stop();
        this.#failed(error);
      });
    return this.#writing;
  }

  /** Nothing more goes out. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dead = true;
    this.speak();
    this.#take();
  }

  async #write(): Promise<void> {
    if (this.#turn) return;
    const bytes = this.#take();
    if (this.#dead || bytes.length === 0) return;
    this.#lastWrite = performance.now();
    this.#written += bytes.length;
    this.#writes += 1;
    await this.#wire.write(bytes);
    this.#sent();
  }

  /** All that is gathered, and nothing is any more. */
  #take(): Uint8Array {
    const answers = this.#trip.answer(this.#answers);
    const turn = this.#passing ? [this.#trip.turn()] : [];
    // The greeting is the first that is pushed, and nothing goes before it.
    const [greeting, parts] = this.#greeted ? [[], this.#parts] : [this.#parts.slice(0, 1), this.#parts.slice(1)];
    const bytes = Buffer.concat([...greeting, answers, ...parts, ...turn]);
    this.#greeted ||= this.#parts.length > 0;
    if (this.#passing && !this.#dead) this.listen();
    this.#passing = false;
    this.#answers = new Map();
    this.#parts = [];
    this.#size = 0;
    return bytes;
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }
}
