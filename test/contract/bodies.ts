/** Bodies for the contract: made as they are read, so that none is ever whole in memory. */
import { createHash } from 'node:crypto';
import type { Body } from '../../shared/io/body.ts';

const PIECE = Buffer.from(Array.from({ length: 65_536 }, (_, n) => (n * 7 + (n >> 8)) % 251));

/** `size` bytes in which every 64 KB piece differs from the others. */
export function longBody(size: number, salt = 0): Body {
  return {
    size,
    async *read(start = 0, end = size) {
      for (let at = start; at < end; ) {
        const piece = pieceAt(Math.floor(at / PIECE.length), salt);
        const from = at % PIECE.length;
        const part = piece.subarray(from, Math.min(PIECE.length, from + end - at));
        yield part;
        at += part.length;
      }
    },
  };
}

function pieceAt(number: number, salt: number): Buffer {
  const piece = Buffer.from(PIECE);
  piece.writeUInt32BE(number, 0);
  piece.writeUInt32BE(salt, 4);
  return piece;
}

/** Gives up after half of its bytes, as a body does whose source goes away. */
export function brokenBody(size: number): Body {
  const whole = longBody(size);
  return {
    size,
    async *read() {
      yield* whole.read(0, Math.floor(size / 2));
      throw new Error('the source of the body went away');
    },
  };
}

export async function hashOf(body: Body, each: () => void = () => {}): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body.read()) {
    hash.update(chunk);
    each();
  }
  return hash.digest('hex');
}
