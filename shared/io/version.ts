/** The program's own version, as the build has put it in; a program that runs from its sources has none. */
declare const FIELDPOST_VERSION: string | undefined;

export const VERSION = typeof FIELDPOST_VERSION === 'string' ? FIELDPOST_VERSION : '';

const NUMBERS = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})$/;

/** Of two versions such as `0.10.2`; false when either is none. */
export function isNewer(one: string, other: string): boolean {
  const [a, b] = [NUMBERS.exec(one)?.slice(1).map(Number), NUMBERS.exec(other)?.slice(1).map(Number)];
  if (!a || !b) return false;
  const at = a.findIndex((number, index) => number !== b[index]);
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0);
}
