/** The hub's queues as an operator sees them: `internet`, and one for each office. */
import { parseEntryName } from '../shared/core/entry.ts';
import { EXIT, Exit } from '../shared/io/command-line.ts';
import { type Entry, listEntries, openEntry } from '../shared/io/maildir.ts';
import { FRESH, type Note, readNote } from '../shared/io/note.ts';
import type { Hub } from './hub.ts';
import { INTERNET } from './relay-entry.ts';

export interface Queued {
  /** `internet`, or the office's name. */
  readonly queue: string;
  readonly maildir: string;
  readonly entry: Entry;
  readonly note: Note;
}

const PAGE = 1000;
/** Fewer digits would soon mean several mails. */
const PREFIX_DIGITS_MIN = 6;

const maildirOf = (queue: string): string => (queue === INTERNET ? INTERNET : `office/${queue}`);

/** The queues' names. Throws Exit 65 for one that there is not. */
export function queueNames(hub: Hub, only: string | undefined): readonly string[] {
  const all = [INTERNET, ...hub.directory.current.offices.keys()];
  if (only === undefined) return all;
  if (!all.includes(only)) throw new Exit(EXIT.data, `there is no queue "${only}"; there are: ${all.join(', ')}`);
  return [only];
}

async function* keysOf({ store }: Hub, queue: string): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const page = await listEntries(store, maildirOf(queue), { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const { key } of page) yield key;
    after = page.at(-1)?.key;
    if (page.length < PAGE) return;
  }
}

async function open(hub: Hub, queue: string, key: string): Promise<Queued | undefined> {
  const entry = await openEntry(hub.store, key);
  if (!entry) return undefined;
  const maildir = maildirOf(queue);
  return { queue, maildir, entry, note: (await readNote(hub.store, maildir, entry.id)) ?? FRESH };
}

/** All that waits in one queue, one after another, however much it is. */
export async function* queued(hub: Hub, queue: string): AsyncGenerator<Queued> {
  for await (const key of keysOf(hub, queue)) {
    const found = await open(hub, queue, key);
    if (found) yield found;
  }
}

/** The one mail whose id begins so. Throws Exit 65 when there is none, or more than one. */
export async function findQueued(hub: Hub, prefix: string): Promise<Queued> {
  if (!new RegExp(`^[0-9a-f]{${PREFIX_DIGITS_MIN},64}$`).test(prefix))
    throw new Exit(
      EXIT.data,
      `"${prefix}" is not an id: give ${PREFIX_DIGITS_MIN} or more of its first digits, as 'hub queue' shows them`,
    );
  const found: { queue: string; key: string }[] = [];
  for (const queue of queueNames(hub, undefined))
    for await (const key of keysOf(hub, queue)) if (idOf(key).startsWith(prefix)) found.push({ queue, key });
  const [first, second] = found;
  if (second) throw new Exit(EXIT.data, `${found.length} mails begin with ${prefix}: give more digits`);
  const queuedMail = first && (await open(hub, first.queue, first.key));
  if (!queuedMail) throw new Exit(EXIT.data, `no mail that waits has an id that begins with ${prefix}`);
  return queuedMail;
}

const idOf = (key: string): string => parseEntryName(key.slice(key.lastIndexOf('/') + 1))?.id ?? '';
