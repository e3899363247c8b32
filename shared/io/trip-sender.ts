/**
 * The sending half of a trip: chooses, seals and offers what waits, and settles what is answered. The ledger is durable
 * before the first byte of an offer: what may have been offered is never given to somebody else.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EntryError } from '../core/entry.ts';
import { encodeFrameHead } from '../core/frame.ts';
import { EMPTY_POINT } from '../core/history.ts';
import type { Trip } from '../core/trip.ts';
import type { Opened } from '../core/trip-ledger.ts';
import { type Answer, type Repeat, readsApart, readsGroups } from '../core/trip-message.ts';
import { TripError } from '../core/trip-record.ts';
import { refused } from '../core/verdict.ts';
import { type Body, bytesBody, joinBodies } from './body.ts';
import type { Condition } from './condition.ts';
import { fitsGroup, joinGroup, type Memory, type Prepared, prepareGroup, sealGroup } from './group-seal.ts';
import { type Entry, openEntry } from './maildir.ts';
import { type Chosen, Outbox } from './outbox.ts';
import { type Sealed, seal } from './seal.ts';
import { settleOffer } from './settle-offer.ts';
import type { TripOutput } from './trip-output.ts';
import { TripPace } from './trip-pace.ts';
import type { Carried, TripSide } from './trip-side.ts';

/** Frames of one mail that are chosen, and put into the ledger, at once; one of several mails is worth a save of its own. */
const FRAMES_AT_ONCE = 32;
/** Sealed ahead of the line. */
const AHEAD = 2;
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
  /** Called when nothing is left to say until something comes. */
  resting(): void;
  save(): Promise<void>;
  progress(): void;
}

/** A frame that the ledger knows. */
interface Frame {
  readonly seq: number;
  readonly entries: readonly Entry[];
  readonly mails: number;
  readonly bytesRaw: number;
  /** Absent for one mail that is streamed. */
  readonly prepared?: Prepared;
}

interface SealedFrame extends Frame {
  readonly sealed: Sealed;
}

export class TripSender {
  readonly carried: Carried = { mails: 0, bytesRaw: 0 };
  resumed = 0;
  /** Whether nothing is left to say until something comes. */
  resting = false;
  readonly #options: SenderOptions;
  readonly #outbox: Outbox;
  readonly #pace = new TripPace();
  /** Frames that the other side asked for again; those that it could not use twice build on nothing. */
  readonly #repeated = new Set<number>();
  /** What the other side has once it has accepted the frame. */
  readonly #carriedParts = new Map<number, readonly string[]>();
  #more = false;
  #lacking: readonly boolean[] | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    const { side } = options;
    this.#outbox = new Outbox({
      ...side,
      now: () => side.now(),
      isHeldInPart: (seq) => options.trip.isHeldInPart(seq),
      groupBytes: () => (this.#groups ? this.#pace.groupBytes : 0),
    });
  }

  /** Before the trip: offers whose entries are gone need no answer. */
  forgetGone(): Promise<void> {
    return this.#outbox.forgetGone();
  }

  /** Offers all that waits, and what comes to it, until the trip is over. `idle` is called each time nothing is left. */
  async send(idle: () => Promise<void>): Promise<void> {
    const { side, trip, output, changed, over } = this.#options;
    await this.#sendDirectory();
    await this.#buildOnConfirmed();
    await this.#askForLacking();
    while (!over()) {
      this.#more = false;
      if (side.offers) await this.#sendQueue();
      if (this.#more || over()) continue;
      output.push(trip.done(this.#outbox.waiting));
      this.#restNow();
      await output.flush();
      await idle();
      await changed.until(() => this.#more || over());
      this.resting = false;
    }
  }

  /** The other side may lack what has no answer: new frames do not build on it. */
  async #buildOnConfirmed(): Promise<void> {
    const { ledger, history } = this.#options.side;
    const bases = [...ledger.open.values()].flatMap(({ sealing }) => (sealing && !sealing.apart ? [sealing.base] : []));
    if (bases.length > 0) (await history.out.history()).forgetAfterFirst(bases);
  }

  /** Mail was published to our maildir. */
  published(key?: string): void {
    this.#outbox.rescan(key);
    this.#wake();
  }

  /** The other side wants the frame again from its first byte, or sealed against what it has. */
  async repeat({ seq, tip }: Repeat): Promise<void> {
    const opened = this.#options.side.ledger.open.get(seq);
    if (!opened) throw new TripError(`frame ${seq} was not offered`);
    if (tip !== '' && opened.sealing) await this.#rewind(seq, { keys: opened.keys, sealing: opened.sealing }, tip);
    this.#repeated.add(seq);
    this.#outbox.repeat({ seq, keys: opened.keys });
    this.#wake();
  }

  /** The other side does not know the point that the frame builds on: what it has is built on instead, or nothing. */
  async #rewind(seq: number, { keys, sealing }: Required<Omit<Opened, 'stick'>>, tip: string): Promise<void> {
    const { ledger, history: logs, parts, place } = this.#options.side;
    const history = await logs.out.history();
    place.log.info('the other side has another history; a mail is sealed anew', { frame: seq });
    const again = this.#repeated.has(seq);
    // Later frames of a chain that is gone are asked for again one by one, and must not undo the new one.
    if (history.dictionary(sealing.base)) history.forgetAfter(tip);
    const base = again ? EMPTY_POINT : history.tip;
    await parts.out.forget(sealing.parts ?? []);
    ledger.reopen(seq, { keys, sealing: { ...sealing, base, parts: [] } });
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
    if (answer === 'K') await side.parts.out.add(this.#carriedParts.get(seq) ?? []);
    this.#carriedParts.delete(seq);
    side.ledger.settle(seq);
    changed.wake();
  }

  /** A damaged entry stays where it is, for a person to look at, and holds up no other. */
  #assertDamaged(error: unknown): void {
    if (!(error instanceof EntryError)) throw error;
    this.#options.side.place.log.error('an entry cannot travel', { reason: error.message });
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
    for await (const frame of this.#sealedAhead()) {
      try {
        if (this.#options.over()) continue;
        await this.#sendSealed(frame.seq, frame.sealed);
        this.carried.mails += frame.mails;
        this.carried.bytesRaw += frame.bytesRaw;
        this.#options.progress();
      } finally {
        await frame.sealed.discard();
      }
    }
  }

  /** Sealed frames in order, a few of them made ahead of the line. */
  async *#sealedAhead(): AsyncGenerator<SealedFrame> {
    const line: { readonly frame: Frame; readonly sealed: Promise<Sealed> }[] = [];
    const frames = this.#frames();
    for (let more = true; more || line.length > 0; ) {
      while (more && line.length < AHEAD) {
        const { value: frame, done } = await frames.next();
        if (done) more = false;
        else line.push({ frame, sealed: failingLater(this.#seal(frame)) });
      }
      const first = line.shift();
      if (first) yield { ...first.frame, sealed: await this.#inTime(first.frame, first.sealed) };
    }
  }

  /** The sealed frame, sealed anew when the point that it builds on has gone meanwhile. */
  async #inTime(frame: Frame, sealed: Promise<Sealed>): Promise<Sealed> {
    const { side, save } = this.#options;
    const ready = await this.#pace.waiting(sealed);
    if (!frame.prepared || (await side.history.out.history()).dictionary(frame.prepared.base)) return ready;
    const prepared = await joinGroup(this.#memory, frame.prepared.content, { quality: frame.prepared.quality });
    this.#reopen(frame.seq, frame.entries, prepared);
    await save();
    return sealGroup(prepared);
  }

  async *#frames(): AsyncGenerator<Frame, undefined> {
    const { side, trip, over, save } = this.#options;
    for (let more = true; more && !over(); ) {
      await this.#rest(() => over() || trip.inFlight.size < IN_FLIGHT_MAX);
      const frames: Frame[] = [];
      await side.exclusively(async () => {
        for (let count = this.#groups ? 1 : FRAMES_AT_ONCE; more && count > 0; count -= 1) {
          const chosen = await this.#outbox.choose();
          const frame = chosen && (await this.#prepare(chosen));
          if (frame) frames.push(frame);
          more = chosen !== undefined;
        }
        if (frames.length > 0) await save();
      });
      yield* frames;
    }
    return undefined;
  }

  get #groups(): boolean {
    return readsGroups(this.#options.side.peerCodecs());
  }

  /** Undefined when the entries are gone, or are not to travel. */
  async #prepare({ seq, keys }: Chosen): Promise<Frame | undefined> {
    const { ledger } = this.#options.side;
    const entries = await this.#openEntries(keys);
    if (entries.length === 0) {
      // The other side waits for it in this trip, and need not in the next.
      if (this.#repeated.has(seq)) throw new TripError(`frame ${seq} is gone since it was offered`);
      ledger.settle(seq);
      return undefined;
    }
    const frame = { seq, entries, mails: entries.length, bytesRaw: bytesOf(entries) };
    if (!this.#groups || !fitsGroup(entries)) return this.#alone(frame);
    const prepared = await prepareGroup(this.#memory, entries, {
      before: this.#sealingOf(seq),
      quality: this.#pace.quality,
    });
    this.#reopen(seq, entries, prepared);
    this.#pace.prepared();
    return { ...frame, prepared };
  }

  /** How the frame was sealed, if it was and the other side reads that. */
  #sealingOf(seq: number): Opened['sealing'] {
    const { ledger, peerCodecs } = this.#options.side;
    const sealing = ledger.open.get(seq)?.sealing;
    return sealing?.apart && !readsApart(peerCodecs()) ? undefined : sealing;
  }

  /** A frame of one mail. Those that shared it, when its receiver still read that, are chosen again in a later trip. */
  #alone(frame: Frame): Frame {
    const [first] = frame.entries;
    if (!first) return frame;
    this.#options.side.ledger.reopen(frame.seq, { keys: [first.key] });
    return { seq: frame.seq, entries: [first], mails: 1, bytesRaw: first.body.size };
  }

  get #memory(): Memory {
    const { history, parts } = this.#options.side;
    return { log: history.out, known: parts.out };
  }

  #reopen(seq: number, entries: readonly Entry[], { base, apart, quality, parts, carried }: Prepared): void {
    this.#carriedParts.set(seq, carried);
    const recipients = entries.map(({ head }) => head.recipients.length);
    this.#options.side.ledger.reopen(seq, {
      keys: entries.map(({ key }) => key),
      sealing: {
        base,
        ...(apart ? { apart } : {}),
        quality,
        ...(parts.size > 0 ? { parts: [...parts.keys()] } : {}),
        recipients,
      },
    });
  }

  async #openEntries(keys: readonly string[]): Promise<readonly Entry[]> {
    const { side, over } = this.#options;
    const entries: Entry[] = [];
    for (const key of over() ? [] : keys) {
      const entry = await openEntry(side.place.store, key).catch((error: unknown) => this.#assertDamaged(error));
      if (!entry) continue;
      if (this.#isTooLarge(entry)) {
        const text = `sorry, that message size exceeds the limit of ${side.peerBytesMax()} bytes (#5.3.4)`;
        await settleOffer(side, { keys: [key] }, [refused(text)]);
      } else entries.push(entry);
    }
    return entries;
  }

  #seal({ entries, prepared }: Frame): Promise<Sealed> {
    if (prepared) return sealGroup(prepared);
    const [entry] = entries;
    if (!entry) throw new Error('a frame is sealed that holds no mail');
    return seal(joinBodies(bytesBody(encodeFrameHead(entry.head)), entry.body), this.#options.side.spool);
  }

  #isTooLarge({ body }: Entry): boolean {
    const limit = this.#options.side.peerBytesMax();
    return limit > 0 && body.size > limit;
  }

  async #sendSealed(seq: number, { codec, base, hash, length, packed, body }: Sealed): Promise<void> {
    const { trip, output, over } = this.#options;
    const { bytes, start } = trip.offer({ seq, codec, base, hash, length, packed });
    this.#pace.offered(seq, length - start);
    if (start > 0) this.resumed += 1;
    output.push(bytes);
    for await (const piece of pieces(body, start)) {
      // Answered in mid-way: too large. The rest is not wanted.
      if (over() || (seq !== 0 && !trip.inFlight.has(seq))) return;
      output.push(trip.data(piece));
      await output.room();
      this.#options.progress();
      // Bytes that lie in memory let nothing else happen between them, and the answer to this frame may be there.
      await nextTurn();
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
    const { side, trip, output, over } = this.#options;
    const { restore } = side;
    if (!restore) return;
    for (let ids = await restore.next(); ids.length > 0 && !over(); ids = await restore.next()) {
      this.#lacking = undefined;
      output.push(trip.ask(ids));
      await this.#rest(() => this.#lacking !== undefined || over());
      const lacking: readonly boolean[] = this.#lacking ?? [];
      await restore.lacks(ids.filter((_, index) => lacking[index]));
    }
  }
}

const bytesOf = (entries: readonly Entry[]): number => entries.reduce((sum, { body }) => sum + body.size, 0);

/** A promise whose failure is looked at when its turn in the line comes. */
function failingLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

async function* pieces(body: Body, start: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of body.read(start))
    for (let at = 0; at < chunk.length; at += DATA_BYTES) yield chunk.subarray(at, at + DATA_BYTES);
}
