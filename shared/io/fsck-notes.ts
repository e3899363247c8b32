/** The notes beside entries, as fsck sees them: each can be read, and has its mail. */
import type { Fsck, Kind } from './fsck.ts';
import { textOf } from './fsck-record.ts';
import { listEntries } from './maildir.ts';
import { NOTE_FAULT, noteKey, readNote, removeNote, salvageNote, writeNote } from './note.ts';
import { StoreError } from './store.ts';

const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);

/** Ids of notes that are looked for at once: one reading of the maildir for each so many. */
const NOTES_AT_ONCE = 50_000;

export function noteKind(fsck: Fsck, keys: RegExp): Kind {
  const sought = new Map<string, Set<string>>();
  const end = async (): Promise<void> => {
    for (const [maildir, ids] of sought) await tellOrphans(fsck, maildir, ids);
    sought.clear();
  };
  return {
    what: 'notes',
    keys,
    check: async (object, [, maildir = '']) => {
      const id = nameOf(object.key);
      await checkNote(fsck, maildir, id);
      if (!fsck.isSettled(object)) return;
      const ids = sought.get(maildir) ?? new Set();
      sought.set(maildir, ids.add(id));
      if (ids.size < NOTES_AT_ONCE) return;
      sought.delete(maildir);
      await tellOrphans(fsck, maildir, ids);
    },
    end,
  };
}

async function checkNote(fsck: Fsck, maildir: string, id: string): Promise<void> {
  const key = noteKey(maildir, id);
  try {
    await readNote(fsck.store, maildir, id);
  } catch (error) {
    if (!(error instanceof StoreError) || !error.message.includes(NOTE_FAULT)) throw error;
    const note = salvageNote((await textOf(fsck, key)) ?? '');
    const settled = Object.keys(note.settled).length;
    await fsck.found({
      weight: 'fault',
      key,
      text: 'a damaged note: its mail is held up',
      remedy: `written anew with what can be read of it (${settled} recipients who need nothing more); the others are tried again`,
      repair: async () => {
        await fsck.moveToLost(key, 'a damaged note');
        await writeNote(fsck.store, maildir, id, note);
      },
    });
  }
}

async function tellOrphans(fsck: Fsck, maildir: string, ids: Set<string>): Promise<void> {
  for (let after: string | undefined; ids.size > 0; ) {
    const page = await listEntries(fsck.store, maildir, after === undefined ? {} : { after });
    for (const { name } of page) ids.delete(name.id);
    after = page.at(-1)?.key;
    if (after === undefined) break;
  }
  for (const id of ids)
    await fsck.found({
      weight: 'note',
      key: noteKey(maildir, id),
      text: 'a note without its mail, which has gone on',
      remedy: 'removed',
      repair: () => removeNote(fsck.store, maildir, id),
    });
}
