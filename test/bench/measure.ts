/** One case with one peer: sets both ends up, calls until everything has arrived or nothing moves any more, and counts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Case } from './cases.ts';
import type { Peer, PeerSite } from './peer.ts';
import { type Tally, tally } from './tally.ts';

/** Calls in a row after which nothing more has arrived: it never will. */
const IDLE_CALLS_MAX = 60;
const CALLS_MAX = 1_000;
const SECONDS_MAX = 1_200;

export interface Outcome extends Tally {
  readonly finished: boolean;
  readonly bytes: number;
  readonly connections: number;
  readonly turns: number;
  readonly seconds: number;
  /** Of runs that were cut at different points: how many brought a mail twice, or lost one. */
  readonly runs?: { readonly all: number; readonly twice: number; readonly lost: number };
}

/** Both ends anew, with nothing remembered. */
async function withSite<T>(peer: Peer, use: (site: PeerSite) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  try {
    const site = await peer.open(folder);
    try {
      return await use(site);
    } finally {
      await site.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Calls until the queue is empty; false when that does not get on. */
async function carry(site: PeerSite): Promise<boolean> {
  const started = performance.now();
  let [arrived, best, idle] = [-1, -1, 0];
  for (let calls = 0; calls < CALLS_MAX && performance.now() - started < SECONDS_MAX * 1_000; calls += 1) {
    if ((await site.call()) && (await site.isEmpty())) return true;
    const count = (await site.delivered()).length;
    // What is delivered leaves the files in part, so these begin anew.
    if (count > arrived) best = -1;
    const advance = (await site.advance?.()) ?? 0;
    idle = count > arrived || advance > best ? 0 : idle + 1;
    [arrived, best] = [Math.max(count, arrived), Math.max(best, advance)];
    if (idle === IDLE_CALLS_MAX) return false;
  }
  return false;
}

export const measure = (peer: Peer, one: Case): Promise<Outcome> =>
  one.cutPoints ? cutEverywhere(peer, one, one.cutPoints) : withSite(peer, (site) => count(site, one));

async function count(site: PeerSite, { before = [], syncs, cutEvery, pace, people = 1 }: Case): Promise<Outcome> {
  const { proxy } = site;
  // A call of its own makes acquaintance; a first contact is one without it.
  if (before.length > 0) {
    await site.post(before, 1);
    if (!(await carry(site))) throw new Error('what comes before the case did not get through');
  }
  const had = await site.delivered();
  const { bytesUp, bytesDown, connections, turns } = proxy;
  const started = performance.now();
  proxy.every = cutEvery ?? Number.POSITIVE_INFINITY;
  proxy.pace = pace;
  let finished = true;
  for (const mails of syncs) {
    await site.post(mails, people);
    finished &&= await carry(site);
  }
  const seconds = (performance.now() - started) / 1_000;
  const [sent, arrived] = [[...before, ...syncs.flat()], await site.delivered()];
  // Of several people of one office each has a copy, or the other side has one mail for all of them.
  const copies = arrived.length > had.length + syncs.flat().length && people > 1 ? people : 1;
  return {
    finished,
    bytes: proxy.bytesUp + proxy.bytesDown - bytesUp - bytesDown,
    connections: proxy.connections - connections,
    turns: proxy.turns - turns,
    seconds,
    ...tally(sent, arrived, copies),
  };
}

async function cutEverywhere(peer: Peer, one: Case, points: number): Promise<Outcome> {
  const whole = await withSite(peer, (site) => count(site, one));
  const runs = { all: points, twice: 0, lost: 0 };
  let strange = 0;
  for (let point = 1; point <= points; point += 1) {
    const cutAt = Math.max(1, Math.round((whole.bytes * point) / (points + 1)));
    const result = await withSite(peer, async (site) => {
      await site.post(one.syncs.flat(), 1);
      site.proxy.every = cutAt;
      await site.call();
      site.proxy.up();
      await carry(site);
      return tally(one.syncs.flat(), await site.delivered());
    });
    if (result.twice > 0) runs.twice += 1;
    if (result.lost > 0) runs.lost += 1;
    strange += result.strange;
  }
  return { ...whole, strange, runs };
}
