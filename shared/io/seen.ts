/**
 * The memory of `accept`: a record says what was answered for a mail, and vouches for the files in which it was kept. It
 * is written once, between the writing of the files and their publication.
 *
 * `arrival` names a record: 32 hex digits of a SHA-256 over peer and id, and `-1`, `-2` … for the rounds in which
 * recipients were answered that had to wait before. Its key is sharded by the first two digits.
 */

import * as z from 'zod/mini';
import { parseEntryName } from '../core/entry.ts';
import { digest } from '../core/mail-id.ts';
import { arrivalOfMailbox } from '../core/mailbox-name.ts';
import type { Verdict } from '../core/verdict.ts';
import { readBody, textBody } from './body.ts';
import type { Arrival } from './mail.ts';
import { type Store, StoreError } from './store.ts';

/** Room for ten thousand long addresses and their answers. */
const SEEN_BYTES_MAX = 16_000_000;

/** Rounds that a file name has room for. */
export const ROUNDS_MAX = 999;

const RECORD = z.object({
  peer: z.string(),
  id: z.string(),
  /** Pairs, for a recipient may have any name, also one that means something to JavaScript. */
  answers: z.array(z.tuple([z.string(), z.enum(['K', 'D']), z.string()])),
  /** Every file that was made of the mail. */
  keys: z.array(z.string()),
  /** Written by fsck from the mail that was there: peer and id are not known. */
  rebuilt: z.optional(z.literal(true)),
  /** Unix seconds by a clock that can be trusted; set by expire.ts when it first finds the record old. */
  noticed: z.optional(z.number()),
});

export type SeenRecord = z.infer<typeof RECORD>;

/** The arrival's name in its round. */
export function arrivalName({ peer, id }: Pick<Arrival, 'peer' | 'id'>, round: number): string {
  const name = digest(['arrival', peer.name, id]).slice(0, 32);
  return round === 0 ? name : `${name}-${round}`;
}

export const SEEN = 'seen/';

export const seenKey = (arrival: string): string => `${SEEN}${arrival.slice(0, 2)}/${arrival}`;

/** Undefined when there is none. Throws StoreError, also for one that cannot be read. */
export async function readSeen(store: Store, key: string): Promise<SeenRecord | undefined> {
  const body = await store.get(key);
  if (!body) return undefined;
  const text = (await readBody(body, SEEN_BYTES_MAX)).toString();
  const record = z.safeParse(RECORD, parsed(text));
  if (!record.success) throw new StoreError(`${key} is damaged: 'fsck --repair' writes it anew, or moves it away`);
  return record.data;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** False when another process has written it first: then its word counts. */
export async function writeSeen(store: Store, key: string, record: SeenRecord): Promise<boolean> {
  const body = textBody(JSON.stringify(record));
  if (body.size > SEEN_BYTES_MAX) throw new StoreError(`${key} would have ${body.size} bytes: too many recipients`);
  if (store.create) return store.create(key, body);
  await store.put(key, body);
  return true;
}

export const answersOf = (record: SeenRecord): readonly (readonly [string, Verdict])[] =>
  record.answers.map(([recipient, letter, text]) => [recipient, { letter, text }]);

/** The arrival that a maildir file's name carries; undefined for a file that is not ours. */
export function arrivalOfKey(key: string): string | undefined {
  const name = key.slice(key.lastIndexOf('/') + 1);
  return parseEntryName(name)?.arrival ?? arrivalOfMailbox(name);
}

/** Whether a record names this very file: an attempt that was given up may have left files of the same arrival. */
export async function isVouchedFor(store: Store, key: string): Promise<boolean> {
  const arrival = arrivalOfKey(key);
  if (arrival === undefined) return false;
  const record = await readSeen(store, seenKey(arrival));
  return record?.keys.includes(key) ?? false;
}
