/**
 * One at a time for each office, among all that chooses or moves the entries of its maildir: a trip that offers them, a
 * push, `user move`. Within this hub's process, which is enough: commands run inside the serving hub.
 */
import type { Hub } from './hub.ts';

const hubs = new WeakMap<Hub, Map<string, Promise<unknown>>>();

/** Runs `work` when all that came before it for this office has ended. */
export async function withOffice<T>(hub: Hub, name: string, work: () => Promise<T>): Promise<T> {
  const last = hubs.get(hub) ?? new Map<string, Promise<unknown>>();
  hubs.set(hub, last);
  const before = last.get(name) ?? Promise.resolve();
  const mine = before.then(work, work);
  last.set(name, mine);
  try {
    return await mine;
  } finally {
    if (last.get(name) === mine) last.delete(name);
  }
}
