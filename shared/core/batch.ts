/**
 * A batch as a file: what a trip carries one way, sealed with the office's key, for a USB stick or any program that carries
 * files. The layout is that of STREAM: a head, then chunks of one size, each sealed by itself. The nonce of a chunk is its
 * number and whether it is the last, so a chunk that is missing, moved, doubled or from another file does not open, and
 * a file that was cut short is known from one that ended.
 */

import { frameBytesMax } from './frame-bound.ts';
import { decodeLinks, type OfficeLink } from './link-list.ts';
import { decodeHello, decodeWelcome, type Hello, type Welcome } from './trip-greeting.ts';
import {
  type Answer,
  decodeAccepted,
  decodeAnswer,
  decodeDone,
  decodeOffer,
  decodePartial,
  isGroup,
  type Offer,
  type Partial,
  type Waiting,
} from './trip-message.ts';
import {
  encodeRecord,
  encodeVarint,
  FieldReader,
  OPTIONAL_TYPES,
  RECORD,
  RecordReader,
  TripError,
} from './trip-record.ts';

/** Up: from the office to the hub. */
export type BatchWay = 'up' | 'down';

/** Who a batch is from or for, and the salt of its key. */
export interface BatchHead {
  /** 16 hex digits. */
  readonly keyId: string;
  readonly generation: number;
  readonly way: BatchWay;
  /** 32 hex digits. */
  readonly salt: string;
}

const MAGIC = Buffer.from('fieldpost batch 1\n');
export const BATCH_HEAD_BYTES = MAGIC.length + 8 + 4 + 1 + 16;
/** What has come of a chunk is worth nothing: small, so that a line that is cut often still gets on. */
export const BATCH_CHUNK_BYTES = 4_096;
export const BATCH_TAG_BYTES = 16;

/** What HKDF is told that the key is for. */
export const batchPurpose = (way: BatchWay): string => `fieldpost batch ${way}`;

export function encodeBatchHead({ keyId, generation, way, salt }: BatchHead): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(generation);
  const direction = Uint8Array.of(way === 'up' ? 1 : 2);
  return Buffer.concat([MAGIC, Buffer.from(keyId, 'hex'), number, direction, Buffer.from(salt, 'hex')]);
}

/** Undefined when it is no head of a batch. */
export function decodeBatchHead(bytes: Buffer): BatchHead | undefined {
  if (bytes.length < BATCH_HEAD_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const fields = bytes.subarray(MAGIC.length, BATCH_HEAD_BYTES);
  const direction = fields[12];
  if (direction !== 1 && direction !== 2) return undefined;
  return {
    keyId: fields.toString('hex', 0, 8),
    generation: fields.readUInt32BE(8),
    way: direction === 1 ? 'up' : 'down',
    salt: fields.toString('hex', 13),
  };
}

/** 11 bytes of number and one that says whether the chunk is the last. */
export function batchNonce(chunk: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(chunk, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

/** Bytes of the file whose records have `bytes`. */
export const batchFileBytes = (bytes: number): number =>
  BATCH_HEAD_BYTES + bytes + Math.max(1, Math.ceil(bytes / BATCH_CHUNK_BYTES)) * BATCH_TAG_BYTES;

/** The first record: what the greeting of a trip over a link need not say. */
export interface BatchMark {
  /** The office's data folder: which one speaks, or whose offers the answers are for; zeros: not known. 16 hex digits. */
  readonly instance: string;
  /** The newest point of what has come the other way. */
  readonly point: string;
  /** The other side's offers below it are settled, and forgotten here; 0: not known. */
  readonly settled: number;
  /** The salt of the batch that this one answers, where somebody waits for it. 32 hex digits. */
  readonly replyTo?: string;
}

export const NO_INSTANCE = '00'.repeat(8);

export const encodeBatchMark = ({ instance, point, settled, replyTo = '' }: BatchMark): Uint8Array =>
  encodeRecord(
    RECORD.batch,
    ...[Buffer.from(instance, 'hex'), Buffer.from(point, 'hex'), encodeVarint(settled), Buffer.from(replyTo, 'hex')],
  );

const SALT_BYTES = 16;

/** The first version said neither what is settled nor whose answer it is. */
function decodeBatchMark(payload: Uint8Array): BatchMark {
  const read = new FieldReader(payload);
  const mark = { instance: read.hex(8), point: read.hex(8), settled: read.left > 0 ? read.varint() : 0 };
  return read.left >= SALT_BYTES ? { ...mark, replyTo: read.hex(SALT_BYTES) } : mark;
}

/** In one record; the bound of optional records is 4,096 bytes. */
const FRAMES_MAX = 200;

/** Which frames the answers that follow are of: a number alone may be that of another mail, after a restored backup. */
export function encodeAnsweredFrames(hashes: ReadonlyMap<number, string>): Uint8Array {
  const all = [...hashes];
  const records: Uint8Array[] = [];
  for (let at = 0; at < all.length; at += FRAMES_MAX)
    records.push(
      encodeRecord(
        RECORD.answeredFrames,
        ...all.slice(at, at + FRAMES_MAX).flatMap(([seq, hash]) => [encodeVarint(seq), Buffer.from(hash, 'hex')]),
      ),
    );
  return Buffer.concat(records);
}

export type BatchEvent =
  | { readonly type: 'greeting'; readonly mark: BatchMark; readonly greeting: Hello | Welcome }
  | { readonly type: 'answered'; readonly seq: number; readonly answer: Answer; readonly hash: string | undefined }
  | { readonly type: 'links'; readonly links: readonly OfficeLink[] }
  /** What the sender holds of a frame. */
  | { readonly type: 'partial'; readonly partial: Partial }
  | { readonly type: 'offer'; readonly offer: Offer }
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  | { readonly type: 'arrived'; readonly offer: Offer }
  /** What stays with the sender. */
  | { readonly type: 'done'; readonly waiting: Waiting };

/** Runs of answers are bounded by what can be open. */
const RUN_MAX = 4_096;

/** Cuts the records of a batch into events. The order is that of a trip; a batch may end anywhere. */
export class BatchReader {
  readonly #way: BatchWay;
  readonly #reader = new RecordReader();
  #mark: BatchMark | undefined;
  #greeted = false;
  #incoming: { readonly offer: Offer; left: number } | undefined;
  readonly #hashes = new Map<number, string>();

  constructor(way: BatchWay) {
    this.#way = way;
  }

  /** Throws TripError; what was yielded before stands. */
  *push(bytes: Uint8Array): Generator<BatchEvent> {
    for (const { type, payload } of this.#reader.push(bytes)) {
      if (!this.#mark) this.#first(type, payload);
      else if (type === RECORD.answeredFrames) this.#answeredFrames(payload);
      else if (!this.#greeted) yield this.#greeting(this.#mark, type, payload);
      else yield* this.#record(type, payload);
    }
  }

  #answeredFrames(payload: Uint8Array): void {
    const read = new FieldReader(payload);
    while (read.left > 0 && this.#hashes.size < RUN_MAX) this.#hashes.set(read.varint(), read.hex(8));
  }

  #first(type: number, payload: Uint8Array): void {
    if (type !== RECORD.batch) throw new TripError('a batch begins with another record');
    this.#mark = decodeBatchMark(payload);
  }

  #greeting(mark: BatchMark, type: number, payload: Uint8Array): BatchEvent {
    if (type !== (this.#way === 'up' ? RECORD.hello : RECORD.welcome))
      throw new TripError(`a batch has record ${type} in place of its greeting`);
    this.#greeted = true;
    return { type: 'greeting', mark, greeting: this.#way === 'up' ? decodeHello(payload) : decodeWelcome(payload) };
  }

  *#record(type: number, payload: Uint8Array): Generator<BatchEvent> {
    if (type === RECORD.data) yield* this.#data(payload);
    else if (this.#incoming) throw new TripError(`record ${type} stands in the middle of a frame`);
    else if (type === RECORD.offer) yield* this.#offer(decodeOffer(payload));
    else if (type === RECORD.accepted) yield* this.#accepted(payload);
    else if (type === RECORD.answer) {
      const { seq, verdicts } = decodeAnswer(payload);
      yield { type: 'answered', seq, answer: verdicts, hash: this.#hashes.get(seq) };
    } else if (type === RECORD.partial) yield { type: 'partial', partial: decodePartial(payload) };
    else if (type === RECORD.links && this.#way === 'up')
      yield { type: 'links', links: decodeLinks(Buffer.from(payload).toString('latin1')) };
    else if (type === RECORD.done) yield { type: 'done', waiting: decodeDone(payload) };
    else if (type !== RECORD.ready && type < OPTIONAL_TYPES)
      throw new TripError(`record ${type} has no place in a batch`);
  }

  *#offer(offer: Offer): Generator<BatchEvent> {
    const bytesMax = frameBytesMax(offer.codec) ?? 0;
    if (offer.start > offer.length || offer.length === 0 || Math.max(offer.length, offer.packed) > bytesMax)
      throw new TripError(`frame ${offer.seq} of a batch is not possible`);
    if (offer.seq === 0 && isGroup(offer.codec)) throw new TripError('a directory does not build on mail');
    this.#incoming = { offer, left: offer.length - offer.start };
    yield { type: 'offer', offer };
    yield* this.#whole();
  }

  *#data(bytes: Uint8Array): Generator<BatchEvent> {
    const incoming = this.#incoming;
    if (!incoming || bytes.length > incoming.left) throw new TripError('a batch has bytes that no frame announced');
    incoming.left -= bytes.length;
    yield { type: 'data', bytes };
    yield* this.#whole();
  }

  *#whole(): Generator<BatchEvent> {
    if (this.#incoming?.left !== 0) return;
    const { offer } = this.#incoming;
    this.#incoming = undefined;
    yield { type: 'arrived', offer };
  }

  *#accepted(payload: Uint8Array): Generator<BatchEvent> {
    const { first, count } = decodeAccepted(payload);
    if (count < 1 || count > RUN_MAX) throw new TripError('more is accepted at once than can be open');
    for (let seq = first; seq < first + count; seq += 1)
      yield { type: 'answered', seq, answer: 'K', hash: this.#hashes.get(seq) };
  }
}
