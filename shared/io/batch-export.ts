/**
 * What a trip would carry one way, as the records of a batch file. Each frame has its number in the ledger, and is marked as
 * being on a stick, durably, before its first byte is handed out; so whatever becomes of the file, no mail is lost, and
 * one that comes twice is known.
 */
import { createHash } from 'node:crypto';
import { type BatchMark, batchFileBytes, encodeAnsweredFrames, encodeBatchMark } from '../core/batch.ts';
import { encodeFrameHead } from '../core/frame.ts';
import { Trip } from '../core/trip.ts';
import type { Opened } from '../core/trip-ledger.ts';
import type { Partial } from '../core/trip-message.ts';
import { bytesBody, joinBodies } from './body.ts';
import { fitsGroup, prepareApart, QUICK, sealGroup } from './group-seal.ts';
import { type Entry, openEntry } from './maildir.ts';
import { type Chosen, Outbox } from './outbox.ts';
import { type Sealed, seal } from './seal.ts';
import type { TripSide } from './trip-side.ts';

export interface ExportOptions {
  readonly side: TripSide;
  /** The data folder of the office. */
  readonly instance: string;
  /** Seconds that links leave the mail to the stick. */
  readonly waitSeconds: number;
  /** The carrier that takes it; absent: a stick. */
  readonly by?: string;
  /** Also what is on a stick already. */
  readonly again: boolean;
  /** Bytes of the file, at most; a mail may be cut by it. 0: any. */
  readonly bytesMax: number;
  /** Where the other side waits for it: what each side holds of the other's frames, which then go on there. */
  readonly live?: LiveBatch;
}

interface LiveBatch {
  readonly theirs: readonly Partial[];
  /** The salt of the batch that this one answers. */
  readonly replyTo?: string;
}

/** A frame that was put into a batch. */
export interface OnTheWay {
  readonly seq: number;
  readonly hash: string;
}

/** Links may carry again what these frames hold, unless another batch has them since. */
export async function releaseMarks(side: TripSide, marks: readonly OnTheWay[]): Promise<void> {
  for (const { seq, hash } of marks) {
    const opened = side.ledger.open.get(seq);
    if (opened?.stick?.hash !== hash) continue;
    const { stick: _, ...free } = opened;
    side.ledger.reopen(seq, free);
  }
  await side.save();
}

/** Small: a frame that is spoilt or cut takes few mails with it. */
const GROUP_BYTES = 100_000;
const DATA_BYTES = 8_192;
/** Not worth beginning a frame for. */
const REST_BYTES = 256;

export class BatchExport {
  mails = 0;
  bytesRaw = 0;
  /** Frames that went on where an earlier batch was cut. */
  resumed = 0;
  /** Mail of which only a part had room. */
  isCut = false;
  readonly #options: ExportOptions;
  readonly #trip: Trip;
  readonly #outbox: Outbox;
  readonly #marks: OnTheWay[] = [];
  #bytes = 0;

  constructor(options: ExportOptions) {
    const { side, again } = options;
    this.#options = options;
    this.#trip = new Trip({ side: 'instance' in side.greeting ? 'agent' : 'hub', ledger: side.ledger });
    this.#outbox = new Outbox({ ...side, now: () => side.now(), groupBytes: () => GROUP_BYTES, again });
  }

  /** What stays behind, as far as it was looked at. */
  get waiting(): { readonly mails: number; readonly bytes: number } {
    return this.#outbox.waiting;
  }

  async *records(): AsyncGenerator<Uint8Array> {
    const { side, instance, live } = this.#options;
    await this.#outbox.forgetGone();
    const mark: BatchMark = {
      instance,
      point: (await side.history.in.history()).tip,
      settled: side.ledger.floor,
      ...(live?.replyTo === undefined ? {} : { replyTo: live.replyTo }),
    };
    yield this.#counted(encodeBatchMark(mark));
    yield this.#counted(encodeAnsweredFrames(side.ledger.hashes));
    yield this.#counted(this.#trip.greet(side.greeting, live ? await side.partials.list() : [], side.links));
    this.#trip.theirs(live?.theirs ?? []);
    if (side.directory) yield* this.#frame(0, await seal(bytesBody(side.directory), side.spool));
    for (let frame = await this.#next(); frame; frame = await this.#next()) {
      yield* this.#frame(frame.seq, frame.sealed);
      if (this.isCut) return;
    }
    if (!this.isCut) yield this.#trip.done(this.#outbox.waiting);
  }

  get marks(): readonly OnTheWay[] {
    return this.#marks;
  }

  /** Names what it tells beside mail: two batches with the same news need not both travel. */
  get news(): string {
    const { ledger, directory } = this.#options.side;
    return createHash('sha256')
      .update(JSON.stringify([...ledger.answered]))
      .update(directory ?? '')
      .digest('hex');
  }

  /** The file has not come to be: links may carry the mail at once. */
  release(): Promise<void> {
    return releaseMarks(this.#options.side, this.#marks);
  }

  async #next(): Promise<{ readonly seq: number; readonly sealed: Sealed } | undefined> {
    const { side } = this.#options;
    if (!side.offers || this.isCut || this.#room() < REST_BYTES) return undefined;
    return side.exclusively(async () => {
      for (let chosen = await this.#outbox.choose(); chosen; chosen = await this.#outbox.choose()) {
        const frame = await this.#seal(chosen);
        if (!frame) continue;
        this.#mark(frame.seq, frame.sealed.hash);
        await side.save();
        return frame;
      }
      return undefined;
    });
  }

  /** Undefined when the entries are gone. */
  async #seal(chosen: Chosen): Promise<{ readonly seq: number; readonly sealed: Sealed } | undefined> {
    const { side } = this.#options;
    const found = await Promise.all(chosen.keys.map((key) => openEntry(side.place.store, key)));
    const entries = found.filter((entry) => entry !== undefined);
    const [first] = entries;
    if (!first) {
      side.ledger.settle(chosen.seq);
      return undefined;
    }
    const isOther = entries.length < chosen.keys.length && side.ledger.open.get(chosen.seq)?.sealing !== undefined;
    const keys = entries.map(({ key }) => key);
    const seq = isOther ? side.ledger.renumber(chosen.seq, keys) : chosen.seq;
    return { seq, sealed: await this.#sealEntries(seq, entries, first) };
  }

  async #sealEntries(seq: number, entries: readonly Entry[], first: Entry): Promise<Sealed> {
    const { side } = this.#options;
    const before = side.ledger.open.get(seq)?.sealing;
    if (!before && !fitsGroup(entries)) {
      this.#reopen(seq, { keys: [first.key] }, [first]);
      return seal(joinBodies(bytesBody(encodeFrameHead(first.head)), first.body), side.spool);
    }
    const { first: base } = await side.history.out.history();
    const prepared = await prepareApart(side.history.out, entries, { before, base, quality: QUICK });
    const { apart, quality } = prepared;
    const recipients = entries.map(({ head }) => head.recipients.length);
    const sealing = { base: prepared.base, ...(apart ? { apart } : {}), quality, recipients };
    this.#reopen(seq, { keys: entries.map(({ key }) => key), sealing }, entries);
    return sealGroup(prepared);
  }

  /** It is on the stick, as the frame with this hash. */
  #mark(seq: number, hash: string): void {
    const { side, waitSeconds, by } = this.#options;
    const opened = side.ledger.open.get(seq);
    const since = side.now();
    const stick = { since, until: Math.ceil(since + waitSeconds), hash, ...(by === undefined ? {} : { by }) };
    if (opened) side.ledger.reopen(seq, { ...opened, stick });
    this.#marks.push({ seq, hash });
  }

  #reopen(seq: number, opened: Opened, entries: readonly Entry[]): void {
    this.#options.side.ledger.reopen(seq, opened);
    this.mails += entries.length;
    this.bytesRaw += entries.reduce((sum, { body }) => sum + body.size, 0);
  }

  async *#frame(seq: number, sealed: Sealed): AsyncGenerator<Uint8Array> {
    const { codec, base, hash, length, packed, body } = sealed;
    try {
      const { bytes, start } = this.#trip.offer({ seq, codec, base, hash, length, packed });
      if (start > 0) this.resumed += 1;
      yield this.#counted(bytes);
      for await (const chunk of body.read(start))
        for (let at = 0; at < chunk.length; at += DATA_BYTES) {
          const piece = chunk.subarray(at, Math.min(at + DATA_BYTES, at + Math.max(0, this.#room() - 4)));
          this.isCut = piece.length < Math.min(DATA_BYTES, chunk.length - at);
          if (piece.length > 0) yield this.#counted(this.#trip.data(piece));
          if (this.isCut) return;
        }
    } finally {
      await sealed.discard();
    }
  }

  /** Bytes of records that may still come. */
  #room(): number {
    const { bytesMax } = this.#options;
    return bytesMax === 0 ? Number.POSITIVE_INFINITY : bytesMax - batchFileBytes(this.#bytes) - 16;
  }

  #counted(bytes: Uint8Array): Uint8Array {
    this.#bytes += bytes.length;
    return bytes;
  }
}
