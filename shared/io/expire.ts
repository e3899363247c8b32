/**
 * How memory ends: once a day, in steps of bounded work. Answers nobody can ask for any more, notes whose entry is gone,
 * and, on a bucket, staged files that nothing vouches for.
 *
 * No laptop's clock decides it. The caller passes a time that can be trusted (the hub's), and the time at which a record
 * was written is only a hint: a record that looks old is first marked with the trusted time, and goes when that is 90
 * days ago. So a record lives for 90 days at least, and some 180 as a rule.
 */
import { textBody } from './body.ts';
import type { Place } from './mail.ts';
import { listEntries } from './maildir.ts';
import { removeNote } from './note.ts';
import { arrivalOfKey, isVouchedFor, readSeen, SEEN } from './seen.ts';
import type { Listed, Store } from './store.ts';
import { sweepStep } from './sweep.ts';

const DAY_SECONDS = 86_400;
const SEEN_SECONDS = 90 * DAY_SECONDS;
/** Pages of a thousand records that one call looks at. */
const SEEN_PAGES = 20;

/** `now`: Unix seconds by a clock that can be trusted. Each call goes on where the last one stopped. */
export async function expire({ store, log }: Place, now: number): Promise<void> {
  let removed = 0;
  for (let page = 0; page < SEEN_PAGES; page++) {
    const whole = await sweepStep(store, SEEN, async (record) => {
      if (await expireSeen(store, record, now)) removed += 1;
    });
    if (whole) break;
  }
  for await (const maildir of maildirs(store, ['office/', 'internet/', 'out/'])) await sweepNotes(store, maildir);
  if (store.staging === 'in place')
    for await (const maildir of maildirs(store, ['office/', 'internet/', 'mailbox/', 'fetch/']))
      await sweepStep(store, `${maildir}/new/`, (file) => dropUnvouched(store, file, now));
  if (removed > 0) log.info('old answers forgotten', { records: removed });
}

async function expireSeen(store: Store, { key, time }: Listed, now: number): Promise<boolean> {
  const age = now - time / 1000;
  if (age < SEEN_SECONDS && age > -DAY_SECONDS) return false;
  const record = await readSeen(store, key);
  if (!record) return false;
  if (record.noticed === undefined || record.noticed > now) {
    await store.put(key, textBody(JSON.stringify({ ...record, noticed: now })));
    return false;
  }
  if (now - record.noticed < SEEN_SECONDS) return false;
  // On a bucket a file without its record could not be read any more.
  if (store.staging === 'in place' && (await holdsAny(store, record.keys))) return false;
  await store.remove(key);
  return true;
}

async function holdsAny(store: Store, keys: readonly string[]): Promise<boolean> {
  for (const key of keys) if (await store.get(key)) return true;
  return false;
}

/** A thousand notes a call; an entry is older than its note, so one that is not found now will not come. */
async function sweepNotes(store: Store, maildir: string): Promise<void> {
  const ids = new Set<string>();
  const prefix = `${maildir}/note/`;
  await sweepStep(store, prefix, async ({ key }) => void ids.add(key.slice(prefix.length)));
  for (let after: string | undefined; ids.size > 0; ) {
    const page = await listEntries(store, maildir, after === undefined ? {} : { after });
    for (const { name } of page) ids.delete(name.id);
    after = page.at(-1)?.key;
    if (after === undefined) break;
  }
  for (const id of ids) await removeNote(store, maildir, id);
}

/** Its writer stopped before the record, or gave up: nobody was told yes. A day is far more than an `accept` takes. */
async function dropUnvouched(store: Store, { key, time }: Listed, now: number): Promise<void> {
  if (now - time / 1000 < DAY_SECONDS || arrivalOfKey(key) === undefined) return;
  if (!(await isVouchedFor(store, key))) await store.remove(key);
}

/** The maildirs below the roots, found by one small listing each. */
async function* maildirs(store: Store, roots: readonly string[]): AsyncGenerator<string> {
  for (const root of roots) {
    if (root === 'internet/' || root === 'out/') yield root.slice(0, -1);
    else yield* foldersOf(store, root);
  }
}

async function* foldersOf(store: Store, root: string): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const [first] = await store.list(root, { limit: 1, ...(after === undefined ? {} : { after }) });
    if (!first) return;
    const folder = first.key.slice(0, first.key.indexOf('/', root.length));
    yield folder;
    // `0` comes right after `/`: this is behind all that is in the folder.
    after = `${folder}0`;
  }
}
