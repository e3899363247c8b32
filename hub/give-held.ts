/** Gives somebody what they have asked for of a held mail, within what one person may have in a day. */
import { createHash } from 'node:crypto';
import { NORMAL } from '../shared/core/entry.ts';
import { digest } from '../shared/core/mail-id.ts';
import { mailDate } from '../shared/core/trace.ts';
import { accepted } from '../shared/core/verdict.ts';
import { accept } from '../shared/io/accept.ts';
import { bytesBody } from '../shared/io/body.ts';
import { headerOf } from '../shared/io/bounce.ts';
import { type Entry, removeEntry } from '../shared/io/maildir.ts';
import { FRESH, readNote, writeNote } from '../shared/io/note.ts';
import { StoreError } from '../shared/io/store.ts';
import { charge } from './day-limit.ts';
import { keepDelivered, waitingKey } from './delivered.ts';
import type { Choice, SmallChoice } from './held-choice.ts';
import { composePart, type HeldPart } from './held-part.ts';
import { ownEntryId, placeOf, waitingOf } from './hold.ts';
import type { Hub } from './hub.ts';
import { readParts } from './mail-parts.ts';
import type { MailParts } from './parts-thread.ts';
import { sizeText } from './size-text.ts';
import { picturesOf, smallPictures } from './small-pictures.ts';

export interface Asked {
  readonly office: string;
  /** Id of the request. */
  readonly request: string;
  readonly choice: Choice;
  readonly recipient: string;
  /** The held mail. */
  readonly entry: Entry;
}

/** Durable when it returns; answers why not, as a sentence for who has asked. The caller has the office's lock. */
export async function giveHeld(hub: Hub, asked: Asked): Promise<string | undefined> {
  if (asked.choice === 'all') return giveAll(hub, asked);
  if (asked.choice === 'drop') return drop(hub, asked);
  return givePart(hub, asked, asked.choice);
}

/** It goes as it is, to all its recipients in the office: one copy, whoever has asked. */
async function giveAll(hub: Hub, asked: Asked): Promise<string | undefined> {
  const { office, entry } = asked;
  const maildir = `office/${office}`;
  const note = (await readNote(hub.store, maildir, entry.id)) ?? FRESH;
  if (note.fetch) return undefined;
  const over = await overLimit(hub, asked, entry.head.size);
  if (over !== undefined) return over;
  const key = waitingKey(office, entry.key);
  const kept = key === entry.key ? undefined : await hub.store.get(entry.key);
  // The original of a plain version comes back among what waits; with its note last, or a stop would lose the request.
  if (kept) await hub.store.put(key, kept);
  await writeNote(hub.store, maildir, entry.id, { ...note, nextTry: 0, fetch: true });
  hub.place.published?.(maildir, key);
  return undefined;
}

/** It is as if the person had taken it: kept among the delivered when nobody else waits for it. */
async function drop(hub: Hub, { office, entry, recipient }: Asked): Promise<undefined> {
  const maildir = `office/${office}`;
  // Of the original of a plain version nothing waits.
  if (waitingKey(office, entry.key) !== entry.key) return;
  const note = (await readNote(hub.store, maildir, entry.id)) ?? FRESH;
  const settled = { ...note.settled, [recipient]: accepted('dropped by its recipient') };
  await writeNote(hub.store, maildir, entry.id, { ...note, settled });
  if (waitingOf(entry, settled).length > 0) return;
  await keepDelivered(hub, office, entry);
  await removeEntry(hub.store, entry);
}

async function givePart(
  hub: Hub,
  asked: Asked,
  choice: 'text' | readonly number[] | SmallChoice,
): Promise<string | undefined> {
  const { office, entry, request, recipient } = asked;
  const parts = await readParts(entry.body);
  if (!parts) return "the mail cannot be taken apart: ask for 'all' (#5.6.0)";
  const chosen = await chosenOf(parts, choice);
  if ('why' in chosen) return chosen.why;
  const id = digest(['held part', request, entry.id, recipient, JSON.stringify(choice)]);
  const header = await headerOf(entry.body);
  const bytes = composePart({ header, id, hostname: hub.config.hostname, ...chosen });
  const over = await overLimit(hub, asked, bytes.length);
  if (over !== undefined) return over;
  const bodyHash = createHash('sha256').update(bytes).digest('hex');
  // Before the mail is there: it may be as large as what is held, and must not be held itself.
  await writeNote(hub.store, `office/${office}`, ownEntryId(recipient, bodyHash), { ...FRESH, fetch: true });
  const mail = { sender: '', recipients: [recipient], hops: 0, urgency: NORMAL, body: bytesBody(bytes), bodyHash };
  const [verdict] = await accept(placeOf(hub, office), { peer: { name: 'held', relays: true }, id, mail }, hub.now());
  if (verdict?.letter === 'Z') throw new StoreError(verdict.text);
  return undefined;
}

type Chosen = Pick<HeldPart, 'text' | 'attachments'> | { readonly why: string };

async function chosenOf(
  { text, attachments }: MailParts,
  choice: 'text' | readonly number[] | SmallChoice,
): Promise<Chosen> {
  if (choice === 'text') return { text, attachments: [] };
  const small = 'small' in choice;
  const numbers = small ? choice.small : choice;
  if (numbers.some((number) => !attachments[number - 1]))
    return { why: `it has ${attachments.length} attachments: ask for 1 to ${attachments.length} (#5.6.0)` };
  if (!small) return { text: '', attachments: numbers.flatMap((number) => attachments[number - 1] ?? []) };
  const wanted = numbers.length > 0 ? numbers : picturesOf(attachments);
  const { pictures, told } = await smallPictures(attachments, wanted);
  if (pictures.length > 0) return { text: told, attachments: pictures };
  const why = wanted.length === 0 ? 'it has no pictures that can be made small' : told;
  return { why: `${why} (#5.6.0)` };
}

/** Charges the person with it; answers why they cannot have it today. */
async function overLimit(hub: Hub, { office, request, entry, recipient }: Asked, bytes: number) {
  const limit = hub.config.held.per_day;
  if (limit > 0 && bytes > limit)
    return `it has ${sizeText(bytes)}, and one person may ask for ${sizeText(limit)} a day: the operator of the hub can send it (hub queue retry ${entry.id.slice(0, 12)}) (#5.7.1)`;
  const again = await charge(hub, { office, recipient, what: digest([request, entry.id]), bytes, limit });
  if (again === undefined) return undefined;
  return `with its ${sizeText(bytes)} you would have more than ${sizeText(limit)} today: ask again after ${mailDate(again)} (#5.7.1)`;
}
