/** Small records of a store, as fsck sees them: whole, damaged, or written by a newer version of the program. */
import type * as z from 'zod/mini';
import { safeParse } from 'zod/mini';
import { readBody } from './body.ts';
import type { Fsck, Kind } from './fsck.ts';

export type RecordFault = 'damaged' | 'newer';

const RECORD_BYTES_MAX = 100_000_000;

/** What is wrong with the bytes of a JSON record; undefined: nothing. Fields that nobody here knows are a newer version's. */
export function recordFault(schema: z.core.$ZodType, text: string): RecordFault | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'damaged';
  }
  const { success, error } = safeParse(schema as z.ZodMiniType, value);
  if (success) return undefined;
  return error.issues.every(({ code }) => code === 'unrecognized_keys') ? 'newer' : 'damaged';
}

/** The text of an object; undefined when it has gone meanwhile. */
export async function textOf({ store }: Fsck, key: string): Promise<string | undefined> {
  const body = await store.get(key);
  return body && (await readBody(body, RECORD_BYTES_MAX)).toString();
}

/** A record that can be done without: `means` says what that means. */
export const recordKind = (
  fsck: Fsck,
  { what, keys, schema, means }: { what: string; keys: RegExp; schema: z.core.$ZodType; means: string },
): Kind => ({
  what,
  keys,
  check: async ({ key }) => {
    const text = await textOf(fsck, key);
    const fault = text === undefined ? undefined : recordFault(schema, text);
    if (fault === 'newer') await foundNewer(fsck, key);
    else if (fault) await fsck.lost({ key, text: 'damaged: it cannot be read', means });
  },
});

export const foundNewer = (fsck: Fsck, key: string): Promise<void> =>
  fsck.found({ weight: 'fault', key, text: 'written by a newer version of this program: use that version' });
