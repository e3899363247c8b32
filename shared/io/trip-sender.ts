/** The sending half of a trip: offers what waits, frame after frame as they are made, and settles what is answered. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Trip } from '../core/trip.ts';
import type { Answer, Repeat } from '../core/trip-message.ts';
import { type Body, bytesBody } from './body.ts';
import { EXIT } from './command-line.ts';
import type { Condition } from './condition.ts';
import { type Sealed, seal } from './seal.ts';
import { settleOffer } from './settle-offer.ts';
import { TripFrames } from './trip-frames.ts';
import type { TripOutput } from './trip-output.ts';
import { TripPace } from './trip-pace.ts';
import { type Carried, TripRefused, type TripSide } from './trip-side.ts';

/** Offers without an answer, at most. */
const IN_FLIGHT_MAX = 512;
const DATA_BYTES = 8_192;
/** Of a DATA record. */
const DATA_HEAD_BYTES = 4;
/** An OFFER, and as much of its frame as is worth one. */
const OFFER_BYTES = 128;
/** The last word of a trip that may bring no more. */
const SPENT = 'what this sync may bring is used up: what was under way goes on where it is with the next sync';

export interface SenderOptions {
  readonly side: TripSide;
  readonly trip: Trip;
  readonly output: TripOutput;
  /** Woken when an answer comes, when mail is published, and when the trip is over. */
  readonly changed: Condition;
  /** Whether the trip has ended, or is about to. */
  over(): boolean;
  /** Bytes of DATA that the other side still takes in this trip. */
  room(): number;
  /** Called when nothing is left to say until something comes. */
  resting(): void;
  save(): Promise<void>;
  progress(): void;
}

export class TripSender {
  readonly carried: Carried = { mails: 0, bytesRaw: 0 };
  resumed = 0;
  /** Whether nothing is left to say until something comes. */
  resting = false;
  readonly #options: SenderOptions;
  readonly #pace: TripPace;
  readonly #frames: TripFrames;
  /** What the other side takes in this trip has been sent; the frame that it ended in, 0 for none. */
  #spent: number | undefined;
  #more = false;
  #lacking: readonly boolean[] | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    const { side, trip, output, over, save } = options;
    this.#pace = new TripPace({ isDear: side.isDear });
    this.#frames = new TripFrames({
      side,
      pace: this.#pace,
      over: () => over() || this.#spent !== undefined,
      save,
      unacknowledged: () => output.unacknowledged(),
      isHeldInPart: (seq) => trip.isHeldInPart(seq),
      room: () => this.#rest(() => over() || trip.inFlight.size < IN_FLIGHT_MAX),
    });
  }

  /** Before the trip: offers whose entries are gone need no answer. */
  forgetGone(): Promise<void> {
    return this.#frames.forgetGone();
  }

  /** Offers all that waits, and what comes to it, until the trip is over. `idle` is called each time nothing is left. */
  async send(idle: () => Promise<void>): Promise<void> {
    const { side, trip, output, changed, over } = this.#options;
    await this.#sendDirectory();
    await this.#frames.buildOnConfirmed();
    await this.#askForLacking();
    while (!over()) {
      this.#more = false;
      if (side.offers) await this.#sendQueue();
      if (this.#spent !== undefined) await this.#endSpent(this.#spent);
      if (this.#more || over()) continue;
      output.push(trip.done(this.#frames.waiting));
      this.#restNow();
      await output.flush();
      await idle();
      await changed.until(() => this.#more || over());
      this.resting = false;
    }
  }

  /** Mail was published to our maildir. */
  published(key?: string): void {
    this.#frames.published(key);
    this.#wake();
  }

  /** The other side wants the frame again. */
  async repeat(repeat: Repeat): Promise<void> {
    await this.#frames.repeat(repeat);
    this.#wake();
  }

  lacking(lacking: readonly boolean[]): void {
    this.#lacking = lacking;
    this.#options.changed.wake();
  }

  /** An answer: does what it says to the entries of the frame. */
  async answered(seq: number, answer: Answer): Promise<void> {
    const { side, changed } = this.#options;
    const opened = side.ledger.open.get(seq);
    if (!opened) return;
    this.#pace.answered(seq);
    await settleOffer(side, opened, answer);
    await this.#frames.answered(seq, answer === 'K');
    side.ledger.settle(seq);
    changed.wake();
  }

  /** The other side may still finish what it sends, and answer what it has. */
  async #endSpent(seq: number): Promise<void> {
    const { trip, over } = this.#options;
    await this.#rest(() => over() || trip.isSettledBut(seq));
    if (!over()) throw new TripRefused(EXIT.later, SPENT);
  }

  #restNow(): void {
    this.resting = true;
    this.#options.resting();
  }

  async #rest(ready: () => boolean): Promise<void> {
    if (ready()) return;
    this.#restNow();
    await this.#options.output.flush();
    await this.#options.changed.until(ready);
    this.resting = false;
  }

  #wake(): void {
    this.#more = true;
    this.#options.changed.wake();
  }

  async #sendQueue(): Promise<void> {
    for await (const frame of this.#frames.sealed()) {
      try {
        if (this.#options.over() || !(await this.#sendSealed(frame.seq, frame.sealed))) continue;
        this.carried.mails += frame.mails;
        this.carried.bytesRaw += frame.bytesRaw;
        this.#options.progress();
      } finally {
        await frame.sealed.discard();
      }
    }
  }

  /** Answers whether all of it has been sent. */
  async #sendSealed(seq: number, { codec, base, hash, length, packed, body }: Sealed): Promise<boolean> {
    const { trip, output, over } = this.#options;
    if (this.#endsIn(seq, OFFER_BYTES)) return false;
    const { bytes, start } = trip.offer({ seq, codec, base, hash, length, packed });
    this.#pace.offered(seq, length - start);
    if (start > 0) this.resumed += 1;
    output.push(bytes);
    for await (const piece of pieces(body, start)) {
      // Answered in mid-way: too large. The rest is not wanted.
      if (over() || (seq !== 0 && !trip.inFlight.has(seq))) return false;
      const room = this.#room;
      if (this.#endsIn(seq, piece.length)) {
        if (room > 0) output.push(trip.data(piece.subarray(0, room)));
        return false;
      }
      output.push(trip.data(piece));
      await output.room();
      this.#options.progress();
      // Bytes that lie in memory let nothing else happen between them, and the answer to this frame may be there.
      await nextTurn();
    }
    return true;
  }

  get #room(): number {
    return Math.max(0, this.#options.room() - DATA_HEAD_BYTES);
  }

  /** Whether so many bytes more of the frame are too many for this trip. The directory goes all the same: it is not kept in part. */
  #endsIn(seq: number, bytes: number): boolean {
    if (seq === 0 || bytes <= this.#room) return false;
    this.#spent ??= this.#options.trip.inFlight.has(seq) ? seq : 0;
    return true;
  }

  async #sendDirectory(): Promise<void> {
    const { directory, spool } = this.#options.side;
    if (!directory) return;
    const sealed = await seal(bytesBody(directory), spool);
    await this.#sendSealed(0, sealed);
    await sealed.discard();
  }

  async #askForLacking(): Promise<void> {
    const { side, trip, output, over } = this.#options;
    const { restore } = side;
    if (!restore) return;
    for (let ids = await restore.next(); ids.length > 0 && !over(); ids = await restore.next()) {
      this.#lacking = undefined;
      output.push(trip.ask(ids));
      await this.#rest(() => this.#lacking !== undefined || over());
      const lacking: readonly boolean[] | undefined = this.#lacking;
      // Not answered: asked again in the next trip.
      if (!lacking) return;
      await restore.lacks(ids.filter((_, index) => lacking[index]));
    }
  }
}

async function* pieces(body: Body, start: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of body.read(start))
    for (let at = 0; at < chunk.length; at += DATA_BYTES) yield chunk.subarray(at, at + DATA_BYTES);
}
