/** The ways in which bytes may reach a parser: whatever is true of one must be true of all. */

/** Whole, byte by byte, and cut at every place. */
export function* ways(bytes: Uint8Array): Generator<readonly Uint8Array[]> {
  yield [bytes];
  yield Array.from(bytes, (byte) => Uint8Array.of(byte));
  if (bytes.length > 2_000) return;
  for (let at = 1; at < bytes.length; at += 1) yield [bytes.subarray(0, at), bytes.subarray(at)];
}
