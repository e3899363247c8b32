/**
 * One at a time for each office, among all that chooses or moves the entries of its maildir: a trip that offers them, a
 * push, `user move`. Within this process, which is enough: commands run inside the serving hub.
 */
const last = new Map<string, Promise<unknown>>();

/** Runs `work` when all that came before it for this office has ended. */
export async function withOffice<T>(name: string, work: () => Promise<T>): Promise<T> {
  const before = last.get(name) ?? Promise.resolve();
  const mine = before.then(work, work);
  last.set(name, mine);
  try {
    return await mine;
  } finally {
    if (last.get(name) === mine) last.delete(name);
  }
}
