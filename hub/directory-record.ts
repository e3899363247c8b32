/** The directory's edits and snapshots as they stand in the store: JSON, checked when it is read. */

import * as z from 'zod/mini';
import { type Directory, SPAM_CHOICES } from '../shared/core/directory.ts';
import type { Edit } from '../shared/core/directory-edit.ts';
import { StoreError } from '../shared/io/store.ts';

/** Of an edit (an import of aliases is one) or a snapshot. */
export const RECORD_BYTES_MAX = 100_000_000;

const LIMITS = {
  mailBytesMax: z.int().check(z.minimum(0)),
  concurrency: z.int().check(z.minimum(1)),
  users: z.enum(['known', 'any']),
};
/** Later limits: records of before do not have them. */
const HOLD = z.int().check(z.minimum(0));
const SPAM = z.enum(SPAM_CHOICES);

const ALIAS = z.strictObject({ address: z.string(), targets: z.array(z.string()), owner: z.optional(z.string()) });

export const EDIT = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.literal('office.add'),
    office: z.string(),
    domains: z.array(z.string()),
    keyId: z.string().check(z.regex(/^[0-9a-f]{16}$/)),
  }),
  z.strictObject({ do: z.enum(['office.revoke', 'office.readmit', 'office.rekey']), office: z.string() }),
  z.strictObject({
    do: z.literal('office.limits'),
    office: z.string(),
    limits: z.partial(z.strictObject({ ...LIMITS, holdBytesMax: HOLD, plain: z.boolean(), spam: SPAM })),
  }),
  z.strictObject({ do: z.enum(['user.add', 'user.move']), address: z.string(), post: z.string() }),
  z.strictObject({ do: z.enum(['user.remove', 'alias.remove']), address: z.string() }),
  z.strictObject({ do: z.literal('alias.set'), aliases: z.array(ALIAS) }),
]);

export const SNAPSHOT = z.strictObject({
  version: z.int(),
  offices: z.array(
    z.strictObject({
      name: z.string(),
      domains: z.array(z.string()),
      keyId: z.string(),
      generation: z.int(),
      revoked: z.boolean(),
      limits: z.strictObject({
        ...LIMITS,
        holdBytesMax: z._default(HOLD, 0),
        plain: z._default(z.boolean(), false),
        spam: z._default(SPAM, 'mark'),
      }),
    }),
  ),
  users: z.array(z.tuple([z.string(), z.string()])),
  aliases: z.array(ALIAS),
});

export const encodeEdit = (edit: Edit): string => JSON.stringify(edit);

/** Throws StoreError that names the key. */
export const decodeEdit = (key: string, bytes: Buffer): Edit => decode(key, bytes, EDIT);

export function encodeSnapshot({ version, offices, users, aliases }: Directory): string {
  const record: z.infer<typeof SNAPSHOT> = {
    version,
    offices: [...offices.values()].map((office) => ({ ...office, domains: [...office.domains] })),
    users: [...users],
    aliases: [...aliases].map(([address, { targets, owner }]) => ({ address, targets: [...targets], owner })),
  };
  return JSON.stringify(record);
}

/** Throws StoreError that names the key. */
export function decodeSnapshot(key: string, bytes: Buffer): Omit<Directory, 'domain' | 'hubDomains'> {
  const { version, offices, users, aliases } = decode(key, bytes, SNAPSHOT);
  return {
    version,
    offices: new Map(offices.map((office) => [office.name, office])),
    users: new Map(users),
    aliases: new Map(
      aliases.map(({ address, targets, owner }) => [address, owner === undefined ? { targets } : { targets, owner }]),
    ),
  };
}

function decode<T extends z.core.$ZodType>(key: string, bytes: Buffer, schema: T): z.core.output<T> {
  const result = z.safeParse(schema, parsed(bytes));
  if (result.success) return result.data;
  throw new StoreError(
    `${key} is damaged, or was written by a newer version of the hub: put it back from a backup, or use that version`,
  );
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
