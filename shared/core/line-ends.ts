/**
 * Line ends: LF at rest, CRLF on the wire of SMTP and POP3. Both classes take chunks cut anywhere.
 *
 * A CR without its LF, or an LF without its CR, has no exact form at rest and is how mails are smuggled past a
 * server (CVE-2023-51764 and its kin), so what comes in by SMTP must not hold one: `fault` tells. Nor may it hold a NUL
 * (RFC 6152 leaves NUL out of 8-bit mail): it could not go out by SMTP again.
 */
const NUL = 0;
const CR = 13;
const LF = 10;

type LineFault = 'a CR without LF' | 'an LF without CR' | 'a NUL';

/** CRLF becomes LF. Bare ones stay as they are, and are a fault; so is a NUL. */
export class CrlfToLf {
  #heldCr = false;
  #fault: LineFault | undefined;

  /** Why the text is none that SMTP carries; known for sure after `end`. */
  get fault(): LineFault | undefined {
    return this.#fault;
  }

  /** The next bytes in LF form. They are a new array. */
  write(chunk: Uint8Array): Uint8Array {
    const out = new Uint8Array(chunk.length + 1);
    let length = 0;
    for (const byte of chunk) {
      if (this.#heldCr && byte !== LF) {
        out[length++] = CR;
        this.#fault ??= 'a CR without LF';
      } else if (byte === LF && !this.#heldCr) this.#fault ??= 'an LF without CR';
      else if (byte === NUL) this.#fault ??= 'a NUL';
      this.#heldCr = byte === CR;
      if (byte !== CR) out[length++] = byte;
    }
    return out.subarray(0, length);
  }

  /** What was held back, at the end of the text. */
  end(): Uint8Array {
    if (!this.#heldCr) return new Uint8Array();
    this.#heldCr = false;
    this.#fault ??= 'a CR without LF';
    return Uint8Array.of(CR);
  }
}

/** Every LF becomes CRLF, and nothing else is changed. */
export function lfToCrlf(chunk: Uint8Array): Uint8Array {
  const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let end = buffer.indexOf(LF); end >= 0; end = buffer.indexOf(LF, start)) {
    parts.push(buffer.subarray(start, end), CRLF);
    start = end + 1;
  }
  return parts.length === 0 ? chunk : Buffer.concat([...parts, buffer.subarray(start)]);
}

const CRLF = Uint8Array.of(CR, LF);
