/**
 * Base64 hides bytes from a compressor: six bits of content stand in eight, and the line folds cut through them. `lift`
 * takes such runs out of a body (attachments, and the signatures and tokens in headers, which on small mails are half of
 * what a good compressor leaves) and puts their bytes apart; `lower` puts them back, byte for byte.
 *
 * In the text a lifted run leaves a mark: 01, then a kind, then its numbers (LEB128 varints). 01 00 is a byte 01 itself.
 *
 *     01 01 chars                          one run on one line
 *     01 02 first width fold-length fold chars   folded: `first` characters, then lines of `width`, each after `fold`
 *
 *     01 03 …                              a quoted-printable part (shared/core/quoted.ts)
 *
 * `chars` counts base64 characters without padding (padding stays in the text); its bytes are the next ones of the binary.
 */
import { decodeQuoted, encodeQuoted, findQuoted } from './quoted.ts';
import { readVarint, writeVarint } from './varint.ts';

export interface Lifted {
  readonly text: Buffer;
  readonly binary: Buffer;
}

const MARK = 1;
const LITERAL = 0;
const LINE = 1;
const FOLDED = 2;
const QUOTED = 3;

/** Shorter runs cost more in marks than they give. */
const CHARS_MIN = 24;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** Value of a base64 character, or -1. */
const VALUE = new Int8Array(256).fill(-1);
for (const [value, char] of [...ALPHABET].entries()) VALUE[char.charCodeAt(0)] = value;

const isBase64 = (byte: number | undefined): boolean => byte !== undefined && (VALUE[byte] ?? -1) >= 0;

/** A run as found: `end` is where the text goes on. */
interface Run {
  readonly end: number;
  readonly chars: number;
  /** Absent on a run of one line. */
  readonly folds?: { readonly first: number; readonly width: number; readonly fold: Buffer };
}

/** Takes the base64 runs out, and decodes quoted-printable. Linear in time, for any input. */
export function lift(body: Buffer): Lifted {
  const text: Buffer[] = [];
  const binary: Buffer[] = [];
  let copied = 0;
  for (const { start, end } of findQuoted(body)) {
    const quoted = encodeQuoted(body.subarray(start, end));
    if (!quoted) continue;
    const before = liftRuns(body.subarray(copied, start));
    text.push(before.text, Buffer.from([MARK, QUOTED]), quoted);
    binary.push(before.binary);
    copied = end;
  }
  const last = liftRuns(body.subarray(copied));
  return { text: Buffer.concat([...text, last.text]), binary: Buffer.concat([...binary, last.binary]) };
}

function liftRuns(body: Buffer): Lifted {
  const text: Buffer[] = [];
  const binary: Buffer[] = [];
  let copied = 0;
  for (let at = 0; at < body.length; ) {
    if (body[at] === MARK) {
      text.push(body.subarray(copied, at), Buffer.from([MARK, LITERAL]));
      copied = ++at;
      continue;
    }
    if (!isBase64(body[at])) {
      at++;
      continue;
    }
    const run = findRun(body, at);
    if (run.chars > 0) {
      text.push(body.subarray(copied, at), mark(run));
      binary.push(bytesOf(body.subarray(at, run.end), run.chars));
      copied = run.end;
    }
    at = run.end;
  }
  text.push(body.subarray(copied));
  return { text: Buffer.concat(text), binary: Buffer.concat(binary) };
}

/** Puts the runs back. Throws on text and binary that `lift` cannot have made, or when more than `sizeMax` bytes come out. */
export function lower({ text, binary }: Lifted, sizeMax: number): Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  let used = 0;
  const push = (part: Buffer): void => {
    size += part.length;
    if (size > sizeMax) throw new Error(`a lifted body unfolds to more than ${sizeMax} bytes`);
    parts.push(part);
  };
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf(MARK, at);
    push(text.subarray(at, next < 0 ? text.length : next));
    if (next < 0) break;
    const found = readMark(text, next + 1);
    at = found.end;
    if (found.part) {
      push(found.part);
      continue;
    }
    if (!found.run) {
      push(Buffer.from([MARK]));
      continue;
    }
    const length = byteCount(found.run.chars);
    if (used + length > binary.length) throw new Error('a lifted body lacks binary bytes');
    push(refold(binary.subarray(used, used + length), found.run, sizeMax - size));
    used += length;
  }
  if (used !== binary.length) throw new Error('a lifted body has binary bytes left over');
  return Buffer.concat(parts);
}

/** The bytes of each run, in order. Throws as `lower` does. */
export function runsOf({ text, binary }: Lifted): readonly Buffer[] {
  const runs: Buffer[] = [];
  let used = 0;
  for (let at = text.indexOf(MARK); at >= 0; ) {
    const { run, end } = readMark(text, at + 1);
    if (run) runs.push(binary.subarray(used, used + byteCount(run.chars)));
    used += run ? byteCount(run.chars) : 0;
    at = text.indexOf(MARK, end);
  }
  return runs;
}

const byteCount = (chars: number): number => Math.floor((chars * 6) / 8);

function mark({ chars, folds }: Run): Buffer {
  if (!folds) return Buffer.from([MARK, LINE, ...writeVarint(chars)]);
  const { first, width, fold } = folds;
  return Buffer.concat([
    Buffer.from([MARK, FOLDED, ...writeVarint(first), ...writeVarint(width), ...writeVarint(fold.length)]),
    fold,
    Buffer.from(writeVarint(chars)),
  ]);
}

function readMark(text: Buffer, start: number): { run?: Run; part?: Buffer; end: number } {
  const kind = text[start];
  if (kind === QUOTED) return decodeQuoted(text, start + 1);
  if (kind === LITERAL) return { end: start + 1 };
  if (kind === LINE) {
    const chars = readVarint(text, start + 1);
    return { run: { end: 0, chars: chars.value }, end: chars.end };
  }
  if (kind !== FOLDED) throw new Error('a lifted body holds an unknown mark');
  const first = readVarint(text, start + 1);
  const width = readVarint(text, first.end);
  const length = readVarint(text, width.end);
  const fold = text.subarray(length.end, length.end + length.value);
  const chars = readVarint(text, length.end + length.value);
  if (width.value === 0 || fold.length !== length.value)
    throw new Error('a lifted body holds a mark that folds at nothing');
  return {
    run: { end: 0, chars: chars.value, folds: { first: first.value, width: width.value, fold } },
    end: chars.end,
  };
}

function refold(bytes: Buffer, { chars, folds }: Run, sizeMax: number): Buffer {
  const flat = Buffer.from(bytes.toString('base64').slice(0, chars), 'latin1');
  if (!folds) return flat;
  const { first, width, fold } = folds;
  const lines = Math.ceil(Math.max(0, chars - first) / width);
  if (flat.length + lines * fold.length > sizeMax) throw new Error('a lifted body unfolds to more than was said');
  const out = Buffer.allocUnsafe(flat.length + lines * fold.length);
  let end = flat.copy(out, 0, 0, first);
  for (let at = first; at < flat.length; at += width) {
    end += fold.copy(out, end);
    end += flat.copy(out, end, at, at + width);
  }
  return out.subarray(0, end);
}

/** The run at `start`, with 0 chars when it is not worth lifting; then `end` is where to look on. */
function findRun(body: Buffer, start: number): Run {
  const lineEnd = endOfLine(body, start);
  const first = lineEnd - start;
  const fold = first >= 4 ? foldAt(body, lineEnd) : undefined;
  if (fold) {
    const folded = foldedRun(body, start, { first, lineEnd, fold });
    if (folded) return folded;
  }
  if (first < CHARS_MIN || !looksRandom(body, start, lineEnd)) return { end: lineEnd, chars: 0 };
  const chars = exactChars(body, start, lineEnd, first);
  return { end: start + chars, chars };
}

function endOfLine(body: Buffer, start: number): number {
  let end = start;
  while (isBase64(body[end])) end++;
  return end;
}

/** A line end and the blanks after it, before another base64 character. */
function foldAt(body: Buffer, at: number): Buffer | undefined {
  let end = at;
  if (body[end] === 13) end++;
  if (body[end] !== 10) return undefined;
  end++;
  while ((body[end] === 32 || body[end] === 9) && end - at < 40) end++;
  return isBase64(body[end]) ? body.subarray(at, end) : undefined;
}

interface FirstLine {
  readonly first: number;
  readonly lineEnd: number;
  readonly fold: Buffer;
}

/** Follows lines of one width that hang on the same fold; the last may be shorter. Undefined when they are not worth it. */
function foldedRun(body: Buffer, start: number, { first, lineEnd, fold }: FirstLine): Run | undefined {
  const width = endOfLine(body, lineEnd + fold.length) - lineEnd - fold.length;
  if (width < 4) return undefined;
  let end = lineEnd;
  let chars = first;
  while (body.subarray(end, end + fold.length).equals(fold)) {
    const next = end + fold.length;
    const length = endOfLine(body, next) - next;
    if (length === 0 || length > width) break;
    end = next + length;
    chars += length;
    if (length < width) break;
  }
  if (chars < CHARS_MIN * 2 || !looksRandom(body, start, end)) return undefined;
  // The bits after the last whole byte must be zero, or the characters that hold them stay in the text.
  const spare = spareChars(body, end, chars);
  if (spare > 0 && (chars - spare <= first || endsShort(chars, spare, { first, width }))) return undefined;
  return { end: end - spare, chars: chars - spare, folds: { first, width, fold } };
}

/** Whether leaving `spare` characters in the text would leave a fold without its line. */
function endsShort(chars: number, spare: number, { first, width }: { first: number; width: number }): boolean {
  const lastLine = (chars - first) % width || width;
  return spare >= lastLine;
}

/** How many characters at the end cannot be made again from whole bytes. */
function spareChars(body: Buffer, end: number, chars: number): number {
  const rest = chars % 4;
  if (rest === 0) return 0;
  const last = VALUE[body[end - 1] ?? 0] ?? 0;
  if (rest === 2 && (last & 15) === 0) return 0;
  if (rest === 3 && (last & 3) === 0) return 0;
  return rest;
}

const exactChars = (body: Buffer, start: number, end: number, chars: number): number =>
  Math.max(0, chars - spareChars(body, end, chars)) * (end > start ? 1 : 0);

/** Words, hex and paths have few capitals among small letters, or few digits; what is encoded has all kinds alike. */
function looksRandom(body: Buffer, start: number, end: number): boolean {
  let upper = 0;
  let lower = 0;
  let other = 0;
  for (let at = start; at < Math.min(end, start + 400); at++) {
    const value = VALUE[body[at] ?? 0] ?? -1;
    if (value < 0) continue;
    if (value < 26) upper++;
    else if (value < 52) lower++;
    else other++;
  }
  const all = upper + lower + other;
  // Long zero runs ('AAAA…') in documents are all capitals: whole lines of them are encoded all the same.
  return end - start > 200 || (upper * 6 >= all && lower * 8 >= all && other * 20 >= all);
}

function bytesOf(run: Buffer, chars: number): Buffer {
  return Buffer.from(run.toString('latin1').replace(/[^A-Za-z0-9+/]/g, ''), 'base64').subarray(0, byteCount(chars));
}
