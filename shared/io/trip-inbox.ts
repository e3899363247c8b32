/**
 * Takes what the other side offers: gathers the bytes of a frame, and when it is whole accepts its mail and answers. Several
 * mails are accepted at once, so that a store's delay is not paid for each.
 */
import { createHash } from 'node:crypto';
import { decodeFrameHead, FRAME_HEAD_BYTES_MAX, type FrameHead } from '../core/frame.ts';
import { CONTENT_BYTES_MAX, decodeGroup, type GroupMail, partsOf, SHARED_BYTES_MAX } from '../core/group.ts';
import { joinedPart } from '../core/history.ts';
import { mailId } from '../core/mail-id.ts';
import type { Trip } from '../core/trip.ts';
import type { Ledger } from '../core/trip-ledger.ts';
import { type Answer, CODEC, isGroup, type Offer } from '../core/trip-message.ts';
import { TripError } from '../core/trip-record.ts';
import { refused, type Verdict } from '../core/verdict.ts';
import { accept } from './accept.ts';
import { bytesBody, readBody } from './body.ts';
import { unsealGroup } from './group-seal.ts';
import type { Mail } from './mail.ts';
import { inParallel } from './parallel.ts';
import type { Frame } from './partials.ts';
import { PieceMissing, unsealPieces } from './piece-seal.ts';
import { unseal } from './seal.ts';
import { Spool, type Spooled } from './spool.ts';
import type { TripOutput } from './trip-output.ts';
import type { Carried, TripSide } from './trip-side.ts';

export interface InboxOptions {
  readonly side: TripSide;
  readonly trip: Trip;
  readonly output: TripOutput;
  /** Runs work beside the reading, a bounded number at once; resolves when it has been taken on. */
  work(task: () => Promise<void>): Promise<void>;
}

/** Mails of one frame that are accepted at once. */
const ACCEPTS_MAX = 8;

const tooLarge = (bytesMax: number): Verdict =>
  refused(`sorry, that message size exceeds the limit of ${bytesMax} bytes (#5.3.4)`);

export class TripInbox {
  readonly carried: Carried = { mails: 0, bytesRaw: 0 };
  /** Frames that went on where an earlier trip was cut. */
  resumed = 0;
  readonly #options: InboxOptions;
  readonly #ledger: Ledger;
  #frame: Frame | undefined;
  /** Whether what the frame builds on is here. */
  #held: Promise<boolean> = Promise.resolve(true);
  #unsealing: Promise<unknown> = Promise.resolve();

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#ledger = options.side.ledger;
  }

  async offered(offer: Offer, known: boolean): Promise<void> {
    this.#frame = undefined;
    const { mailBytesMax, partials } = this.#options.side;
    if (known) return;
    const isAlone = offer.seq !== 0 && (!isGroup(offer.codec) || offer.packed > SHARED_BYTES_MAX);
    if (isAlone && mailBytesMax > 0 && offer.packed > mailBytesMax + FRAME_HEAD_BYTES_MAX) {
      // Said at once, so that the rest of it need not travel.
      this.#answer(offer, [tooLarge(mailBytesMax)]);
      await this.#options.output.flush();
      return;
    }
    if (offer.start > 0) this.resumed += 1;
    this.#frame = await partials.open(offer);
    if (isGroup(offer.codec)) this.#held = this.#inOrder(() => this.#isHeld(offer));
  }

  /** Whether we have what the frame builds on; else it is asked for again at once, so that less of it travels. */
  async #isHeld({ seq, base }: Offer): Promise<boolean> {
    const { side, trip, output } = this.#options;
    const history = await side.history.in.history();
    if (history.dictionary(base)) return true;
    output.push(trip.repeat({ seq, tip: history.tip }));
    return false;
  }

  /** A frame builds on those before it: they are unsealed one after another. */
  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#unsealing.then(work);
    this.#unsealing = result.catch(() => undefined);
    return result;
  }

  async data(bytes: Uint8Array): Promise<void> {
    await this.#frame?.write(bytes);
  }

  async arrived(offer: Offer): Promise<void> {
    const frame = this.#frame;
    this.#frame = undefined;
    const before = this.#ledger.answered.get(offer.seq);
    if (before) this.#options.output.answer(offer.seq, before);
    // Mail that follows the directory is routed by it.
    else if (frame && offer.seq === 0) await this.#take(offer, frame);
    else if (frame && isGroup(offer.codec)) await this.#arrivedGroup(offer, frame);
    else if (frame) await this.#options.work(() => this.#take(offer, frame));
  }

  /** The stream has ended; what has come of a frame is kept for the next trip. */
  async cut(): Promise<void> {
    const frame = this.#frame;
    if (!frame) return;
    if (await this.#held) await frame.keep();
    else await frame.drop();
  }

  async #arrivedGroup(offer: Offer, frame: Frame): Promise<void> {
    const held = this.#held;
    this.#held = Promise.resolve(true);
    const mails = this.#inOrder(async () => ((await held) ? this.#openGroup(offer, frame) : undefined));
    // Its failure is the task's, which begins when there is room for it.
    mails.catch(() => undefined);
    await this.#options.work(async () => {
      const opened = await mails;
      if (opened) this.#answer(offer, await this.#acceptGroup(opened));
      await frame.drop();
    });
  }

  /** The mails of a frame, which then joins the history; undefined when it was asked for again, empty when nobody can read it. */
  async #openGroup({ seq, hash, codec, base, packed }: Offer, frame: Frame): Promise<readonly GroupMail[] | undefined> {
    const { side, trip, output } = this.#options;
    const history = await side.history.in.history();
    const dictionary = history.dictionary(base);
    if (frame.hash() !== hash || !dictionary) {
      output.push(trip.repeat({ seq, tip: dictionary ? '' : history.tip }));
      return undefined;
    }
    try {
      const sealed = await readBody(frame.body, CONTENT_BYTES_MAX);
      const content = await unsealGroup(sealed, { held: side.parts.in, dictionary, size: packed });
      if (!content) {
        output.push(trip.repeat({ seq, tip: base }));
        return undefined;
      }
      const mails = decodeGroup(content);
      if (codec === CODEC.brotli) {
        await side.parts.in.keep(partsOf(content));
        await side.history.in.append({ base, bytes: joinedPart(content) });
      }
      return mails;
    } catch (error) {
      if (!(error instanceof TripError)) throw error;
      side.place.log.warn('a frame holds no mail that can be read; its sender is told', { error: error.message });
      return [];
    }
  }

  async #acceptGroup(mails: readonly GroupMail[]): Promise<Answer> {
    if (mails.length === 0) return [refused('the mail cannot be read (#5.6.0)')];
    const answers = new Map<GroupMail, readonly Verdict[]>();
    await inParallel(mails, ACCEPTS_MAX, async (mail) => {
      answers.set(mail, await this.#acceptOf(mail));
    });
    const verdicts = mails.flatMap((mail) => answers.get(mail) ?? []);
    return verdicts.every(({ letter }) => letter === 'K') ? 'K' : verdicts;
  }

  async #acceptOf({ head, body }: GroupMail): Promise<readonly Verdict[]> {
    const { mailBytesMax } = this.#options.side;
    if (mailBytesMax > 0 && body.length > mailBytesMax) return head.recipients.map(() => tooLarge(mailBytesMax));
    const bodyHash = createHash('sha256').update(body).digest('hex');
    return this.#accept({ ...head, body: bytesBody(body), bodyHash });
  }

  async #accept(mail: Mail): Promise<readonly Verdict[]> {
    const { side } = this.#options;
    await side.admit();
    const verdicts = await accept(side.place, { peer: side.peer, id: mailId(mail), mail }, side.now());
    if (verdicts.some(({ letter }) => letter === 'K')) await side.accepted?.(mail);
    if (verdicts.every(({ letter }) => letter === 'Z')) return verdicts;
    this.carried.mails += 1;
    this.carried.bytesRaw += mail.body.size;
    return verdicts;
  }

  async #take(offer: Offer, frame: Frame): Promise<void> {
    const { trip, output } = this.#options;
    if (frame.hash() !== offer.hash) {
      await frame.drop();
      output.push(trip.repeat({ seq: offer.seq, tip: '' }));
    } else if (offer.seq === 0) {
      await this.#takeDirectory(offer, frame);
      await frame.drop();
    } else {
      const answer = await this.#takeMail(offer, frame);
      if (answer) this.#answer(offer, answer);
      else output.push(trip.repeat({ seq: offer.seq, tip: '' }));
      await frame.drop();
    }
  }

  #answer({ seq, hash }: Offer, answer: Answer): void {
    this.#ledger.answer(seq, answer, hash);
    this.#options.output.answer(seq, answer);
  }

  /** Undefined when the frame names what is not here any more. */
  async #takeMail(offer: Offer, frame: Frame): Promise<Answer | undefined> {
    const { side } = this.#options;
    let opened: Opened;
    try {
      opened = await openFrame(frame, offer, side);
    } catch (error) {
      if (error instanceof PieceMissing) return undefined;
      if (!(error instanceof TripError)) throw error;
      side.place.log.warn('a frame holds no mail that can be read; its sender is told', { error: error.message });
      return [refused(`the mail cannot be read: ${error.message} (#5.6.0)`)];
    }
    try {
      if (side.mailBytesMax > 0 && opened.mail.body.size > side.mailBytesMax) return [tooLarge(side.mailBytesMax)];
      const verdicts = await this.#accept(opened.mail);
      return verdicts.every(({ letter }) => letter === 'K') ? 'K' : verdicts;
    } finally {
      await opened.spooled.discard();
    }
  }

  async #takeDirectory(offer: Offer, frame: Frame): Promise<void> {
    const { side } = this.#options;
    if (!side.takeDirectory) throw new TripError('the directory comes from the hub alone');
    if (offer.packed > DIRECTORY_BYTES_MAX) throw new TripError('the directory is too large');
    const chunks: Uint8Array[] = [];
    for await (const chunk of unseal(frame.body, offer.packed)) chunks.push(chunk);
    await side.takeDirectory(Buffer.concat(chunks));
  }
}

const DIRECTORY_BYTES_MAX = 20_000_000;

interface Opened {
  readonly mail: Mail;
  readonly spooled: Spooled;
}

/** The mail in a frame; its body is spooled. Throws TripError when it is none. */
async function openFrame(frame: Frame, { codec, packed }: Offer, { spool: folder, parts }: TripSide): Promise<Opened> {
  const spool = new Spool({ folder, bytesMax: packed });
  try {
    const plain = codec === CODEC.pieces ? unsealPieces(frame.body, packed, parts.in) : unseal(frame.body, packed);
    const head = await spoolBody(plain, spool);
    const spooled = await spool.finish();
    return { mail: { ...head, body: spooled.body, bodyHash: spooled.hash }, spooled };
  } catch (error) {
    await spool.discard();
    throw error;
  }
}

async function spoolBody(plain: AsyncIterable<Uint8Array>, spool: Spool): Promise<FrameHead> {
  let head: FrameHead | undefined;
  let start = Buffer.alloc(0);
  for await (const chunk of plain) {
    if (head) {
      await spool.write(chunk);
      continue;
    }
    start = Buffer.concat([start, chunk]);
    const decoded = decodeFrameHead(start);
    if (!decoded) continue;
    head = decoded.head;
    await spool.write(start.subarray(decoded.length));
  }
  if (!head) throw new TripError('a frame ends before its head');
  return head;
}
