/**
 * What an office has taken is kept for `keep_delivered`, by day, so that a laptop that is replaced or comes back from a
 * backup can be given what it lacks. The originals of plain versions are kept as long, apart: nobody lacks them.
 */

import { parseEntryName } from '../shared/core/entry.ts';
import { ASK_MAX } from '../shared/core/trip-message.ts';
import type { Entry } from '../shared/io/maildir.ts';
import type { Restore } from '../shared/io/trip-side.ts';
import type { Hub } from './hub.ts';

const DAY_SECONDS = 86_400;

const folder = (office: string): string => `office/${office}/delivered/`;
const originals = (office: string): string => `office/${office}/originals/`;
const dayKey = (day: number): string => String(day).padStart(6, '0');
const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);

/** Keeps a copy; the entry itself is removed after. */
export async function keepDelivered(hub: Hub, office: string, entry: Entry): Promise<void> {
  await keep(hub, folder(office), entry);
}

/** The same for one whose plain version goes instead; answers its key. */
export const keepOriginal = (hub: Hub, office: string, entry: Entry): Promise<string> =>
  keep(hub, originals(office), entry);

async function keep(hub: Hub, prefix: string, { key }: Entry): Promise<string> {
  const whole = await hub.store.get(key);
  const kept = `${prefix}${dayKey(Math.floor(hub.now() / DAY_SECONDS))}/${nameOf(key)}`;
  if (whole) await hub.store.put(kept, whole);
  return kept;
}

/** The key of an entry among what waits, wherever it is now. */
export const waitingKey = (office: string, key: string): string => `office/${office}/new/${nameOf(key)}`;

const PAGE = 200;

/** When each office's was looked through, by hub and office: a listing costs money on a bucket. */
const looked = new WeakMap<Hub, Map<string, number>>();

/** Removes what has been kept long enough, by the hub's clock: a page at most, and once a day when that is enough. */
export async function forgetDelivered(hub: Hub, office: string): Promise<void> {
  const days = looked.get(hub) ?? new Map<string, number>();
  looked.set(hub, days);
  const today = Math.floor(hub.now() / DAY_SECONDS);
  if (days.get(office) === today) return;
  const removed = [await forgetOld(hub, folder(office)), await forgetOld(hub, originals(office))];
  if (Math.max(...removed) < PAGE) days.set(office, today);
}

async function forgetOld(hub: Hub, prefix: string): Promise<number> {
  const limit = `${prefix}${dayKey(Math.floor((hub.now() - hub.config.keep_delivered) / DAY_SECONDS))}`;
  const old = (await hub.store.list(prefix, { limit: PAGE })).filter(({ key }) => key < limit);
  for (const { key } of old) await hub.store.remove(key);
  return old.length;
}

export interface RestoreOptions {
  readonly office: string;
  /** The key to go on after; empty: from the start. */
  readonly from: string;
  /** Called when all up to `key` has been dealt with; without a key when there is no more. */
  reached(key: string | undefined): void;
}

/** Goes through what was delivered; what the office lacks waits for it again. */
export function restoreDelivered(hub: Hub, { office, from, reached }: RestoreOptions): Restore {
  let after = from;
  let page: readonly string[] = [];
  return {
    next: async () => {
      const listed = await hub.store.list(folder(office), { ...(after ? { after } : {}), limit: ASK_MAX });
      page = listed.map(({ key }) => key).filter((key) => parseEntryName(nameOf(key)));
      after = listed.at(-1)?.key ?? after;
      if (page.length === 0) reached(undefined);
      return page.map((key) => parseEntryName(nameOf(key))?.id ?? '');
    },
    lacks: async (ids) => {
      const lacking = new Set(ids);
      for (const key of page) {
        const body = lacking.has(parseEntryName(nameOf(key))?.id ?? '') ? await hub.store.get(key) : undefined;
        if (body) await hub.store.put(`office/${office}/new/${nameOf(key)}`, body);
      }
      reached(after);
    },
  };
}
