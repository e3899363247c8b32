/**
 * What each hub on a store says of itself, `hub/<id>/<n>`: a number more at each beat, made with `create`. So the same call that
 * tells others that a hub is alive is the one by which they shut it out: who makes the next number has the say. A record
 * that says `gone` is the last one of its hub.
 */
import * as z from 'zod/mini';
import { readBody, textBody } from '../shared/io/body.ts';
import { type Listed, type Store, StoreError } from '../shared/io/store.ts';

const RECORD = z.object({
  /** Machine and process, for people. */
  name: z.string(),
  /** Of the process (shared/io/writer.ts). */
  writer: z.string(),
  /** Unix seconds by that hub's clock, for people. */
  since: z.number(),
  /** The newest edit of the directory that it works with. */
  directory: z.number(),
  /** Leases that it holds, and those of others that it waits for. */
  holds: z.array(z.string()),
  wants: z.array(z.string()),
  /** Offices that are on line there. */
  onLine: z.array(z.string()),
  /** What it has published lately: number, maildir, key. */
  told: z.array(z.tuple([z.number(), z.string(), z.optional(z.string())])),
});
export type HubRecord = z.infer<typeof RECORD>;

const GONE = z.object({ gone: z.literal(true) });
const LAST_WORD = JSON.stringify({ gone: true });
const RECORD_BYTES_MAX = 1_000_000;

const HUBS = 'hub/';

/** `prefix` and a number, so that a listing has them in order. */
export const numbered = (prefix: string, number: number): string => `${prefix}${String(number).padStart(12, '0')}`;
export const numberOf = (key: string): number => Number(key.slice(key.lastIndexOf('/') + 1));

const recordKey = (id: string, number: number): string => numbered(`${HUBS}${id}/`, number);
const idOfKey = (key: string): string => key.slice(HUBS.length, key.indexOf('/', HUBS.length));

/** `gone` for a hub that has had its last word; undefined when there is no such record. */
export async function readHubRecord(store: Store, id: string, number: number): Promise<HubRecord | 'gone' | undefined> {
  const key = recordKey(id, number);
  const body = await store.get(key);
  if (!body) return undefined;
  const json = JSON.parse((await readBody(body, RECORD_BYTES_MAX)).toString());
  if (z.safeParse(GONE, json).success) return 'gone';
  const record = z.safeParse(RECORD, json);
  if (!record.success) throw new StoreError(`${key} was written by another version of the hub: use one version on all`);
  return record.data;
}

/** Whether this caller made it. Where the store cannot say, there is one hub alone, and it does. */
export async function makeHubRecord(
  store: Store,
  { id, number }: { readonly id: string; readonly number: number },
  record: HubRecord | 'gone',
): Promise<boolean> {
  const key = recordKey(id, number);
  const body = textBody(record === 'gone' ? LAST_WORD : JSON.stringify(record));
  if (store.create) return store.create(key, body);
  await store.put(key, body);
  return true;
}

/** Others may be some beats behind. */
const KEPT = 8;

/** What nobody needs any more beside that number. */
export async function clearHubRecords(
  store: Store,
  { id, number }: { readonly id: string; readonly number: number },
  kept = KEPT,
): Promise<void> {
  if (kept > 0 && number <= kept) return;
  if (kept > 0) return store.remove(recordKey(id, number - kept));
  for (const { key } of await store.list(`${HUBS}${id}/`)) if (numberOf(key) < number) await store.remove(key);
}

export const removeHubRecord = (store: Store, id: string, number: number): Promise<void> =>
  store.remove(recordKey(id, number));

/** The newest record of each hub. */
export async function listHubs(store: Store): Promise<ReadonlyMap<string, Listed>> {
  const newest = new Map<string, Listed>();
  for (const listed of await store.list(HUBS)) newest.set(idOfKey(listed.key), listed);
  return newest;
}
