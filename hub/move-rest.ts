/**
 * What travels to an office is for all recipients of its entry. So when one of them has moved, and the others have not, an
 * entry for the others takes its place before it is offered: else the old office would have the mail for both, and hand it on
 * to the new one, where it is already.
 */
import { digest, mailId } from '../shared/core/mail-id.ts';
import { accept } from '../shared/io/accept.ts';
import { type ListedEntry, openEntry, removeEntry } from '../shared/io/maildir.ts';
import { type Note, readNote, writeNote } from '../shared/io/note.ts';
import { placeOf, waitingOf } from './hold.ts';
import type { Hub } from './hub.ts';

/** `gone`: the entry for the others is there instead. `stays`: it could not be kept now. Undefined: nobody has moved. */
export async function replaceByRest(
  hub: Hub,
  office: string,
  { key }: ListedEntry,
  note: Note | undefined,
): Promise<'gone' | 'stays' | undefined> {
  if (!note?.moved) return undefined;
  const entry = await openEntry(hub.store, key);
  if (!entry) return 'gone';
  const { sender, hops, urgency, bodyHash, accepted } = entry.head;
  const recipients = waitingOf(entry, note.settled);
  // It has not left this machine: accepting it again is no hop.
  const mail = { sender, recipients, hops: Math.max(0, hops - 1), urgency, body: entry.body, bodyHash };
  const arrival = { peer: { name: 'rest', relays: true }, id: digest(['rest', office, key, ...recipients]), mail };
  // What is known of the mail stays known.
  const [maildir, id] = [`office/${office}`, mailId({ sender, recipients, hops: mail.hops + 1, bodyHash })];
  const about = await readNote(hub.store, maildir, id);
  if (!about) await writeNote(hub.store, maildir, id, { ...note, settled: {}, moved: undefined });
  const verdicts = await accept(placeOf(hub, office), arrival, accepted);
  if (verdicts.some(({ letter }) => letter !== 'K')) return 'stays';
  await removeEntry(hub.store, entry);
  return 'gone';
}
