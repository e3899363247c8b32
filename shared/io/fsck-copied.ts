/**
 * A folder that was copied while its program ran: the copy may hold an answer that was written after the maildir had been
 * copied, and not the mail that it speaks of. Whether the mail was missed or a reader has taken it cannot be told
 * afterwards. So the answers of the last day whose mail is not there are forgotten: what a sender still has comes
 * again. A mail that a reader took within that day may so come twice; none is lost.
 */
import { parseEntryName } from '../core/entry.ts';
import type { Fsck } from './fsck.ts';
import { seenOf } from './fsck-mail.ts';
import { maildirOf } from './maildir.ts';
import { SEEN, type SeenRecord } from './seen.ts';
import type { Store } from './store.ts';
import { LIMIT_MAX } from './store-key.ts';

const DAY_SECONDS = 86_400;

export async function forgetUnheld(fsck: Fsck): Promise<void> {
  let newest = 0;
  for await (const { time } of records(fsck)) newest = Math.max(newest, time);
  for await (const { key, time, record } of records(fsck)) {
    if (time < newest - DAY_SECONDS || (await holdsAny(fsck.store, record.keys))) continue;
    await fsck.found({
      weight: 'note',
      key,
      text: 'answered within a day before the copy was made, and its mail is not in the copy',
      remedy: 'forgotten: if its sender still has it, it comes again',
      repair: () => fsck.store.remove(key),
    });
  }
}

interface Timed {
  readonly key: string;
  /** When its mail was accepted, Unix seconds. */
  readonly time: number;
  readonly record: SeenRecord;
}

async function* records(fsck: Fsck): AsyncGenerator<Timed> {
  for (let after: string | undefined; ; ) {
    const page = await fsck.store.list(SEEN, after === undefined ? {} : { after });
    for (const { key } of page) {
      const record = await seenOf(fsck, key);
      if (record && record !== 'damaged' && record.keys.length > 0) yield { key, time: timeOf(record), record };
    }
    after = page.at(-1)?.key;
    if (page.length < LIMIT_MAX) return;
  }
}

const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);

const timeOf = ({ keys: [key = ''] }: SeenRecord): number =>
  parseEntryName(nameOf(key))?.accepted ?? (Number.parseInt(nameOf(key), 10) || 0);

/** A mail program may have moved a file to cur/, with flags at its name. */
async function holdsAny(store: Store, keys: readonly string[]): Promise<boolean> {
  for (const key of keys) {
    if (await store.get(key)) return true;
    const moved = `${maildirOf(key)}/cur/${nameOf(key)}`;
    const [first] = await store.list(`${maildirOf(key)}/cur/`, { after: moved.slice(0, -1), limit: 1 });
    if (first?.key.startsWith(moved)) return true;
  }
  return false;
}
