/** What was changed in the directory, and when: a record for each edit, beside the log of edits itself. */
import * as z from 'zod/mini';
import type { Edit } from '../shared/core/directory-edit.ts';
import { readBody, textBody } from '../shared/io/body.ts';
import type { Store } from '../shared/io/store.ts';
import { decodeEdit, encodeEdit } from './directory-record.ts';
import type { LiveDirectory } from './live-directory.ts';

export interface Change {
  /** Unix seconds. */
  readonly time: number;
  readonly edit: Edit;
}

const PREFIX = 'audit/';
/** Counts down, so that a listing begins with the newest. */
const LAST = 9_999_999_999;
const keyOf = (version: number): string => `${PREFIX}${String(LAST - version).padStart(10, '0')}`;
export const CHANGE = z.object({ time: z.number(), edit: z.string() });
const RECORD_BYTES_MAX = 100_000_000;

/** The directory, of which each edit is noted. */
export function audited(directory: LiveDirectory, { store, now }: { store: Store; now(): number }): LiveDirectory {
  return {
    get current() {
      return directory.current;
    },
    office: (name) => directory.office(name),
    officeOfKey: (keyId) => directory.officeOfKey(keyId),
    refresh: () => directory.refresh(),
    publicAt: (hash) => directory.publicAt(hash),
    edit: async (edit) => {
      const before = directory.current.version;
      const after = await directory.edit(edit);
      if (after.version > before)
        await store.put(keyOf(after.version), textBody(JSON.stringify({ time: now(), edit: encodeEdit(edit) })));
      return after;
    },
  };
}

/** The newest first. */
export async function recentChanges(store: Store, limit: number): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (const { key } of await store.list(PREFIX, { limit })) {
    const body = await store.get(key);
    if (!body) continue;
    const { time, edit } = CHANGE.parse(JSON.parse((await readBody(body, RECORD_BYTES_MAX)).toString()));
    changes.push({ time, edit: decodeEdit(key, Buffer.from(edit)) });
  }
  return changes;
}

/** In the words of the command that did it. */
export function changeText({ edit }: Change): string {
  switch (edit.do) {
    case 'office.add':
      return `office add ${edit.office} (${edit.domains.join(', ')})`;
    case 'office.limits':
      return `office limits ${edit.office} ${JSON.stringify(edit.limits)}`;
    case 'user.add':
    case 'user.move':
      return `${edit.do.replace('.', ' ')} ${edit.address} ${edit.post}`;
    case 'user.remove':
    case 'alias.remove':
      return `${edit.do.replace('.', ' ')} ${edit.address}`;
    case 'alias.set':
      return edit.aliases.length === 1
        ? `alias set ${edit.aliases[0]?.address} ${edit.aliases[0]?.targets.join(' ')}`
        : `alias import (${edit.aliases.length} aliases)`;
    default:
      return `${edit.do.replace('.', ' ')} ${edit.office}`;
  }
}
