/**
 * Netstrings: `5:hello,`. One strict reader for everything that uses them, because two readers drift apart: the length
 * has no leading zero and a bounded number of digits, and the comma stands exactly where the length says.
 */

/** Digits of a length: below what a number holds exactly. */
const DIGITS_MAX = 15;

const COMMA = 44;
const COLON = 58;
const ZERO = 48;
const NINE = 57;

export class NetstringError extends Error {}

/** `begin` and `end` enclose each netstring; `bytes` are its content, in pieces as they come. */
export type NetstringEvent =
  | { readonly type: 'begin'; readonly length: number }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'end' };

const END = { type: 'end' } as const;

/** Takes netstrings apart as their bytes come. It keeps no content, so a long netstring costs no memory. */
export class NetstringReader {
  #digits = 0;
  #length = 0;
  /** Bytes of content still to come; undefined while the length is read. */
  #left: number | undefined;

  /** Whether the bytes so far end where a netstring ends. */
  get between(): boolean {
    return this.#left === undefined && this.#digits === 0;
  }

  /**
   * Throws NetstringError at the first byte that no netstring has, after the events before it. The caller may change
   * its mind at any event: what follows is not yet read.
   */
  *receive(bytes: Uint8Array): Generator<NetstringEvent, void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left === undefined) {
        if (this.#readLength(bytes[at] as number)) yield { type: 'begin', length: this.#length };
        at += 1;
      } else if (this.#left > 0) {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        yield { type: 'bytes', bytes: piece };
      } else {
        if (bytes[at] !== COMMA) throw new NetstringError('no comma where a netstring ends');
        at += 1;
        this.#left = undefined;
        this.#digits = 0;
        yield END;
      }
    }
  }

  /** Whether the length is complete. */
  #readLength(byte: number): boolean {
    if (byte === COLON && this.#digits > 0) {
      this.#left = this.#length;
      return true;
    }
    if (byte < ZERO || byte > NINE) throw new NetstringError('a netstring begins with its length');
    if (this.#digits > 0 && this.#length === 0)
      throw new NetstringError('the length of a netstring has a leading zero');
    if (this.#digits === DIGITS_MAX) throw new NetstringError('the length of a netstring has too many digits');
    this.#length = (this.#digits === 0 ? 0 : this.#length) * 10 + (byte - ZERO);
    this.#digits += 1;
    return false;
  }
}

/** Collects the content of small netstrings. Content beyond `bytesMax` is counted and dropped. */
export class NetstringCollector {
  readonly #bytesMax: number;
  readonly #reader = new NetstringReader();
  #pieces: Uint8Array[] = [];
  #kept = 0;
  #length = 0;

  constructor({ bytesMax }: { readonly bytesMax: number }) {
    this.#bytesMax = bytesMax;
  }

  get between(): boolean {
    return this.#reader.between;
  }

  /** The netstrings completed by these bytes. `content` is cut at `bytesMax`; `length` is what it had. */
  *receive(bytes: Uint8Array): Generator<{ readonly content: Buffer; readonly length: number }, void> {
    for (const event of this.#reader.receive(bytes)) {
      if (event.type === 'begin') this.#length = event.length;
      else if (event.type === 'bytes') this.#keep(event.bytes);
      else yield this.#take();
    }
  }

  #keep(bytes: Uint8Array): void {
    const piece = bytes.subarray(0, this.#bytesMax - this.#kept);
    if (piece.length === 0) return;
    // A copy: a piece of a byte would keep alive the whole chunk that it came in.
    this.#pieces.push(Uint8Array.from(piece));
    this.#kept += piece.length;
  }

  #take(): { readonly content: Buffer; readonly length: number } {
    const content = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#kept = 0;
    return { content, length: this.#length };
  }
}

/** The content as a netstring. */
export function netstring(content: string | Uint8Array): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([Buffer.from(`${bytes.length}:`), bytes, Buffer.from(',')]);
}
