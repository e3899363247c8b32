/**
 * Quoted-printable cuts words with soft line breaks and writes a letter with an accent as six characters. `findQuoted` finds the
 * parts of a body that are so encoded; `encodeQuoted` decodes one, and adds what it takes to encode it again exactly:
 *
 *     width   length of `also`   `also`   number of `otherwise`   each, as what it has more than the one before   length of the text   text
 *
 * No two encoders do it alike, so the encoding is foretold by one simple rule, and what differs is listed: each token (a byte,
 * as itself or as =XX) has two questions, whether a soft break stands before it and whether it is escaped, numbered 2n and
 * 2n+1. Foretold: a line is filled to `width`; escaped are '=', what is no printable ASCII, a blank at the end of a line,
 * and the bytes of `also`.
 */
import { readVarint, writeVarint } from './varint.ts';

interface Quoted {
  /** Characters of a line, its `=` included. */
  readonly width: number;
  /** Printable bytes that this encoder escapes, in rising order. */
  readonly also: Uint8Array;
  /** Numbers of the questions that are answered otherwise than foretold, rising. */
  readonly otherwise: readonly number[];
  readonly plain: Buffer;
}

const LF = 10;
const EQUALS = 61;
const MARK_FIELD = /^content-transfer-encoding:[ \t]*"?quoted-printable/gim;
const BOUNDARY = /\bboundary="?([^"\s;]{1,200})/gi;
/** More boundaries than any mail has would make the search slow. */
const BOUNDARIES_MAX = 100;
/** RFC 2045 allows 76; some encoders go a little beyond. */
const WIDTH_MAX = 998;

interface Region {
  readonly start: number;
  readonly end: number;
}

/** The quoted-printable parts of a body with LF line ends, in order. */
export function findQuoted(body: Buffer): readonly Region[] {
  const text = body.toString('latin1');
  const regions: Region[] = [];
  let end = 0;
  let boundaries: ReadonlySet<string> | undefined;
  for (const { index } of text.matchAll(MARK_FIELD)) {
    if (index < end) continue;
    const blank = text.indexOf('\n\n', index);
    if (blank < 0) break;
    boundaries ??= boundariesOf(text);
    end = endOfPart(text, blank + 1, boundaries);
    if (end > blank + 2) regions.push({ start: blank + 2, end });
  }
  return regions;
}

function boundariesOf(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [, boundary] of text.matchAll(BOUNDARY)) {
    if (boundary) found.add(boundary);
    if (found.size === BOUNDARIES_MAX) break;
  }
  return found;
}

/** Where the line end before the next boundary line is, or the end of all. */
function endOfPart(text: string, from: number, boundaries: ReadonlySet<string>): number {
  for (let at = text.indexOf('\n--', from); at >= 0; at = text.indexOf('\n--', at + 1)) {
    const lineEnd = text.indexOf('\n', at + 3);
    const line = text.slice(at + 3, Math.min(lineEnd < 0 ? text.length : lineEnd, at + 300)).trimEnd();
    if (boundaries.has(line) || (line.endsWith('--') && boundaries.has(line.slice(0, -2)))) return at;
  }
  return text.length;
}

/** A part as it stands in a lifted text; undefined where decoding gives nothing or cannot be undone exactly. */
export function encodeQuoted(part: Buffer): Buffer | undefined {
  const quoted = unquote(part);
  if (!quoted || quoted.otherwise.length > othersMax(quoted.plain)) return undefined;
  const { width, also, otherwise, plain } = quoted;
  const steps = otherwise.flatMap((question, index) => writeVarint(question - (otherwise[index - 1] ?? 0)));
  const head = [
    ...writeVarint(width),
    ...writeVarint(also.length),
    ...also,
    ...writeVarint(otherwise.length),
    ...steps,
  ];
  const encoded = Buffer.concat([Buffer.from([...head, ...writeVarint(plain.length)]), plain]);
  return encoded.length < part.length && requote(quoted).equals(part) ? encoded : undefined;
}

/** More exceptions than this cost more than decoding gives. */
const othersMax = (plain: Buffer): number => plain.length >> 3;

/** The part again. Throws on what `encodeQuoted` cannot have made. At most five times as many bytes come out. */
export function decodeQuoted(text: Buffer, start: number): { readonly part: Buffer; readonly end: number } {
  let at = start;
  const number = (): number => {
    const { value, end } = readVarint(text, at);
    at = end;
    return value;
  };
  const bytes = (length: number): Buffer => {
    at += length;
    if (at > text.length) throw new Error('a lifted body holds a quoted part that is cut short');
    return text.subarray(at - length, at);
  };
  const width = number();
  const also = bytes(number());
  const others = number();
  if (others > othersMax(text)) throw new Error('a lifted body holds a quoted part with too many exceptions');
  const otherwise: number[] = [];
  for (let question = 0; otherwise.length < others; ) {
    question += number();
    otherwise.push(question);
  }
  const plain = bytes(number());
  return { part: requote({ width, also, otherwise, plain }), end: at };
}

interface Token {
  readonly byte: number;
  readonly escaped: boolean;
  readonly broken: boolean;
}

/** Undefined where the part holds what no encoder writes: small hex digits, a lone `=`, a CR. */
function unquote(part: Buffer): Quoted | undefined {
  const tokens = readTokens(part);
  if (!tokens) return undefined;
  const plain = Buffer.from(tokens.map(({ byte }) => byte));
  const also = alsoEscaped(tokens);
  const width = widthOf(part);
  const otherwise: number[] = [];
  const { foretell, took } = foreteller(plain, { width, also });
  for (const [index, { byte, escaped, broken }] of tokens.entries()) {
    if (foretell.escape(index) !== escaped) otherwise.push(index * 2 + 1);
    if (foretell.breaks(index, escaped) !== broken) otherwise.push(index * 2);
    took({ byte, escaped, broken });
  }
  // Of one token the break stands first.
  return { width, also, plain, otherwise: otherwise.sort((a, b) => a - b) };
}

function readTokens(part: Buffer): readonly Token[] | undefined {
  const tokens: Token[] = [];
  let broken = false;
  for (let at = 0; at < part.length; at += 1) {
    const byte = part[at] ?? 0;
    if (byte === 13) return undefined;
    if (byte !== EQUALS) {
      tokens.push({ byte, escaped: false, broken });
      broken = false;
    } else if (part[at + 1] === LF) {
      if (broken) return undefined;
      broken = true;
      at += 1;
    } else {
      const value = hexValue(part[at + 1]) * 16 + hexValue(part[at + 2]);
      if (!(value >= 0)) return undefined;
      tokens.push({ byte: value, escaped: true, broken });
      broken = false;
      at += 2;
    }
  }
  return broken ? undefined : tokens;
}

function hexValue(char: number | undefined): number {
  if (char === undefined) return Number.NaN;
  if (char >= 48 && char <= 57) return char - 48;
  return char >= 65 && char <= 70 ? char - 55 : Number.NaN;
}

const isPlain = (byte: number): boolean => (byte >= 32 && byte <= 126 && byte !== EQUALS) || byte === 9;

/** Printable bytes that are never written as themselves; a blank has its own rule. */
function alsoEscaped(tokens: readonly Token[]): Uint8Array {
  const escaped = new Set<number>();
  for (const token of tokens) if (token.escaped && token.byte > 32 && isPlain(token.byte)) escaped.add(token.byte);
  for (const token of tokens) if (!token.escaped) escaped.delete(token.byte);
  return Uint8Array.from(escaped).sort();
}

/** The longest line that ends in a soft break. */
function widthOf(part: Buffer): number {
  let longest = 0;
  let start = 0;
  for (let end = part.indexOf(LF); end >= 0; end = part.indexOf(LF, start)) {
    if (part[end - 1] === EQUALS) longest = Math.max(longest, end - start);
    start = end + 1;
  }
  return longest === 0 || longest > WIDTH_MAX ? 76 : longest;
}

type Rule = Pick<Quoted, 'width' | 'also'>;

/** What the rule says of each token of `plain`, given what stood before it; `took` tells what the token became. */
function foreteller(plain: Buffer, { width, also }: Rule) {
  const escapes = new Set(also);
  let column = 0;
  const endsLine = (index: number): boolean => index + 1 >= plain.length || plain[index + 1] === LF;
  return {
    foretell: {
      escape(index: number): boolean {
        const byte = plain[index] ?? 0;
        if (byte === LF) return false;
        return !isPlain(byte) || escapes.has(byte) || ((byte === 32 || byte === 9) && endsLine(index));
      },
      breaks(index: number, escaped: boolean): boolean {
        if (plain[index] === LF && !escaped) return false;
        return column + (escaped ? 3 : 1) > (endsLine(index) ? width : width - 1);
      },
    },
    took({ byte, escaped, broken }: Token): void {
      if (broken) column = 0;
      if (byte === LF && !escaped) column = 0;
      else column += escaped ? 3 : 1;
    },
  };
}

const HEX = Buffer.from('0123456789ABCDEF');

/** Encodes it again. */
function requote({ width, also, otherwise, plain }: Quoted): Buffer {
  const out = Buffer.alloc(plain.length * 5);
  const { foretell, took } = foreteller(plain, { width, also });
  let length = 0;
  let next = 0;
  const differs = (question: number): boolean => {
    if (otherwise[next] !== question) return false;
    next += 1;
    return true;
  };
  for (const [index, byte] of plain.entries()) {
    const breakDiffers = differs(index * 2);
    const escaped = differs(index * 2 + 1) !== foretell.escape(index);
    const broken = breakDiffers !== foretell.breaks(index, escaped);
    if (broken) {
      out[length++] = EQUALS;
      out[length++] = LF;
    }
    if (escaped) {
      out[length++] = EQUALS;
      out[length++] = HEX[byte >> 4] ?? 0;
      out[length++] = HEX[byte & 15] ?? 0;
    } else out[length++] = byte;
    took({ byte, escaped, broken });
  }
  if (next !== otherwise.length) throw new Error('a lifted body has a quoted part with questions that nobody asked');
  return out.subarray(0, length);
}
