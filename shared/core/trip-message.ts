/** What each record of a trip after the greetings says, to and from its payload. The shapes are those of shared/PROTOCOL.md. */
import { POINT_BYTES } from './history.ts';
import { encodeRecord, encodeText, encodeVarint, FieldReader, RECORD, TripError } from './trip-record.ts';
import type { Verdict } from './verdict.ts';

/** Codecs by number; a greeting names those that its side reads, each as one bit. */
export const CODEC = {
  /** One mail of any size, or the directory. */
  zstd: 1,
  /** Several mails (shared/core/group.ts), against what earlier ones left in the history. */
  brotli: 2,
  /** The same, but it does not join the history: for carriers that may come late, in any order, or never. */
  apart: 3,
  /** One large mail, in pieces of which the receiver may have some. */
  pieces: 4,
} as const;
/** What a hub of any version reads. */
export const CODECS_FIRST = (1 << CODEC.zstd) | (1 << CODEC.brotli) | (1 << CODEC.apart);
export const CODECS_KNOWN = CODECS_FIRST | (1 << CODEC.pieces);

/** A mail of pieces, at most: more would drive all else out of what is kept. */
export const PIECED_BYTES_MAX = 50_000_000;

/** Whether a side that names `codecs` reads frames of several mails. */
export const readsGroups = (codecs: number): boolean => (codecs & (1 << CODEC.brotli)) !== 0;

export const readsApart = (codecs: number): boolean => (codecs & (1 << CODEC.apart)) !== 0;

export const readsPieces = (codecs: number): boolean => (codecs & (1 << CODEC.pieces)) !== 0;

/** Whether a frame holds several mails, and names the point that it builds on. */
export const isGroup = (codec: number): boolean => codec === CODEC.brotli || codec === CODEC.apart;

/** How far a frame has arrived. */
export interface Partial {
  readonly seq: number;
  /** First 8 bytes of the SHA-256 of the sealed bytes, 16 hex digits. */
  readonly hash: string;
  /** Sealed bytes held. */
  readonly held: number;
}

export interface Offer {
  /** 0: the directory, which needs no answer. */
  readonly seq: number;
  readonly hash: string;
  readonly codec: number;
  /** The point of the history that a brotli frame builds on, 16 hex digits; empty for others. */
  readonly base: string;
  /** Sealed bytes. */
  readonly length: number;
  /** Bytes after unsealing. */
  readonly packed: number;
  /** The first byte that follows. */
  readonly start: number;
}

/** `K`: accepted for every recipient. Else one verdict per recipient. */
export type Answer = 'K' | readonly Verdict[];

export interface Waiting {
  readonly mails: number;
  readonly bytes: number;
}

export interface Refusal {
  /** Exit code of the agent: 75 later, 77 refused. */
  readonly exit: number;
  readonly text: string;
}

const ID_BYTES = 32;
/** Ids in one ASK. */
export const ASK_MAX = 1_000;

export const encodePartial = ({ seq, hash, held }: Partial): Uint8Array =>
  encodeRecord(RECORD.partial, encodeVarint(seq), Buffer.from(hash, 'hex'), encodeVarint(held));

export function decodePartial(payload: Uint8Array): Partial {
  const read = new FieldReader(payload);
  const partial = { seq: read.varint(), hash: read.hex(8), held: read.varint() };
  read.end();
  return partial;
}

export const encodeOffer = ({ seq, hash, codec, base, length, packed, start }: Offer): Uint8Array =>
  encodeRecord(
    RECORD.offer,
    encodeVarint(seq),
    Buffer.from(hash, 'hex'),
    Uint8Array.of(codec),
    Buffer.from(base, 'hex'),
    encodeVarint(length),
    encodeVarint(packed),
    encodeVarint(start),
  );

export function decodeOffer(payload: Uint8Array): Offer {
  const read = new FieldReader(payload);
  const seq = read.varint();
  const hash = read.hex(8);
  const codec = read.bytes(1)[0] ?? 0;
  const offer = {
    seq,
    hash,
    codec,
    base: isGroup(codec) ? read.hex(POINT_BYTES) : '',
    length: read.varint(),
    packed: read.varint(),
    start: read.varint(),
  };
  read.end();
  return offer;
}

/** Asks for a frame again: as it was, or sealed against a point that its receiver has. */
export interface Repeat {
  readonly seq: number;
  /** The newest point of the receiver's history, 16 hex digits, when it does not have the one of the offer; else empty. */
  readonly tip: string;
}

export const encodeRepeat = ({ seq, tip }: Repeat): Uint8Array =>
  encodeRecord(RECORD.repeat, encodeVarint(seq), Buffer.from(tip, 'hex'));

export function decodeRepeat(payload: Uint8Array): Repeat {
  const read = new FieldReader(payload);
  const repeat = { seq: read.varint(), tip: read.left > 0 ? read.hex(POINT_BYTES) : '' };
  read.end();
  return repeat;
}

/** Offers that were accepted for every recipient: a record for each run of numbers. */
export function encodeAccepted(seqs: readonly number[]): Uint8Array {
  const runs: { readonly first: number; count: number }[] = [];
  for (const seq of [...seqs].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && seq === last.first + last.count) last.count += 1;
    else runs.push({ first: seq, count: 1 });
  }
  return Buffer.concat(
    runs.map(({ first, count }) => encodeRecord(RECORD.accepted, encodeVarint(first), encodeVarint(count))),
  );
}

export function decodeAccepted(payload: Uint8Array): { first: number; count: number } {
  const read = new FieldReader(payload);
  const accepted = { first: read.varint(), count: read.varint() };
  read.end();
  return accepted;
}

const TEXT_BYTES_MAX = 400;
/** More different verdicts than this travel without their texts, so that an answer keeps within its bound. */
const TEXTS_MAX = 2_000;
export const RECIPIENTS_MAX = 50_000;

interface VerdictRun {
  readonly verdict: Verdict;
  count: number;
}

/** Verdicts as runs of equal ones: ten thousand recipients of one domain fail with one text. */
export function encodeAnswer(seq: number, verdicts: readonly Verdict[]): Uint8Array {
  const runs: VerdictRun[] = [];
  for (const verdict of verdicts) {
    const last = runs.at(-1);
    if (last?.verdict.letter === verdict.letter && last.verdict.text === verdict.text) last.count += 1;
    else runs.push({ verdict, count: 1 });
  }
  const parts = runs.flatMap(({ verdict: { letter, text }, count }) => [
    encodeVarint(count),
    Buffer.from(letter),
    encodeText(letter === 'K' || runs.length > TEXTS_MAX ? '' : cutText(text)),
  ]);
  return encodeRecord(RECORD.answer, encodeVarint(seq), Buffer.concat(parts));
}

const cutText = (text: string): string =>
  Buffer.from(text)
    .subarray(0, TEXT_BYTES_MAX - 4)
    .toString('utf8')
    .replace(/\ufffd+$/, '');

export function decodeAnswer(payload: Uint8Array): { seq: number; verdicts: readonly Verdict[] } {
  const read = new FieldReader(payload);
  const seq = read.varint();
  const verdicts: Verdict[] = [];
  while (read.left > 0) {
    const count = read.varint();
    const letter = read.bytes(1).toString('latin1');
    if (letter !== 'K' && letter !== 'Z' && letter !== 'D') throw new TripError('a verdict is K, Z or D');
    const verdict = { letter, text: read.text(TEXT_BYTES_MAX) } as const;
    if (count === 0 || verdicts.length + count > RECIPIENTS_MAX) throw new TripError('an answer has too many verdicts');
    for (let index = 0; index < count; index += 1) verdicts.push(verdict);
  }
  return { seq, verdicts };
}

export const encodeNumber = (type: number, value: number): Uint8Array => encodeRecord(type, encodeVarint(value));

export function decodeNumber(payload: Uint8Array): number {
  const read = new FieldReader(payload);
  const value = read.varint();
  read.end();
  return value;
}

export const encodeDone = ({ mails, bytes }: Waiting): Uint8Array =>
  encodeRecord(RECORD.done, encodeVarint(mails), encodeVarint(bytes));

export function decodeDone(payload: Uint8Array): Waiting {
  const read = new FieldReader(payload);
  const waiting = { mails: read.varint(), bytes: read.varint() };
  read.end();
  return waiting;
}

export const encodeRefusal = ({ exit, text }: Refusal): Uint8Array =>
  encodeRecord(RECORD.refused, Uint8Array.of(exit), encodeText(text));

export function decodeRefusal(payload: Uint8Array): Refusal {
  const read = new FieldReader(payload);
  return { exit: read.bytes(1)[0] ?? 0, text: read.text(1_000) };
}

export const encodeAsk = (ids: readonly string[]): Uint8Array =>
  encodeRecord(RECORD.ask, ...ids.map((id) => Buffer.from(id, 'hex')));

export function decodeAsk(payload: Uint8Array): readonly string[] {
  const read = new FieldReader(payload);
  const ids: string[] = [];
  while (read.left > 0) ids.push(read.hex(ID_BYTES));
  return ids;
}

/** One bit for each id that was asked for, the lowest first: set when the mail is lacking. */
export function encodeLacking(lacking: readonly boolean[]): Uint8Array {
  const bits = new Uint8Array(Math.ceil(lacking.length / 8));
  lacking.forEach((lacks, index) => {
    if (lacks) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  });
  return encodeRecord(RECORD.lacking, bits);
}

export function decodeLacking(payload: Uint8Array, count: number): readonly boolean[] {
  if (payload.length !== Math.ceil(count / 8)) throw new TripError('LACKING does not fit what was asked');
  return Array.from({ length: count }, (_, index) => (((payload[index >> 3] ?? 0) >> (index & 7)) & 1) === 1);
}
