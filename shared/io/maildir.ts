/**
 * Entries as their readers see them. A maildir of ours is `X/new/`; a person's mail program that opened it may have
 * moved files to `X/cur/`, where they still count. On a bucket a staged file is listed at once, so a reader asks for the
 * record that vouches for it (`takeable`) before it takes anything.
 */
import {
  decodeEntryHead,
  ENTRY_HEAD_BYTES_MAX,
  EntryError,
  type EntryHead,
  type EntryName,
  parseEntryName,
} from '../core/entry.ts';
import { mailId } from '../core/mail-id.ts';
import { type Body, sliceBody } from './body.ts';
import { noteKey } from './note.ts';
import { isVouchedFor } from './seen.ts';
import type { Listed, Store } from './store.ts';

export interface ListedEntry extends Listed {
  readonly name: EntryName;
}

export interface Entry {
  readonly key: string;
  readonly id: string;
  readonly head: EntryHead;
  readonly body: Body;
}

const PAGE = 1000;

/**
 * Entries after the key `after`, at most `limit`; fewer are the last ones. Urgent ones first, then small before
 * large. Files that are not entries are passed over; `countMaildir` tells of them.
 */
export async function listEntries(
  store: Store,
  maildir: string,
  { after, limit = PAGE }: { readonly after?: string; readonly limit?: number } = {},
): Promise<readonly ListedEntry[]> {
  const entries: ListedEntry[] = [];
  for await (const file of files(store, maildir, { after, limit })) {
    const name = parseEntryName(baseName(file.key));
    if (name) entries.push({ ...file, name });
    if (entries.length === limit) break;
  }
  return entries;
}

/** The files of cur/, then of new/, as a listing by key has them. A bucket has no cur/: nobody can move a file there. */
async function* files(
  store: Store,
  maildir: string,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): AsyncGenerator<Listed> {
  const folders = store.staging === 'apart' ? [`${maildir}/cur/`, `${maildir}/new/`] : [`${maildir}/new/`];
  for (const folder of folders) {
    if (after !== undefined && !after.startsWith(folder) && after > folder) continue;
    yield* filesOf(store, folder, { after: after?.startsWith(folder) ? after : undefined, limit });
  }
}

async function* filesOf(
  store: Store,
  folder: string,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): AsyncGenerator<Listed> {
  for (let last = after; ; ) {
    const page = await store.list(folder, { limit, ...(last === undefined ? {} : { after: last }) });
    yield* page;
    last = page.at(-1)?.key;
    if (page.length < limit) return;
  }
}

const baseName = (key: string): string => key.slice(key.lastIndexOf('/') + 1);

/** Bytes in which nearly every block ends. */
const FIRST_BYTES = 16_384;

/**
 * Opens an entry. Undefined when it is gone, or when nothing vouches for it. Throws EntryError when the file is not what
 * its name says: damaged on the disk, or written by something else.
 */
export async function openEntry(store: Store, key: string): Promise<Entry | undefined> {
  if (!parseEntryName(baseName(key))) throw new EntryError(`${key} is not the name of an entry`);
  return (await takeable(store, key)) ? readEntry(store, key) : undefined;
}

/** The same for a file that this machine has put where it is itself. */
export async function readEntry(store: Store, key: string): Promise<Entry | undefined> {
  const name = parseEntryName(baseName(key));
  if (!name) throw new EntryError(`${key} is not the name of an entry`);
  const file = await store.get(key);
  if (!file) return undefined;
  const { head, length } = await readEntryHead(file, key);
  const body = sliceBody(file, length);
  if (body.size !== head.size || mailId(head) !== name.id)
    throw new EntryError(`${key} is damaged: it is not the mail that its name says; move it away and look at it`);
  return { key, id: name.id, head, body };
}

/** The block of an entry, and its bytes. Throws EntryError. */
export async function readEntryHead(file: Body, key: string): Promise<{ head: EntryHead; length: number }> {
  let start = Buffer.alloc(0);
  for (let end = FIRST_BYTES; ; end *= 4) {
    const chunks: Uint8Array[] = [start];
    for await (const chunk of file.read(start.length, Math.min(end, file.size, ENTRY_HEAD_BYTES_MAX)))
      chunks.push(chunk);
    start = Buffer.concat(chunks);
    const decoded = decodeEntryHead(start);
    if (decoded) return decoded;
    if (start.length < end) throw new EntryError(`${key} is cut off; move it away and look at it`);
  }
}

/** Entry first, then its note: a note without an entry is swept up later, an entry without its note would go again. */
export async function removeEntry(store: Store, { key, id }: Pick<Entry, 'key' | 'id'>): Promise<void> {
  await store.remove(key);
  await store.remove(noteKey(maildirOf(key), id));
}

/** `office/herat` of `office/herat/new/…`. */
export const maildirOf = (key: string): string => key.slice(0, key.lastIndexOf('/', key.lastIndexOf('/') - 1));

const VOUCHED_MAX = 10_000;
/** Keys that a record was found for; records are never taken back. */
const vouched = new WeakMap<Store, Set<string>>();

/** Whether a reader may take the file: always where staging is apart; on a bucket, when its arrival's record names it. */
export async function takeable(store: Store, key: string): Promise<boolean> {
  if (store.staging === 'apart') return true;
  const known = vouched.get(store) ?? new Set();
  vouched.set(store, known);
  if (known.has(key)) return true;
  if (!(await isVouchedFor(store, key))) return false;
  if (known.size >= VOUCHED_MAX) known.clear();
  known.add(key);
  return true;
}

export interface MaildirCount {
  readonly mails: number;
  /** Of the files; a little more than of the bodies. */
  readonly bytes: number;
  /** When the oldest was accepted, Unix seconds. */
  readonly oldest?: number;
  /** A file that is no entry, if there is one. */
  readonly foreign?: string;
}

/** What waits in a maildir; memory for one page, however much it is. */
export async function countMaildir(store: Store, maildir: string): Promise<MaildirCount> {
  let mails = 0;
  let bytes = 0;
  let oldest: number | undefined;
  let foreign: string | undefined;
  for await (const { key, size } of files(store, maildir, { limit: PAGE })) {
    const name = parseEntryName(baseName(key));
    if (!name) {
      foreign ??= key;
      continue;
    }
    mails += 1;
    bytes += size;
    oldest = Math.min(oldest ?? name.accepted, name.accepted);
  }
  return { mails, bytes, ...(oldest === undefined ? {} : { oldest }), ...(foreign === undefined ? {} : { foreign }) };
}
