/**
 * The sending half of a trip: chooses, seals and offers what waits, and settles what is answered. The ledger is durable
 * before the first byte of an offer: what may have been offered is never given to somebody else.
 */
import { EntryError } from '../core/entry.ts';
import { encodeFrameHead } from '../core/frame.ts';
import type { Trip } from '../core/trip.ts';
import type { Answer } from '../core/trip-message.ts';
import { TripError } from '../core/trip-record.ts';
import { refused } from '../core/verdict.ts';
import { type Body, bytesBody, joinBodies } from './body.ts';
import type { Condition } from './condition.ts';
import { type Entry, openEntry } from './maildir.ts';
import { type Chosen, Outbox } from './outbox.ts';
import { type Sealed, seal } from './seal.ts';
import type { TripOutput } from './trip-output.ts';
import { settleEntry } from './trip-settle.ts';
import type { Carried, TripSide } from './trip-side.ts';

const BATCH = 32;
/** Sealed ahead of the line. */
const AHEAD = 3;
/** Offers without an answer, at most. */
const IN_FLIGHT_MAX = 512;
const DATA_BYTES = 8_192;

export interface SenderOptions {
  readonly side: TripSide;
  readonly trip: Trip;
  readonly output: TripOutput;
  /** Woken when an answer comes, when mail is published, and when the trip is over. */
  readonly changed: Condition;
  /** Whether the trip has ended, or is about to. */
  over(): boolean;
  save(): Promise<void>;
  progress(): void;
}

interface SealedEntry {
  readonly sealed: Sealed;
  readonly bytesRaw: number;
}

export class TripSender {
  readonly carried: Carried = { mails: 0, bytesRaw: 0 };
  resumed = 0;
  readonly #options: SenderOptions;
  readonly #outbox: Outbox;
  #more = false;
  #lacking: readonly boolean[] | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.side);
  }

  /** Before the trip: offers whose entries are gone need no answer. */
  forgetGone(): Promise<void> {
    return this.#outbox.forgetGone();
  }

  /** Offers all that waits, and what comes to it, until the trip is over. `idle` is called each time nothing is left. */
  async send(idle: () => Promise<void>): Promise<void> {
    const { side, trip, output, changed, over } = this.#options;
    await this.#sendDirectory();
    await this.#askForLacking();
    while (!over()) {
      this.#more = false;
      if (side.offers) await this.#sendQueue();
      if (this.#more) continue;
      output.push(trip.done(this.#outbox.waiting));
      await output.flush();
      await idle();
      await changed.until(() => this.#more || over());
    }
  }

  /** Mail was published to our maildir. */
  published(): void {
    this.#outbox.rescan();
    this.#wake();
  }

  /** The other side wants the frame again, from its first byte. */
  repeat(seq: number): void {
    const key = this.#options.side.ledger.open.get(seq);
    if (key === undefined) throw new TripError(`frame ${seq} was not offered`);
    this.#outbox.repeat({ seq, key });
    this.#wake();
  }

  lacking(lacking: readonly boolean[]): void {
    this.#lacking = lacking;
    this.#options.changed.wake();
  }

  /** An answer: does what it says to the entry. */
  async answered(seq: number, answer: Answer): Promise<void> {
    const { side } = this.#options;
    const key = side.ledger.open.get(seq);
    if (key === undefined) return;
    try {
      await this.#settle(key, answer);
    } catch (error) {
      this.#assertDamaged(error);
    }
    side.ledger.settle(seq);
    this.#options.changed.wake();
  }

  /** A damaged entry stays where it is, for a person to look at, and holds up no other. */
  #assertDamaged(error: unknown): void {
    if (!(error instanceof EntryError)) throw error;
    this.#options.side.place.log.error('an entry cannot travel', { reason: error.message });
  }

  #settle(key: string, answer: Answer): Promise<void> {
    const { side } = this.#options;
    const { place, maildir } = side;
    const delivered = async (entry: Entry): Promise<void> => side.delivered?.(entry);
    return settleEntry(place, { maildir, key, answer, now: side.now(), delivered });
  }

  #wake(): void {
    this.#more = true;
    this.#options.changed.wake();
  }

  async #sendQueue(): Promise<void> {
    for await (const { chosen, frame } of this.#sealedAhead()) {
      try {
        if (this.#options.over()) continue;
        await this.#sendSealed(chosen.seq, frame.sealed);
        this.carried.mails += 1;
        this.carried.bytesRaw += frame.bytesRaw;
        this.#options.progress();
      } finally {
        await frame.sealed.discard();
      }
    }
  }

  /** Sealed frames in order, a few of them made ahead of the line. */
  async *#sealedAhead(): AsyncGenerator<{ readonly chosen: Chosen; readonly frame: SealedEntry }> {
    const line: { readonly chosen: Chosen; readonly frame: Promise<SealedEntry | undefined> }[] = [];
    const choices = this.#choices();
    for (let more = true; more || line.length > 0; ) {
      while (more && line.length < AHEAD) {
        const { value: chosen, done } = await choices.next();
        if (done) more = false;
        else line.push({ chosen, frame: failingLater(this.#seal(chosen)) });
      }
      const first = line.shift();
      const frame = await first?.frame;
      if (first && frame) yield { chosen: first.chosen, frame };
    }
  }

  async *#choices(): AsyncGenerator<Chosen, undefined> {
    const { side, trip, changed, over, save } = this.#options;
    while (!over()) {
      await changed.until(() => over() || trip.inFlight.size < IN_FLIGHT_MAX);
      const batch = await side.exclusively(async () => {
        const chosen = await this.#outbox.choose(BATCH);
        if (chosen.length > 0) await save();
        return chosen;
      });
      if (batch.length === 0) return undefined;
      yield* batch;
    }
    return undefined;
  }

  /** Undefined when the entry is gone, or is not to travel. */
  async #seal({ seq, key }: Chosen): Promise<SealedEntry | undefined> {
    const { side, over } = this.#options;
    if (over()) return undefined;
    const entry = await openEntry(side.place.store, key).catch((error: unknown) => this.#assertDamaged(error));
    if (entry && !this.#isTooLarge(entry)) {
      const plain = joinBodies(bytesBody(encodeFrameHead(entry.head)), entry.body);
      return { bytesRaw: entry.body.size, sealed: await seal(plain, side.spool) };
    }
    if (entry) {
      const text = `sorry, that message size exceeds the limit of ${side.peerBytesMax()} bytes (#5.3.4)`;
      await this.#settle(key, [refused(text)]);
    }
    side.ledger.settle(seq);
    return undefined;
  }

  #isTooLarge({ body }: Entry): boolean {
    const limit = this.#options.side.peerBytesMax();
    return limit > 0 && body.size > limit;
  }

  async #sendSealed(seq: number, { codec, hash, length, packed, body }: Sealed): Promise<void> {
    const { trip, output, over } = this.#options;
    const { bytes, start } = trip.offer({ seq, codec, hash, length, packed });
    if (start > 0) this.resumed += 1;
    output.push(bytes);
    for await (const piece of pieces(body, start)) {
      // Answered in mid-way: too large. The rest is not wanted.
      if (over() || (seq !== 0 && !trip.inFlight.has(seq))) return;
      output.push(trip.data(piece));
      await output.room();
    }
  }

  async #sendDirectory(): Promise<void> {
    const { directory, spool } = this.#options.side;
    if (!directory) return;
    const sealed = await seal(bytesBody(directory), spool);
    await this.#sendSealed(0, sealed);
    await sealed.discard();
  }

  async #askForLacking(): Promise<void> {
    const { side, trip, output, changed, over } = this.#options;
    const { restore } = side;
    if (!restore) return;
    for (let ids = await restore.next(); ids.length > 0 && !over(); ids = await restore.next()) {
      this.#lacking = undefined;
      output.push(trip.ask(ids));
      await output.flush();
      await changed.until(() => this.#lacking !== undefined || over());
      const lacking: readonly boolean[] = this.#lacking ?? [];
      await restore.lacks(ids.filter((_, index) => lacking[index]));
    }
  }
}

/** A promise whose failure is looked at when its turn in the line comes. */
function failingLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

async function* pieces(body: Body, start: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of body.read(start))
    for (let at = 0; at < chunk.length; at += DATA_BYTES) yield chunk.subarray(at, at + DATA_BYTES);
}
