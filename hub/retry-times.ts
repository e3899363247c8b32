/** When a mail that could not be sent is tried again: as qmail does, less and less often the older it is. */

/** qmail's skip for remote mail, in seconds under the root. */
const SKIP = 20;

/** 400 s, 1600 s, 3600 s … after the mail came; about a day apart after a week. All in Unix seconds. */
export function nextTry(accepted: number, now: number): number {
  const age = Math.max(0, now - accepted);
  return accepted + Math.floor((Math.sqrt(age) + SKIP) ** 2);
}
