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

export class TripOutput {
  readonly #trip: Trip;
  readonly #wire: Wire;
  readonly #failed: (error: Error) => void;
  readonly #sent: () => void;
  #parts: Uint8Array[] = [];
  #size = 0;
  #answers = new Map<number, Answer>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #lastWrite = performance.now();
  #dead = false;

  constructor({ trip, wire, failed, sent }: OutputOptions) {
    this.#trip = trip;
    this.#wire = wire;
    this.#failed = failed;
    this.#sent = sent;
  }

  /** Milliseconds since the last write. */
  get silentMs(): number {
    return performance.now() - this.#lastWrite;
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
    if (this.#size >= GATHER_BYTES) await this.flush();
  }

  /** Never fails: a link that takes no more is told to `failed`, once, and what is written from then on is dropped. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
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
    this.#take();
  }

  async #write(): Promise<void> {
    const bytes = this.#take();
    if (this.#dead || bytes.length === 0) return;
    this.#lastWrite = performance.now();
    await this.#wire.write(bytes);
    this.#sent();
  }

  /** All that is gathered, and nothing is any more. */
  #take(): Uint8Array {
    const answers = this.#trip.answer(this.#answers);
    const bytes = Buffer.concat([answers, ...this.#parts]);
    this.#answers = new Map();
    this.#parts = [];
    this.#size = 0;
    return bytes;
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }
}
