/**
 * A trip is a run of records each way. A record is one byte of type, the length of its payload as a varint, and the
 * payload; shared/PROTOCOL.md lists them. Every type has a bound, so a peer that claims more is told so before
 * anything is kept for it. DATA alone is handed on in pieces, as it arrives: its bytes are of use even when the
 * record is cut short.
 */
import { writeVarint } from './varint.ts';

export const RECORD = {
  hello: 1,
  welcome: 2,
  ready: 3,
  partial: 4,
  accepted: 5,
  answer: 6,
  floor: 7,
  offer: 8,
  data: 9,
  repeat: 10,
  done: 11,
  refused: 12,
  ask: 13,
  lacking: 14,
  pulse: 64,
  /** The first of a batch file (shared/core/batch.ts). */
  batch: 65,
  /** In a batch file: which frames the answers that follow are of. */
  answeredFrames: 66,
  links: 67,
  turn: 70,
} as const;

/** From here on a type that is not known is passed over: later versions add there what an older peer may miss. */
export const OPTIONAL_TYPES = 64;

/** Payload bytes of each type, at most. */
const BYTES_MAX: ReadonlyMap<number, number> = new Map([
  [RECORD.hello, 256],
  [RECORD.welcome, 256],
  [RECORD.ready, 0],
  [RECORD.partial, 64],
  [RECORD.accepted, 16],
  [RECORD.answer, 1_000_000],
  [RECORD.floor, 8],
  [RECORD.offer, 64],
  [RECORD.data, 65_536],
  [RECORD.repeat, 16],
  [RECORD.done, 16],
  [RECORD.refused, 1_024],
  [RECORD.ask, 32_000],
  [RECORD.lacking, 125],
  [RECORD.turn, 0],
]);
const OPTIONAL_BYTES_MAX = 4_096;
/** After the bytes that the length of the largest record needs. */
const FACTOR_MAX = 128 ** 3;

/** The peer broke the protocol. The message says how; the trip ends. */
export class TripError extends Error {}

export const encodeVarint = (value: number): Uint8Array => Uint8Array.from(writeVarint(value));

export function encodeRecord(type: number, ...payload: readonly Uint8Array[]): Uint8Array {
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  if (length > (BYTES_MAX.get(type) ?? OPTIONAL_BYTES_MAX)) throw new RangeError(`record ${type} of ${length} bytes`);
  return Buffer.concat([Uint8Array.of(type), encodeVarint(length), ...payload]);
}

/** A whole record, or a piece of a DATA record. */
export interface RecordPart {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Cuts a stream of bytes into records, however it arrives. */
export class RecordReader {
  #type = 0;
  /** Bytes of the length that have come; undefined when the type has not. */
  #head: { length: number; factor: number } | undefined;
  #payload: { readonly bytes: Uint8Array; filled: number } | undefined;
  #dataLeft = 0;

  /** Whether the bytes so far end between two records. */
  get between(): boolean {
    return !this.#head && !this.#payload && this.#dataLeft === 0;
  }

  /** Throws TripError. */
  *push(bytes: Uint8Array): Generator<RecordPart> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#dataLeft > 0) {
        const payload = bytes.subarray(at, at + this.#dataLeft);
        this.#dataLeft -= payload.length;
        at += payload.length;
        yield { type: RECORD.data, payload };
      } else if (this.#payload) {
        at += this.#fill(this.#payload, bytes.subarray(at));
      } else {
        this.#headByte(bytes[at] ?? 0);
        at += 1;
      }
      const whole = this.#takeWhole();
      if (whole) yield whole;
    }
  }

  #headByte(byte: number): void {
    if (!this.#head) {
      this.#type = byte;
      this.#head = { length: 0, factor: 1 };
      if (byte < OPTIONAL_TYPES && !BYTES_MAX.has(byte)) throw new TripError(`there is no record type ${byte}`);
      return;
    }
    this.#head.length += (byte & 127) * this.#head.factor;
    this.#head.factor *= 128;
    // Zeros that go on for ever would grow the factor beyond all numbers, and the length would be none.
    if (this.#head.factor > FACTOR_MAX) throw new TripError('a length is written longer than it needs');
    if (byte === 0 && this.#head.factor > 128) throw new TripError('a length is written longer than it needs');
    if (this.#head.length > (BYTES_MAX.get(this.#type) ?? OPTIONAL_BYTES_MAX))
      throw new TripError(`record ${this.#type} claims more than it may have`);
    if (byte >= 128) return;
    const { length } = this.#head;
    this.#head = undefined;
    if (this.#type !== RECORD.data) this.#payload = { bytes: new Uint8Array(length), filled: 0 };
    else if (length === 0) throw new TripError('a DATA record is empty');
    else this.#dataLeft = length;
  }

  #fill(payload: { readonly bytes: Uint8Array; filled: number }, bytes: Uint8Array): number {
    const part = bytes.subarray(0, payload.bytes.length - payload.filled);
    payload.bytes.set(part, payload.filled);
    payload.filled += part.length;
    return part.length;
  }

  #takeWhole(): RecordPart | undefined {
    if (!this.#payload || this.#payload.filled < this.#payload.bytes.length) return undefined;
    const { bytes } = this.#payload;
    this.#payload = undefined;
    return { type: this.#type, payload: bytes };
  }
}

/** Reads the fields of one payload, in order, within its bounds. */
export class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;
  #short = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  get at(): number {
    return this.#at;
  }

  /** Whether a field went on past the end. */
  get short(): boolean {
    return this.#short;
  }

  bytes(length: number): Buffer {
    this.#short = length > this.left;
    if (this.#short) throw new TripError('a record is shorter than its fields');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.bytes(1)[0] ?? 0;
      value += (byte & 127) * factor;
      if (value > Number.MAX_SAFE_INTEGER || factor > 2 ** 49) throw new TripError('a number is too large');
      if (byte === 0 && factor > 1) throw new TripError('a number is written longer than it needs');
      if (byte < 128) return value;
    }
  }

  hex(length: number): string {
    return this.bytes(length).toString('hex');
  }

  text(bytesMax: number): string {
    const length = this.varint();
    if (length > bytesMax) throw new TripError(`a text is longer than ${bytesMax} bytes`);
    return this.bytes(length).toString('utf8');
  }

  /** Strict records have nothing after their fields. */
  end(): void {
    if (this.left > 0) throw new TripError('a record is longer than its fields');
  }
}

export function encodeText(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([encodeVarint(bytes.length), bytes]);
}
