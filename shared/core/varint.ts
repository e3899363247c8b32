/** Unsigned LEB128: seven bits a byte, the lowest first. */

/** Bytes of `value`, a whole number from 0 to 2^53 - 1. */
export function writeVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return bytes;
}

/** The number at `start`, and where it ends. Throws when it is cut short or above 2^53 - 1. */
export function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  let unit = 1;
  for (let at = start; ; at++, unit *= 128) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error('a number is cut short');
    value += (byte & 127) * unit;
    if (value > Number.MAX_SAFE_INTEGER || at - start > 8) throw new Error('a number is too large');
    if (byte < 128) return { value, end: at + 1 };
  }
}
