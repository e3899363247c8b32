/**
 * What a token stands for: who may ask for which mail, `office/NAME/held/<token>`. The token is made of the mail, the
 * recipients and the hub's secret; a record that somebody has put there by hand does not fit its name.
 */
import { createHmac } from 'node:crypto';
import * as z from 'zod/mini';
import { digest } from '../shared/core/mail-id.ts';
import { readBody, textBody } from '../shared/io/body.ts';
import { type Entry, readEntry } from '../shared/io/maildir.ts';
import type { Store } from '../shared/io/store.ts';
import { sweepStep } from '../shared/io/sweep.ts';
import type { Hub } from './hub.ts';
import { deriveHeldKey } from './office-key.ts';

export const HELD_RECORD = z.object({
  /** Id and key of the entry. */
  id: z.string(),
  key: z.string(),
  /** Who may ask with it. */
  recipients: z.array(z.string()),
});
export type HeldRecord = z.infer<typeof HELD_RECORD>;

export interface HeldFor {
  readonly office: string;
  readonly id: string;
  readonly recipients: readonly string[];
}

/** 100 bits in base32. */
const TOKEN_CHARACTERS = 20;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

export function heldTokenOf({ secret }: Pick<Hub, 'secret'>, { office, id, recipients }: HeldFor): string {
  const mac = createHmac('sha256', deriveHeldKey(secret))
    .update(digest([office, id, ...recipients]))
    .digest();
  return [...mac.subarray(0, TOKEN_CHARACTERS)].map((byte) => BASE32[byte & 31]).join('');
}

export const heldFolder = (office: string): string => `office/${office}/held/`;

export async function writeHeld(hub: Hub, office: string, record: HeldRecord): Promise<string> {
  const token = heldTokenOf(hub, { office, ...record });
  await hub.store.put(`${heldFolder(office)}${token}`, textBody(JSON.stringify(record)));
  return token;
}

/** The recipient and the entry that a token of this office stands for; undefined when it stands for none, or none any more. */
export async function openHeld(
  hub: Hub,
  office: string,
  token: string,
): Promise<{ readonly recipients: readonly string[]; readonly entry: Entry } | undefined> {
  const record = await readRecord(hub.store, `${heldFolder(office)}${token}`);
  if (!record || heldTokenOf(hub, { office, ...record }) !== token) return undefined;
  // The original of a plain version is no longer among what waits; the hub has put it where it is.
  const entry = await readEntry(hub.store, record.key);
  return entry && { recipients: record.recipients, entry };
}

/** Forgets tokens whose mail is gone: a thousand a call are looked at, the next ones in the next. */
export async function dropGoneHeld({ store }: Hub, office: string): Promise<void> {
  await sweepStep(store, heldFolder(office), async ({ key }) => {
    const record = await readRecord(store, key);
    if (!record || !(await store.get(record.key))) await store.remove(key);
  });
}

/** Undefined when there is none, or when it cannot be read. */
async function readRecord(store: Store, key: string): Promise<HeldRecord | undefined> {
  const body = await store.get(key);
  if (!body) return undefined;
  try {
    return HELD_RECORD.safeParse(JSON.parse((await readBody(body)).toString())).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
