/**
 * What a command line and the serving hub say to each other while a command runs: one JSON object a line. One with `bytes`
 * is followed by so many bytes of a file, as they are.
 */

/** What is said, and the bytes that came with it. */
export interface Said<T> {
  readonly line: T;
  readonly bytes: Uint8Array;
}

export function encodeSaid(line: object, bytes?: Uint8Array): Buffer {
  const json = JSON.stringify(bytes ? { ...line, bytes: bytes.length } : line);
  return Buffer.concat([Buffer.from(`${json}\n`), bytes ?? Buffer.alloc(0)]);
}

const LINE_BYTES_MAX = 10_000_000;
const NEWLINE = 10;

/** Ends with the stream, and at what nobody can have said. */
export async function* readSaid<T extends object>(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Said<T>> {
  const pieces = new Pieces(stream);
  for (;;) {
    const line = parsed<T>((await pieces.take((bytes) => bytes.indexOf(NEWLINE) + 1)) ?? Buffer.alloc(0));
    if (!line) return;
    const size = 'bytes' in line ? Number(line.bytes) : 0;
    const bytes = size > 0 ? await pieces.take((held) => (held.length >= size ? size : 0)) : Buffer.alloc(0);
    if (!bytes) return;
    yield { line, bytes };
  }
}

function parsed<T extends object>(bytes: Buffer): T | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

class Pieces {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** As many bytes as `length` says of what is held; 0 asks for more. Undefined when no more comes. */
  async take(length: (held: Buffer) => number): Promise<Buffer | undefined> {
    for (;;) {
      const size = length(this.#held);
      if (size > 0) {
        const taken = this.#held.subarray(0, size);
        this.#held = this.#held.subarray(size);
        return taken;
      }
      const { value, done } = await this.#chunks.next();
      if (done || this.#held.length > LINE_BYTES_MAX) return undefined;
      this.#held = Buffer.concat([this.#held, value]);
    }
  }
}
