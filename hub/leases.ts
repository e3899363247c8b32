/**
 * Leases: what one hub at a time may do. `lease/<what>/<n>` says who has it; it is taken by making n+1, and free again when
 * a record says so or its hub has had its last word (hub/hub-record.ts). The number is a fence: what a holder writes under
 * its number, nobody mistakes for the word of a later one.
 */
import * as z from 'zod/mini';
import { readBody, textBody } from '../shared/io/body.ts';
import { type Store, StoreError } from '../shared/io/store.ts';
import { numbered, numberOf } from './hub-record.ts';

const RECORD = z.object({ hub: z.string(), free: z.optional(z.boolean()) });
const RECORD_BYTES_MAX = 10_000;

/** Another hub has it in hand. */
export class HeldElsewhere extends StoreError {}

/** A lease of this hub; several parts of it may work under one. */
export interface Held {
  readonly what: string;
  readonly number: number;
  /** Aborted when it is lost. */
  readonly lost: AbortController;
  users: number;
}

interface Found {
  readonly number: number;
  readonly hub?: string;
}

/** Records that stay, for whoever sees a listing that is a moment behind: they are taken, so nobody makes them anew. */
const KEPT = 8;

const folder = (what: string): string => `lease/${what}/`;

/** Who holds it by the newest record; no hub when it is free. */
async function look(store: Store, what: string): Promise<Found> {
  const key = (await store.list(folder(what))).at(-1)?.key;
  if (key === undefined) return { number: 0 };
  const body = await store.get(key);
  // Cleared away meanwhile, so there is a newer one.
  if (!body) return look(store, what);
  const record = RECORD.parse(JSON.parse((await readBody(body, RECORD_BYTES_MAX)).toString()));
  return record.free ? { number: numberOf(key) } : { number: numberOf(key), hub: record.hub };
}

export interface Taker {
  readonly hub: string;
  isGone(hub: string): Promise<boolean>;
}

/** Takes it if it is free; answers its number, or undefined. */
export async function takeLease(store: Store, what: string, { hub, isGone }: Taker): Promise<number | undefined> {
  const found = await look(store, what);
  if (found.hub !== undefined && found.hub !== hub && !(await isGone(found.hub))) return undefined;
  const number = found.number + 1;
  await store.create?.(numbered(folder(what), number), textBody(JSON.stringify({ hub })));
  // Also where the answer was lost, and where a number that was cleared away long ago was made anew.
  const now = await look(store, what);
  if (now.number !== number || now.hub !== hub) return undefined;
  for (const { key } of await store.list(folder(what))) if (numberOf(key) < number - KEPT) await store.remove(key);
  return number;
}

/** Frees what a hub has by the record alone: the answer to its taking or giving back was lost, so it knows of none. */
export async function disownLease(store: Store, what: string, hub: string): Promise<void> {
  const { number, hub: holder } = await look(store, what);
  if (holder === hub) await freeLease(store, { what, number }, hub);
}

/** Not made where another hub has taken it already. */
export async function freeLease(
  store: Store,
  { what, number }: Pick<Held, 'what' | 'number'>,
  hub: string,
): Promise<void> {
  const record = JSON.stringify({ hub, free: true });
  await store.create?.(numbered(folder(what), number + 1), textBody(record));
}
