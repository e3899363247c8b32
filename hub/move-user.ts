/**
 * `hub user move`: what waits for somebody at the old office goes to the new post. Each waiting entry is accepted again for
 * that one recipient, under an id that follows from the entry's own, and then a note beside it says that the
 * recipient is settled. A stop in between repeats the first and doubles nothing.
 *
 * What the office may have already (offered in a trip, and not answered, or put off) stays: when the office has it and knows of the
 * move, it sends it back up, and the hub sends it on.
 *
 * A move that was begun stands in `moving/` until its last entry is done, so that a stop is made good before the next
 * edit of users: otherwise a second move would leave the first one's mail behind at two places.
 */
import * as z from 'zod/mini';
import { foldAddress, splitAddress } from '../shared/core/address.ts';
import { placeNames } from '../shared/core/directory-words.ts';
import { EntryError } from '../shared/core/entry.ts';
import { digest } from '../shared/core/mail-id.ts';
import { accepted } from '../shared/core/verdict.ts';
import { accept } from '../shared/io/accept.ts';
import { readBody, textBody } from '../shared/io/body.ts';
import { Exit } from '../shared/io/command-line.ts';
import { type Entry, type ListedEntry, listEntries, openEntry, removeEntry } from '../shared/io/maildir.ts';
import { type Note, readNote, writeNote } from '../shared/io/note.ts';
import { StoreError } from '../shared/io/store.ts';
import { editDirectory } from './edit-directory.ts';
import type { Hub } from './hub.ts';
import { offeredIds } from './instance.ts';
import { withOffice } from './office-lock.ts';

export interface MoveResult {
  /** Mails that now wait at, or have gone to, the new post. */
  moved: number;
  /** Mails that the old office may have already. */
  inFlight: number;
  /** Mails that could not be moved now; the next `user move` or start of the hub tries again. */
  left: number;
}

interface Move {
  readonly address: string;
  /** The post that they leave. */
  readonly from: string;
}

const MOVES = 'moving/';
/** A move that was begun. */
export const MOVE = z.strictObject({ address: z.string(), from: z.string() });
const MOVE_BYTES_MAX = 10_000;
const PAGE = 200;

/** Posts somebody elsewhere, and moves what waits. Throws Exit when the directory refuses. */
export async function moveUser(hub: Hub, text: string, post: string): Promise<MoveResult> {
  await finishMoves(hub);
  await hub.directory.refresh();
  const address = foldAddress(text);
  const from = hub.directory.current.users.get(address);
  if (from === undefined || from === post) {
    await editDirectory(hub, { do: 'user.move', address, post });
    return { moved: 0, inFlight: 0, left: 0 };
  }
  const key = moveKey(address);
  await hub.store.put(key, textBody(JSON.stringify({ address, from })));
  try {
    await editDirectory(hub, { do: 'user.move', address, post });
  } catch (error) {
    // Refused, it has not happened. Where the store failed nobody knows: whoever comes next looks.
    if (error instanceof Exit) await hub.store.remove(key);
    throw error;
  }
  // What another hub accepts by the directory of before would stay behind at the old post.
  if (!(await hub.hubs.haveSeen(hub.directory.current.version)))
    hub.log.warn('another hub does not follow the directory: what it accepts just now may go to the old post', {
      address,
    });
  return finishMove(hub, key, { address, from });
}

/** Makes good the moves that a stop has cut off; of one office only, before a trip of it. */
export async function finishMoves(hub: Hub, office?: string): Promise<void> {
  for (const { key } of await hub.store.list(MOVES)) {
    const body = await hub.store.get(key);
    const move = body && decodeMove(key, await readBody(body, MOVE_BYTES_MAX));
    if (move && (office === undefined || move.from === office)) await finishMove(hub, key, move);
  }
}

const moveKey = (address: string): string => `${MOVES}${digest([address]).slice(0, 32)}`;

function decodeMove(key: string, bytes: Buffer): Move {
  try {
    return MOVE.parse(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new StoreError(`${key} is damaged (${(error as Error).name}): remove it, and move that user once more`);
  }
}

async function finishMove(hub: Hub, key: string, move: Move): Promise<MoveResult> {
  const result: MoveResult = { moved: 0, inFlight: 0, left: 0 };
  const { current } = hub.directory;
  if (current.offices.has(move.from) && current.users.get(move.address) !== move.from) {
    const names = namesOf(hub, move);
    for (let after: string | undefined, more = true; more; ) {
      const start = after;
      const page = await withOffice(hub, move.from, () => movePage(hub, { move, names, after: start, result }));
      after = page.at(-1)?.key;
      more = page.length === PAGE;
    }
  }
  if (result.left === 0) await hub.store.remove(key);
  return result;
}

/** Under which addresses mail for them waits at the office. */
function namesOf({ directory: { current } }: Hub, { address, from }: Move): ReadonlySet<string> {
  const { local } = splitAddress(address);
  return new Set([address, ...(local === '' ? [] : placeNames(current, from, local))]);
}

interface Moving {
  readonly move: Move;
  readonly names: ReadonlySet<string>;
  readonly result: MoveResult;
}

async function movePage(
  hub: Hub,
  { after, ...moving }: Moving & { readonly after: string | undefined },
): Promise<readonly ListedEntry[]> {
  const { from } = moving.move;
  const offered = await offeredIds(hub, from);
  const page = await listEntries(hub.store, maildirOf(from), {
    limit: PAGE,
    ...(after === undefined ? {} : { after }),
  });
  for (const { key } of page) {
    const entry = await readable(hub, key);
    if (entry) await moveEntry(hub, entry, { ...moving, offered });
  }
  return page;
}

const maildirOf = (office: string): string => `office/${office}`;

/** A damaged file is for its own readers to report; it stops nobody's move. */
async function readable(hub: Hub, key: string): Promise<Entry | undefined> {
  try {
    return await openEntry(hub.store, key);
  } catch (error) {
    if (!(error instanceof EntryError)) throw error;
    hub.log.warn('a damaged entry was passed over by a move', { key, error: error.message });
    return undefined;
  }
}

async function moveEntry(
  hub: Hub,
  entry: Entry,
  { move, names, offered, result }: Moving & { readonly offered: ReadonlySet<string> },
): Promise<void> {
  const maildir = maildirOf(move.from);
  const note = (await readNote(hub.store, maildir, entry.id)) ?? { attempts: 0, nextTry: 0, settled: {} };
  const theirs = entry.head.recipients.filter(
    (recipient) => isTheirs(move, names, recipient) && !Object.hasOwn(note.settled, recipient),
  );
  if (theirs.length === 0) return;
  // An office that said "later" may have it for all that: its disk failed after its answer was durable, and a start there shows it.
  if (offered.has(entry.id) || note.attempts > 0) {
    result.inFlight += 1;
    return;
  }
  const settled = await acceptAgain(hub, entry, theirs);
  if (settled.length < theirs.length) result.left += 1;
  else result.moved += 1;
  await settle(hub, entry, { maildir, note, settled });
}

/** `@domain` moves everybody there who is not posted by name. */
function isTheirs({ address }: Move, names: ReadonlySet<string>, recipient: string): boolean {
  const folded = foldAddress(recipient);
  return names.has(folded) || (address.startsWith('@') && folded.endsWith(address));
}

/** Answers those that are safe at the new post. */
async function acceptAgain(hub: Hub, entry: Entry, recipients: readonly string[]): Promise<readonly string[]> {
  const { sender, urgency, bodyHash, hops } = entry.head;
  const peer = { name: 'move', relays: true };
  const settled: string[] = [];
  for (const recipient of recipients) {
    const id = digest(['move', entry.id, entry.key, recipient]);
    // It has not left this machine: accepting it again is no hop.
    const mail = { sender, recipients: [recipient], hops: Math.max(0, hops - 1), urgency, body: entry.body, bodyHash };
    const [verdict] = await accept(hub.place, { peer, id, mail }, hub.now());
    if (verdict?.letter === 'K') settled.push(recipient);
    else hub.log.warn('a waiting mail could not be moved', { id: entry.id, recipient, reason: verdict?.text });
  }
  return settled;
}

interface Settling {
  readonly maildir: string;
  readonly note: Note;
  readonly settled: readonly string[];
}

async function settle(hub: Hub, entry: Entry, { maildir, note, settled }: Settling): Promise<void> {
  if (settled.length === 0) return;
  const all = { ...note.settled, ...Object.fromEntries(settled.map((recipient) => [recipient, MOVED])) };
  if (entry.head.recipients.every((recipient) => Object.hasOwn(all, recipient))) await removeEntry(hub.store, entry);
  else await writeNote(hub.store, maildir, entry.id, { ...note, settled: all, moved: true });
}

const MOVED = accepted('moved to the new post');
