/**
 * Takes what a batch file holds. It may come twice, in any order, months late: what is known already is passed over, and
 * what it says of answers and floors is only ever news.
 */
import { type BatchEvent, type BatchMark, BatchReader, type BatchWay } from '../core/batch.ts';
import { Trip } from '../core/trip.ts';
import type { Hello, Welcome } from '../core/trip-greeting.ts';
import { type Ledger, WINDOW } from '../core/trip-ledger.ts';
import type { Offer, Partial, Waiting } from '../core/trip-message.ts';
import { TripError } from '../core/trip-record.ts';
import { BatchError } from './batch-file.ts';
import { settleOffer } from './settle-offer.ts';
import { TripInbox } from './trip-inbox.ts';
import { TripOutput, type Wire } from './trip-output.ts';
import type { TripSide } from './trip-side.ts';

export interface BatchGreeting {
  readonly mark: BatchMark;
  readonly greeting: Hello | Welcome;
}

/** The greeting, and what follows it. */
export async function readBatch(
  records: AsyncIterable<Uint8Array>,
  way: BatchWay,
): Promise<BatchGreeting & { readonly events: AsyncGenerator<BatchEvent> }> {
  const events = eventsOf(records, way);
  const { value } = await events.next();
  if (value?.type !== 'greeting') throw new BatchError('the batch is empty: export it again');
  return { mark: value.mark, greeting: value.greeting, events };
}

async function* eventsOf(records: AsyncIterable<Uint8Array>, way: BatchWay): AsyncGenerator<BatchEvent> {
  const reader = new BatchReader(way);
  for await (const bytes of records) yield* reader.push(bytes);
}

export interface Imported {
  readonly mails: number;
  readonly bytesRaw: number;
  /** Offers of ours that it answered. */
  readonly answered: number;
  /** Frames that had come before. */
  readonly known: number;
  /** Frames that build on what this side does not have: they come again over a link. */
  readonly unreadable: number;
  /** Frames of which something could not be taken now, for want of disk for instance: they may come again from the same file. */
  readonly later: number;
  /** Part of a mail is held; the rest may come over any way. */
  readonly partial: boolean;
  /** What its sender holds of frames of ours. */
  readonly theirs: readonly Partial[];
  /** What stays with its sender; absent when it did not come to say so. */
  readonly waiting?: Waiting;
  /** Frames that went on where an earlier batch was cut. */
  readonly resumed: number;
  /** Why it ended early. */
  readonly fault?: string;
}

/** `takesAnswers`: whether the numbers that it answers are ours. All is durable when it returns. */
export async function importBatch(
  side: TripSide,
  { mark, greeting, events }: BatchGreeting & { readonly events: AsyncIterable<BatchEvent> },
  takesAnswers: boolean,
): Promise<Imported> {
  if (greeting.floor > side.ledger.floor) side.ledger.raise(greeting.floor);
  if (takesAnswers) goOnBehind(side.ledger, mark.settled);
  const taking = new Taking(side, takesAnswers);
  let fault: string | undefined;
  try {
    for await (const event of events) await taking.take(event);
  } catch (error) {
    if (!(error instanceof BatchError) && !(error instanceof TripError)) throw error;
    fault = error.message;
  } finally {
    await taking.end();
  }
  return { ...taking.counts, ...(fault === undefined ? {} : { fault }) };
}

/** The other side has settled numbers that this one never gave, or gives to other mails: it came back from a backup. */
function goOnBehind(ledger: Ledger, settled: number): void {
  ledger.heard(settled - 1);
  for (const [seq, { keys }] of ledger.open) if (seq < settled) ledger.renumber(seq, keys);
}

/** Nobody listens: answers go into the ledger, and with whatever goes next. */
const SILENT: Wire = {
  incoming: (async function* () {})(),
  write: async () => undefined,
  end: () => undefined,
  destroy: () => undefined,
};

class Taking {
  readonly #side: TripSide;
  readonly #takesAnswers: boolean;
  readonly #output: TripOutput;
  readonly #inbox: TripInbox;
  /** Bytes of the frame that are held already; undefined when the frame is not wanted. */
  #skip: number | undefined;
  #inFrame = false;
  #answered = 0;
  #known = 0;
  #unreadable = 0;
  readonly #later: number[] = [];
  readonly #theirs: Partial[] = [];
  #waiting: Waiting | undefined;

  constructor(side: TripSide, takesAnswers: boolean) {
    this.#side = side;
    this.#takesAnswers = takesAnswers;
    const trip = new Trip({ side: 'instance' in side.greeting ? 'agent' : 'hub', ledger: side.ledger });
    const ignore = (): void => undefined;
    this.#output = new TripOutput({ trip, wire: SILENT, failed: ignore, sent: ignore });
    this.#inbox = new TripInbox({ side, trip, output: this.#output, work: (task) => task() });
  }

  get counts(): Imported {
    return {
      ...this.#inbox.carried,
      answered: this.#answered,
      known: this.#known,
      unreadable: this.#unreadable,
      later: this.#later.length,
      theirs: this.#theirs,
      resumed: this.#inbox.resumed,
      ...(this.#waiting ? { waiting: this.#waiting } : {}),
      partial: this.#inFrame && this.#skip !== undefined,
    };
  }

  async take(event: BatchEvent): Promise<void> {
    switch (event.type) {
      case 'answered':
        return this.#settle(event);
      case 'offer':
        return this.#offered(event.offer);
      case 'data':
        return this.#data(event.bytes);
      case 'arrived':
        return this.#arrived(event.offer);
      case 'partial':
        if (this.#theirs.length < WINDOW) this.#theirs.push(event.partial);
        return undefined;
      case 'links':
        // Those of a laptop that was replaced are not the office's any more.
        if (this.#takesAnswers) await this.#side.takeLinks?.(event.links);
        return undefined;
      case 'done':
        this.#waiting = event.waiting;
        return undefined;
      case 'greeting':
        return undefined;
    }
  }

  async end(): Promise<void> {
    const { side } = { side: this.#side };
    await this.#inbox.cut();
    await this.#output.flush();
    this.#output.stop();
    // Nobody has heard these, and the same file can do better than an answer that makes its sender wait.
    for (const seq of this.#later) side.ledger.retract(seq);
    await side.partials.dropBelow(side.ledger.floor);
    await side.ended?.();
    await side.history.in.save();
    await side.history.out.save();
    await side.save();
  }

  async #settle({ seq, answer, hash }: Extract<BatchEvent, { type: 'answered' }>): Promise<void> {
    const opened = this.#takesAnswers ? this.#side.ledger.open.get(seq) : undefined;
    // A number that this side never gave was another mail's before it came back from a backup.
    if (this.#takesAnswers) this.#side.ledger.heard(seq);
    // A number alone may be that of another mail: this side may have come back from a backup since.
    if (!opened || opened.stick?.hash !== hash || hash === undefined) return;
    await this.#side.exclusively(() => settleOffer(this.#side, opened, answer));
    this.#side.ledger.settle(seq);
    this.#answered += 1;
  }

  async #offered(offer: Offer): Promise<void> {
    const { ledger, partials } = this.#side;
    const { seq, hash, length, start } = offer;
    this.#inFrame = true;
    this.#skip = undefined;
    const isKnown = seq !== 0 && (seq < ledger.floor || ledger.isAnswered(seq, hash));
    if (isKnown) this.#known += 1;
    if (isKnown || seq >= ledger.floor + WINDOW) return;
    const partial = (await partials.list()).find((one) => one.seq === seq && one.hash === hash);
    const held = partial && partial.held <= length ? partial.held : 0;
    if (start > held) {
      this.#unreadable += 1;
      return;
    }
    this.#skip = held - start;
    await this.#inbox.offered({ ...offer, start: held }, false);
  }

  async #data(bytes: Uint8Array): Promise<void> {
    if (this.#skip === undefined) return;
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    if (skipped < bytes.length) await this.#inbox.data(bytes.subarray(skipped));
  }

  async #arrived(offer: Offer): Promise<void> {
    this.#inFrame = false;
    if (this.#skip === undefined) return;
    await this.#inbox.arrived(offer);
    const { ledger } = this.#side;
    const answer = ledger.answered.get(offer.seq);
    if (offer.seq !== 0 && !answer) this.#unreadable += 1;
    if (!answer || answer === 'K' || answer.every(({ letter }) => letter !== 'Z')) return;
    this.#later.push(offer.seq);
  }
}
