/**
 * Makes the frames of a trip: chooses what waits, puts it into the ledger and seals it, a little ahead of the line. The ledger is
 * durable before the first byte of an offer: what may have been offered is never given to somebody else.
 */
import { EntryError } from '../core/entry.ts';
import { encodeFrameHead } from '../core/frame.ts';
import { EMPTY_POINT } from '../core/history.ts';
import type { Opened } from '../core/trip-ledger.ts';
import { type Repeat, readsApart, readsGroups, readsPieces, type Waiting } from '../core/trip-message.ts';
import { TripError } from '../core/trip-record.ts';
import { refused } from '../core/verdict.ts';
import { bytesBody, joinBodies } from './body.ts';
import { fitsGroup, joinGroup, type Memory, type Prepared, prepareGroup, sealGroup } from './group-seal.ts';
import { type Entry, openEntry } from './maildir.ts';
import { type Chosen, Outbox } from './outbox.ts';
import { fitsPieces, sealPieces } from './piece-seal.ts';
import { type Sealed, seal } from './seal.ts';
import { settleOffer } from './settle-offer.ts';
import type { TripPace } from './trip-pace.ts';
import type { TripSide } from './trip-side.ts';

/** Frames of one mail that are chosen, and put into the ledger, at once; one of several mails is worth a save of its own. */
const FRAMES_AT_ONCE = 32;
/** Sealed ahead of the line. */
const AHEAD = 2;

export interface FramesOptions {
  readonly side: TripSide;
  readonly pace: TripPace;
  /** Whether the trip has ended, or is about to. */
  over(): boolean;
  save(): Promise<void>;
  /** Bytes on their way, where the system can tell. */
  unacknowledged(): Promise<number | undefined>;
  /** Whether the other side says that it holds part of the frame. */
  isHeldInPart(seq: number): boolean;
  /** Resolves when one more may be without an answer, or the trip is over. */
  room(): Promise<void>;
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

export interface SealedFrame extends Frame {
  readonly sealed: Sealed;
}

export class TripFrames {
  readonly #options: FramesOptions;
  readonly #outbox: Outbox;
  /** Frames that the other side asked for again; those that it could not use twice build on nothing. */
  readonly #repeated = new Set<number>();
  /** What the other side has once it has accepted the frame. */
  readonly #carriedParts = new Map<number, readonly string[]>();
  /** Pieces that a large mail was sealed without. */
  readonly #namedPieces = new Map<number, readonly string[]>();

  constructor(options: FramesOptions) {
    this.#options = options;
    const { side, pace, isHeldInPart } = options;
    this.#outbox = new Outbox({
      ...side,
      now: () => side.now(),
      isHeldInPart,
      groupBytes: () => (this.#groups ? pace.groupBytes : 0),
    });
  }

  /** What stays behind in this trip, as far as it has looked. */
  get waiting(): Waiting {
    return this.#outbox.waiting;
  }

  /** Before the trip: offers whose entries are gone need no answer. */
  forgetGone(): Promise<void> {
    return this.#outbox.forgetGone();
  }

  /** Mail was published to our maildir. */
  published(key?: string): void {
    this.#outbox.rescan(key);
  }

  /** The other side may lack what has no answer: new frames do not build on it. */
  async buildOnConfirmed(): Promise<void> {
    const { ledger, history } = this.#options.side;
    const bases = [...ledger.open.values()].flatMap(({ sealing }) => (sealing && !sealing.apart ? [sealing.base] : []));
    if (bases.length > 0) (await history.out.history()).forgetAfterFirst(bases);
  }

  /** The other side wants the frame again from its first byte, or sealed against what it has. */
  async repeat({ seq, tip }: Repeat): Promise<void> {
    const opened = this.#options.side.ledger.open.get(seq);
    if (!opened) throw new TripError(`frame ${seq} was not offered`);
    if (tip !== '' && opened.sealing) await this.#rewind(seq, { keys: opened.keys, sealing: opened.sealing }, tip);
    await this.#options.side.parts.out.forget(this.#namedPieces.get(seq) ?? []);
    this.#repeated.add(seq);
    this.#outbox.repeat({ seq, keys: opened.keys });
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

  /** The frame has its answer; what its parts are the other side has when it took all of it. */
  async answered(seq: number, isAccepted: boolean): Promise<void> {
    if (isAccepted) await this.#options.side.parts.out.add(this.#carriedParts.get(seq) ?? []);
    this.#carriedParts.delete(seq);
    this.#namedPieces.delete(seq);
  }

  /** Sealed frames in order, a few of them made ahead of the line. */
  async *sealed(): AsyncGenerator<SealedFrame> {
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
    const ready = await this.#options.pace.waiting(sealed, this.#options.unacknowledged);
    if (!frame.prepared || (await side.history.out.history()).dictionary(frame.prepared.base)) return ready;
    const prepared = await joinGroup(this.#memory, frame.prepared.content, { quality: frame.prepared.quality });
    this.#reopen(frame.seq, frame.entries, prepared);
    await save();
    return sealGroup(prepared);
  }

  async *#frames(): AsyncGenerator<Frame, undefined> {
    const { side, over, save, room } = this.#options;
    for (let more = true; more && !over(); ) {
      await room();
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
  async #prepare(chosen: Chosen): Promise<Frame | undefined> {
    const { ledger } = this.#options.side;
    const entries = await this.#openEntries(chosen.keys);
    // Not looked at to the end: what was offered before stays offered.
    if (this.#options.over()) return undefined;
    const isOther = entries.length < chosen.keys.length && ledger.open.get(chosen.seq)?.sealing !== undefined;
    // The other side waits for it in this trip, and need not in the next.
    if (this.#repeated.has(chosen.seq) && (isOther || entries.length === 0))
      throw new TripError(`frame ${chosen.seq} is gone, or in part, since it was offered`);
    if (entries.length === 0) {
      ledger.settle(chosen.seq);
      return undefined;
    }
    const keys = entries.map(({ key }) => key);
    const seq = isOther ? ledger.renumber(chosen.seq, keys) : chosen.seq;
    const frame = { seq, entries, mails: entries.length, bytesRaw: bytesOf(entries) };
    if (!this.#groups || !fitsGroup(entries)) return this.#alone(frame);
    const prepared = await prepareGroup(this.#memory, entries, {
      before: this.#sealingOf(seq),
      quality: this.#options.pace.quality,
    });
    this.#reopen(seq, entries, prepared);
    this.#options.pace.prepared();
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
    for (const key of keys) {
      if (over()) break;
      const entry = await openEntry(side.place.store, key).catch((error: unknown) => this.#assertDamaged(error));
      if (!entry) continue;
      if (this.#isTooLarge(entry)) {
        const text = `sorry, that message size exceeds the limit of ${side.peerBytesMax()} bytes (#5.3.4)`;
        await settleOffer(side, { keys: [key] }, [refused(text)]);
      } else entries.push(entry);
    }
    return entries;
  }

  async #seal({ seq, entries, prepared }: Frame): Promise<Sealed> {
    if (prepared) return sealGroup(prepared);
    const [entry] = entries;
    if (!entry) throw new Error('a frame is sealed that holds no mail');
    const plain = joinBodies(bytesBody(encodeFrameHead(entry.head)), entry.body);
    const { spool, peerCodecs, parts } = this.#options.side;
    if (!readsPieces(peerCodecs()) || !fitsPieces(plain) || this.#repeated.has(seq)) return seal(plain, spool);
    const { sealed, carried, named } = await sealPieces(plain, { folder: spool, known: parts.out });
    this.#carriedParts.set(seq, carried);
    this.#namedPieces.set(seq, named);
    return sealed;
  }

  #isTooLarge({ body }: Entry): boolean {
    const limit = this.#options.side.peerBytesMax();
    return limit > 0 && body.size > limit;
  }

  /** A damaged entry stays where it is, for a person to look at, and holds up no other. */
  #assertDamaged(error: unknown): void {
    if (!(error instanceof EntryError)) throw error;
    this.#options.side.place.log.error('an entry cannot travel', { reason: error.message });
  }
}

const bytesOf = (entries: readonly Entry[]): number => entries.reduce((sum, { body }) => sum + body.size, 0);

/** A promise whose failure is looked at when its turn in the line comes. */
function failingLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
