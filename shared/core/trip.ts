/**
 * One end of a trip, without I/O: bytes in, events out; calls in, bytes out. Both ends are this machine; they differ
 * only in who speaks first.
 *
 *   peer's phase   start ── HELLO or WELCOME ──► greeting ── READY ──► open
 *   greeting       ACCEPTED, ANSWER (given before, in case they were lost), PARTIAL (what it holds of frames)
 *   open           OFFER then DATA, again and again; ACCEPTED, ANSWER, REPEAT, FLOOR, DONE, ASK, LACKING
 *   any            REFUSED: the trip is over; PULSE: it lives; TURN: in half duplex, the line is yours
 *
 * Law: an offer keeps its number and is answered once; DATA follows an OFFER and never runs past its length; an
 * offer starts at 0 or where the PARTIAL said; what is out of order is a TripError and ends the trip, and every mail that
 * had wholly arrived stands. DONE says that there is nothing more to offer for now; a later OFFER takes it back. A side
 * closes when both are DONE and every offer on both sides has its answer.
 */

import { frameBytesMax } from './frame-bound.ts';
import { decodeLinks, type OfficeLink } from './link-list.ts';
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome, type Hello, type Welcome } from './trip-greeting.ts';
import { type Ledger, WINDOW } from './trip-ledger.ts';
import {
  type Answer,
  CODEC,
  decodeAccepted,
  decodeAnswer,
  decodeAsk,
  decodeDone,
  decodeLacking,
  decodeNumber,
  decodeOffer,
  decodePartial,
  decodeRefusal,
  decodeRepeat,
  encodeAccepted,
  encodeAnswer,
  encodeAsk,
  encodeDone,
  encodeLacking,
  encodeNumber,
  encodeOffer,
  encodePartial,
  encodeRefusal,
  encodeRepeat,
  type Offer,
  type Partial,
  type Refusal,
  type Repeat,
  type Waiting,
} from './trip-message.ts';
import { encodeRecord, OPTIONAL_TYPES, RECORD, RecordReader, TripError } from './trip-record.ts';

export type TripEvent =
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'welcome'; readonly welcome: Welcome }
  | { readonly type: 'links'; readonly links: readonly OfficeLink[] }
  | { readonly type: 'ready' }
  | { readonly type: 'answered'; readonly seq: number; readonly answer: Answer }
  | { readonly type: 'repeat'; readonly repeat: Repeat }
  /** A frame begins; `data` and then `arrived` follow. `known`: it has been answered before, and is not wanted. */
  | { readonly type: 'offer'; readonly offer: Offer; readonly known: boolean }
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  | { readonly type: 'arrived'; readonly offer: Offer }
  | { readonly type: 'done'; readonly waiting: Waiting }
  | { readonly type: 'ask'; readonly ids: readonly string[] }
  | { readonly type: 'lacking'; readonly lacking: readonly boolean[] }
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'turn' };

const PARTIALS_MAX = WINDOW;
/** As it was, against our tip, against nothing. */
const REPEATS_MAX = 3;

type Phase = 'start' | 'greeting' | 'open';

export class Trip {
  readonly #side: 'agent' | 'hub';
  readonly #ledger: Ledger;
  readonly #reader = new RecordReader();
  #phase: Phase = 'start';
  /** What each side holds of the other's frames, by number: set in the greetings. */
  readonly #ours = new Map<number, Partial>();
  readonly #theirs = new Map<number, Partial>();
  #incoming: { readonly offer: Offer; left: number } | undefined;
  /** Offers that came whole and have no answer yet. */
  readonly #unanswered = new Set<number>();
  /** Frames that we asked for again: a DONE that crosses the question does not take them in. */
  readonly #awaited = new Set<number>();
  /** How often we asked for a frame again. */
  readonly #repeats = new Map<number, number>();
  /** Our offers of this trip without an answer. */
  readonly #inFlight = new Set<number>();
  #asked = 0;
  #renumbered = false;
  #done = false;
  #peerDone = false;

  constructor({ side, ledger }: { readonly side: 'agent' | 'hub'; readonly ledger: Ledger }) {
    this.#side = side;
    this.#ledger = ledger;
  }

  /** Whether nothing is left to do for either side. */
  get settled(): boolean {
    return this.#done && this.isSettledBut(0);
  }

  /** Whether nothing is left to do but what this side has not offered yet, and one frame of it. */
  isSettledBut(seq: number): boolean {
    const ours = this.#inFlight.size - (this.#inFlight.has(seq) ? 1 : 0);
    return this.#peerDone && this.#unanswered.size + this.#awaited.size + ours + this.#asked === 0;
  }

  /** Our offers of this trip that wait for their answers. */
  get inFlight(): ReadonlySet<number> {
    return this.#inFlight;
  }

  /** Whether the peer remembers offers that this side does not: its numbers go on behind them, and it has to hear so. */
  get renumbered(): boolean {
    return this.#renumbered;
  }

  /** Whether the peer has said that it holds part of the frame. */
  isHeldInPart(seq: number): boolean {
    return this.#theirs.has(seq);
  }

  /** Whether the stream may end here without anything being cut in two. */
  get between(): boolean {
    return this.#reader.between && !this.#incoming;
  }

  /** What the peer has said that it holds, where its greeting came another way. */
  theirs(partials: readonly Partial[]): void {
    for (const partial of partials) this.#theirs.set(partial.seq, partial);
  }

  // ---- what this side says ----

  /**
   * Our first records: who we are, the answers that may have been lost, what we hold of the peer's frames, and the agent's
   * links (link-list.ts), when the hub is to hear of them.
   */
  greet(greeting: Hello | Welcome, partials: readonly Partial[], links?: string): Uint8Array {
    const held = partials.slice(0, PARTIALS_MAX);
    for (const partial of held) this.#ours.set(partial.seq, partial);
    return Buffer.concat([
      'instance' in greeting ? encodeHello(greeting) : encodeWelcome(greeting),
      answerRecords(this.#ledger.answered),
      ...held.map(encodePartial),
      ...(links === undefined ? [] : [encodeRecord(RECORD.links, Buffer.from(links, 'latin1'))]),
      encodeRecord(RECORD.ready),
    ]);
  }

  /** Begins a frame. `start` is the byte that `data` has to go on from. */
  offer(frame: Omit<Offer, 'start'>): { readonly bytes: Uint8Array; readonly start: number } {
    const partial = this.#theirs.get(frame.seq);
    const start = partial?.hash === frame.hash && partial.held <= frame.length ? partial.held : 0;
    this.#theirs.delete(frame.seq);
    if (frame.seq !== 0) this.#inFlight.add(frame.seq);
    this.#done = false;
    return { bytes: encodeOffer({ ...frame, start }), start };
  }

  data(bytes: Uint8Array): Uint8Array {
    return encodeRecord(RECORD.data, bytes);
  }

  /** Answers several offers, in as few bytes as they have in common. */
  answer(answers: ReadonlyMap<number, Answer>): Uint8Array {
    for (const [seq, answer] of answers) {
      this.#unanswered.delete(seq);
      this.#ledger.answer(seq, answer);
    }
    return answerRecords(answers);
  }

  /**
   * Asks for a frame again from its first byte: what was held of it turned out not to be its beginning, or, with `tip`, it
   * builds on what this side does not have.
   */
  repeat(repeat: Repeat): Uint8Array {
    const times = (this.#repeats.get(repeat.seq) ?? 0) + 1;
    if (times > REPEATS_MAX) throw new TripError(`frame ${repeat.seq} cannot be used, however often it comes`);
    this.#repeats.set(repeat.seq, times);
    this.#unanswered.delete(repeat.seq);
    if (repeat.seq !== 0) this.#awaited.add(repeat.seq);
    return encodeRepeat(repeat);
  }

  /** To be said once the ledger has been made durable, or a crash would let the floor fall again. */
  floor(): Uint8Array {
    return encodeNumber(RECORD.floor, this.#ledger.outFloor);
  }

  done(waiting: Waiting): Uint8Array {
    this.#done = true;
    return encodeDone(waiting);
  }

  ask(ids: readonly string[]): Uint8Array {
    this.#asked = ids.length;
    return encodeAsk(ids);
  }

  lacking(lacking: readonly boolean[]): Uint8Array {
    return encodeLacking(lacking);
  }

  refuse(refusal: Refusal): Uint8Array {
    return encodeRefusal(refusal);
  }

  /** In half duplex: nothing more comes from this side until the other has said the same. */
  turn(): Uint8Array {
    return encodeRecord(RECORD.turn);
  }

  pulse(): Uint8Array {
    return encodeRecord(RECORD.pulse);
  }

  // ---- what the peer says ----

  /** Throws TripError; what was yielded before stands. */
  *receive(bytes: Uint8Array): Generator<TripEvent> {
    for (const { type, payload } of this.#reader.push(bytes)) {
      if (type === RECORD.turn) yield { type: 'turn' };
      if (type === RECORD.links && this.#side === 'hub' && this.#phase !== 'start')
        yield { type: 'links', links: decodeLinks(Buffer.from(payload).toString('latin1')) };
      if (type >= OPTIONAL_TYPES) continue;
      if (type === RECORD.refused) yield { type: 'refused', refusal: decodeRefusal(payload) };
      else if (this.#phase === 'start') yield this.#first(type, payload);
      else if (this.#phase === 'greeting') yield* this.#greeting(type, payload);
      else yield* this.#open(type, payload);
    }
  }

  #first(type: number, payload: Uint8Array): TripEvent {
    if (type !== (this.#side === 'hub' ? RECORD.hello : RECORD.welcome))
      throw new TripError(`the first record is of type ${type}`);
    this.#phase = 'greeting';
    return this.#side === 'hub'
      ? { type: 'hello', hello: decodeHello(payload) }
      : { type: 'welcome', welcome: decodeWelcome(payload) };
  }

  *#greeting(type: number, payload: Uint8Array): Generator<TripEvent> {
    switch (type) {
      case RECORD.accepted:
      case RECORD.answer:
        for (const event of this.#answers(type, payload)) {
          if (event.type === 'answered' && this.#ledger.heard(event.seq)) this.#renumbered = true;
          yield event;
        }
        break;
      case RECORD.partial: {
        const partial = decodePartial(payload);
        if (this.#theirs.size >= PARTIALS_MAX) throw new TripError('the peer holds too many partial frames');
        this.#theirs.set(partial.seq, partial);
        break;
      }
      case RECORD.ready:
        this.#phase = 'open';
        yield { type: 'ready' };
        break;
      default:
        throw new TripError(`record ${type} has no place in a greeting`);
    }
  }

  *#open(type: number, payload: Uint8Array): Generator<TripEvent> {
    switch (type) {
      case RECORD.offer:
        yield* this.#offered(decodeOffer(payload));
        break;
      case RECORD.data:
        yield* this.#arriving(payload);
        break;
      case RECORD.accepted:
      case RECORD.answer:
        yield* this.#answers(type, payload);
        break;
      case RECORD.repeat: {
        const repeat = decodeRepeat(payload);
        this.#inFlight.delete(repeat.seq);
        this.#done = false;
        yield { type: 'repeat', repeat };
        break;
      }
      case RECORD.floor:
        this.#ledger.raise(decodeNumber(payload));
        break;
      case RECORD.done:
        if (this.#incoming && this.#isWanted(this.#incoming.offer))
          throw new TripError('the peer is done in the middle of a frame');
        this.#incoming = undefined;
        this.#peerDone = true;
        yield { type: 'done', waiting: decodeDone(payload) };
        break;
      case RECORD.ask:
        yield { type: 'ask', ids: decodeAsk(payload) };
        break;
      case RECORD.lacking: {
        if (this.#asked === 0) throw new TripError('LACKING answers what was not asked');
        const lacking = decodeLacking(payload, this.#asked);
        this.#asked = 0;
        yield { type: 'lacking', lacking };
        break;
      }
      default:
        throw new TripError(`record ${type} has no place after the greeting`);
    }
  }

  *#answers(type: number, payload: Uint8Array): Generator<TripEvent> {
    if (type === RECORD.answer) {
      const { seq, verdicts } = decodeAnswer(payload);
      this.#inFlight.delete(seq);
      yield { type: 'answered', seq, answer: verdicts };
      return;
    }
    const { first, count } = decodeAccepted(payload);
    if (count < 1 || count > WINDOW) throw new TripError('more is accepted at once than can be open');
    for (let seq = first; seq < first + count; seq += 1) {
      this.#inFlight.delete(seq);
      yield { type: 'answered', seq, answer: 'K' };
    }
  }

  *#offered(offer: Offer): Generator<TripEvent> {
    // A frame that has been answered (too large) or asked for again in mid-way may be left for the next.
    if (this.#incoming && this.#isWanted(this.#incoming.offer))
      throw new TripError('a frame is offered in the middle of another');
    this.#assertOffer(offer);
    const known = this.#ledger.isAnswered(offer.seq, offer.hash);
    this.#peerDone = false;
    this.#incoming = { offer, left: offer.length - offer.start };
    if (offer.seq !== 0) this.#unanswered.add(offer.seq);
    this.#awaited.delete(offer.seq);
    yield { type: 'offer', offer, known };
    yield* this.#arrivedIfWhole();
  }

  #isWanted({ seq }: Offer): boolean {
    return seq === 0 || (this.#unanswered.has(seq) && !this.#ledger.answered.has(seq));
  }

  #assertOffer({ seq, codec, length, packed, start, hash }: Offer): void {
    if (seq !== 0) this.#ledger.assertOffered(seq);
    if (this.#unanswered.has(seq)) throw new TripError(`frame ${seq} is offered again before its answer`);
    const bytesMax = frameBytesMax(codec);
    if (bytesMax === undefined || (codec !== CODEC.zstd && seq === 0))
      throw new TripError(`there is no codec ${codec}`);
    if (length === 0 || length > bytesMax || packed > bytesMax)
      throw new TripError(`a frame of ${length} bytes is not possible`);
    const ours = this.#ours.get(seq);
    const held = ours?.hash === hash ? ours.held : 0;
    if (start > length || (start !== 0 && start !== held))
      throw new TripError(`frame ${seq} starts at byte ${start}, where ${held} are held`);
    this.#ours.delete(seq);
  }

  *#arriving(bytes: Uint8Array): Generator<TripEvent> {
    const incoming = this.#incoming;
    if (!incoming) throw new TripError('DATA without an OFFER');
    if (bytes.length > incoming.left) throw new TripError(`frame ${incoming.offer.seq} runs past its length`);
    incoming.left -= bytes.length;
    yield { type: 'data', bytes };
    yield* this.#arrivedIfWhole();
  }

  *#arrivedIfWhole(): Generator<TripEvent> {
    if (this.#incoming?.left !== 0) return;
    const { offer } = this.#incoming;
    this.#incoming = undefined;
    yield { type: 'arrived', offer };
  }
}

function answerRecords(answered: ReadonlyMap<number, Answer>): Uint8Array {
  const accepted: number[] = [];
  const others: Uint8Array[] = [];
  for (const [seq, answer] of answered) {
    if (answer === 'K') accepted.push(seq);
    else others.push(encodeAnswer(seq, answer));
  }
  return Buffer.concat([encodeAccepted(accepted), ...others]);
}
