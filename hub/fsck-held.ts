/** Held mail and its tokens, as fsck sees them: a mail that is said to be held can be asked for, and a token is of this hub. */
import { basename } from 'node:path/posix';
import type { Fsck, Kind } from '../shared/io/fsck.ts';
import { recordFault, textOf } from '../shared/io/fsck-record.ts';
import { listEntries, openEntry } from '../shared/io/maildir.ts';
import { readNote, writeNote } from '../shared/io/note.ts';
import { HELD_RECORD, type HeldRecord, heldFolder, heldTokenOf } from './held-record.ts';
import { HOLD_BYTES_MIN, TOLD_MAX, waitingOf } from './hold.ts';

export interface HeldOptions {
  /** Undefined when it cannot be read. */
  readonly secret: Uint8Array | undefined;
  readonly secretFile: string;
}

export function heldKind(fsck: Fsck, { secret, secretFile }: HeldOptions): Kind {
  let foreign = 0;
  return {
    what: 'tokens of held mail',
    keys: /^office\/([a-z0-9-]{1,32})\/held\/[a-z2-7]{20}$/,
    check: async (object, [, office = '']) => {
      const { key } = object;
      const text = await textOf(fsck, key);
      if (text === undefined) return;
      if (recordFault(HELD_RECORD, text))
        return fsck.lost({
          key,
          text: 'a damaged token: its mail cannot be asked for',
          means: 'the next call of the office makes it anew',
        });
      const record = JSON.parse(text) as HeldRecord;
      if (secret && heldTokenOf({ secret }, { office, ...record }) !== basename(key)) foreign += 1;
      if (fsck.isSettled(object) && !(await fsck.store.get(record.key)))
        await fsck.found({ weight: 'note', key, text: 'a token whose mail is gone; the hub clears it away' });
    },
    end: async () => {
      if (foreign === 0) return;
      await fsck.found({
        weight: 'fault',
        key: secretFile,
        text: `not the secret that this hub had: ${foreign} tokens were made with another, and the offices' keys as well; put back your copy of it`,
      });
    },
  };
}

/** Mails whose note says that their recipients have a summary: each of these must be able to ask. */
export async function checkHeldMails(fsck: Fsck, secret: Uint8Array, offices: Iterable<string>): Promise<void> {
  for (const office of offices) {
    for (let after: string | undefined; ; ) {
      const page = await listEntries(fsck.store, `office/${office}`, after === undefined ? {} : { after });
      for (const { key, size, name } of page)
        if (size >= HOLD_BYTES_MIN) await checkHeldMail(fsck, secret, { office, key, id: name.id });
      after = page.at(-1)?.key;
      if (after === undefined) break;
    }
  }
}

async function checkHeldMail(
  fsck: Fsck,
  secret: Uint8Array,
  { office, key, id }: { readonly office: string; readonly key: string; readonly id: string },
): Promise<void> {
  const note = await readNote(fsck.store, `office/${office}`, id).catch(() => undefined);
  if (!note?.held) return;
  const entry = await openEntry(fsck.store, key).catch(() => undefined);
  if (!entry) return;
  for (const recipient of waitingOf(entry, note.settled).slice(0, TOLD_MAX)) {
    const token = heldTokenOf({ secret }, { office, id, recipients: [recipient] });
    if (await fsck.store.get(`${heldFolder(office)}${token}`)) continue;
    return fsck.found({
      weight: 'fault',
      key,
      text: `a held mail that ${recipient} cannot ask for: its token is gone`,
      remedy: 'the next call of the office makes it anew; no summary comes twice',
      repair: () => writeNote(fsck.store, `office/${office}`, id, { ...note, held: undefined }),
    });
  }
}
