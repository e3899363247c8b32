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

/** Several full TLS fragments. */
const GATHER_BYTES = 8_192;
const GATHER_MS = 60;

export class TripOutput {
  readonly #trip: Trip;
  readonly #wire: Wire;
  readonly #failed: (error: Error) => void;
  #parts: Uint8Array[] = [];
  #size = 0;
  #answers = new Map<number, Answer>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #lastWrite = performance.now();

  constructor({ trip, wire, failed }: { readonly trip: Trip; readonly wire: Wire; failed(error: Error): void }) {
    this.#trip = trip;
    this.#wire = wire;
    this.#failed = failed;
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

  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Drops what has not been written. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#parts = [];
    this.#answers.clear();
    this.#size = 0;
  }

  async #write(): Promise<void> {
    if (this.#answers.size > 0) this.#parts.unshift(this.#trip.answer(this.#answers));
    if (this.#parts.length === 0) return;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#answers = new Map();
    this.#size = 0;
    this.#lastWrite = performance.now();
    await this.#wire.write(bytes);
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => this.flush().catch(this.#failed), GATHER_MS);
  }
}
