/**
 * A mail as POP3 sends it: each LF as CRLF, a dot before a line that begins with one, a line with a dot alone after the last.
 * Nothing else is changed; a mail that does not end in a line end gets one, for the form cannot say that it has none.
 */
const CR = 13;
const LF = 10;
const DOT = 46;

export class Pop3Text {
  #linesLeft: number;
  #inHeader = true;
  /** Bytes of the line so far, a CR at its start apart. */
  #inLine = 0;
  #atStart = true;

  /** `bodyLines`: all of the header, the empty line, and so many lines of the body (TOP). */
  constructor(bodyLines = Number.POSITIVE_INFINITY) {
    this.#linesLeft = bodyLines;
  }

  /** All that was asked for has been written. */
  get full(): boolean {
    return !this.#inHeader && this.#linesLeft <= 0;
  }

  /** The wire form of the next bytes; a new array. */
  write(chunk: Uint8Array): Uint8Array {
    const out = new Uint8Array(chunk.length * 2);
    let length = 0;
    for (const byte of chunk) {
      if (this.full) break;
      if (this.#atStart && byte === DOT) out[length++] = DOT;
      if (byte === LF) out[length++] = CR;
      out[length++] = byte;
      this.#count(byte);
    }
    return out.subarray(0, length);
  }

  end(): Uint8Array {
    return Buffer.from(this.#atStart ? '.\r\n' : '\r\n.\r\n');
  }

  #count(byte: number): void {
    this.#atStart = byte === LF;
    if (byte !== LF) {
      if (byte !== CR) this.#inLine += 1;
      return;
    }
    if (!this.#inHeader) this.#linesLeft -= 1;
    else if (this.#inLine === 0) this.#inHeader = false;
    this.#inLine = 0;
  }
}

/** Counts the octets that a mail has on the wire, without stuffed dots. */
export class Pop3Size {
  #size = 0;
  #last = LF;

  write(chunk: Uint8Array): void {
    for (const byte of chunk) this.#size += byte === LF ? 2 : 1;
    this.#last = chunk.at(-1) ?? this.#last;
  }

  get size(): number {
    return this.#size + (this.#last === LF ? 0 : 2);
  }
}
