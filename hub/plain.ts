/**
 * Puts the plain version of an entry in its place, for a link that is to carry no more. The order loses and doubles
 * nothing, wherever it stops: the note first, so that the next trip goes on with it over any link; then the original
 * is kept, then the plain version is accepted, under an id made of the original's; then the original goes.
 */
import { createHash } from 'node:crypto';
import { heldAddress } from '../shared/core/held-address.ts';
import { digest, mailId } from '../shared/core/mail-id.ts';
import { accept, HOPS_MAX } from '../shared/io/accept.ts';
import { type Body, bytesBody, readBody, sliceBody } from '../shared/io/body.ts';
import { headerOf } from '../shared/io/bounce.ts';
import { type Entry, type ListedEntry, openEntry, removeEntry } from '../shared/io/maildir.ts';
import { FRESH, type Note, writeNote } from '../shared/io/note.ts';
import { keepOriginal } from './delivered.ts';
import { heldTokenOf, writeHeld } from './held-record.ts';
import { placeOf } from './hold.ts';
import type { Hub } from './hub.ts';
import { readParts } from './mail-parts.ts';
import { composePlain, kindOf, trimHeader } from './plain-mail.ts';

/** What is not smaller by this much stays as it is. */
const SAVED_BYTES_MIN = 200;
/** The header of a text is trimmed in memory. */
const SIMPLE_BYTES_MAX = 5_000_000;

export interface PlainOptions {
  readonly office: string;
  /** Whether this trip is to carry plain text. */
  readonly wanted: boolean;
}

/** `gone`: the plain version is there instead. `stays`: it could not be kept now. Undefined: the entry goes as it is. */
export async function replaceByPlain(
  hub: Hub,
  { office, wanted }: PlainOptions,
  { key, name }: ListedEntry,
  note: Note = FRESH,
): Promise<'gone' | 'stays' | undefined> {
  if (note.plain === 'is' || note.fetch || (!wanted && note.plain !== 'made')) return undefined;
  // Some of its recipients have had it as it is.
  if (Object.keys(note.settled).length > 0) return undefined;
  const entry = await openEntry(hub.store, key);
  // A report is for machines too, and a mail on its last hop would be refused.
  if (!entry || entry.head.sender === '' || entry.head.hops + 1 >= HOPS_MAX) return undefined;
  const body = await plainOf(hub, office, entry);
  const maildir = `office/${office}`;
  const enough = note.plain === 'made' || (body?.size ?? 0) + SAVED_BYTES_MIN <= entry.body.size;
  if (!body || !enough) {
    await writeNote(hub.store, maildir, name.id, { ...note, plain: 'is' });
    return undefined;
  }
  await writeNote(hub.store, maildir, name.id, { ...note, plain: 'made' });
  return put(hub, office, { entry, body });
}

async function put(hub: Hub, office: string, { entry, body }: { readonly entry: Entry; readonly body: Body }) {
  const { id, head } = entry;
  const { sender, recipients, hops, urgency } = head;
  const bodyHash = createHash('sha256')
    .update(await readBody(body, body.size))
    .digest('hex');
  const kept = await keepOriginal(hub, office, entry);
  await writeHeld(hub, office, { id, key: kept, recipients: [...recipients] });
  const plainId = mailId({ sender, recipients, hops: hops + 1, bodyHash });
  await writeNote(hub.store, `office/${office}`, plainId, { ...FRESH, plain: 'is' });
  const mail = { sender, recipients, hops, urgency, body, bodyHash };
  const arrival = { peer: { name: 'plain', relays: true }, id: digest(['plain', office, id]), mail };
  const verdicts = await accept(placeOf(hub, office), arrival, head.accepted);
  if (verdicts.some(({ letter }) => letter !== 'K')) return 'stays';
  await removeEntry(hub.store, entry);
  return 'gone';
}

/** Undefined when it is to stay as it is. */
async function plainOf(hub: Hub, office: string, { id, head, body }: Entry): Promise<Body | undefined> {
  const header = await headerOf(body);
  const kind = kindOf(header);
  if (kind === 'simple' || kind === 'sealed') {
    if (body.size > SIMPLE_BYTES_MAX) return undefined;
    return bytesBody(Buffer.concat([trimHeader(header), await readBody(sliceBody(body, header.length), body.size)]));
  }
  const parts = await readParts(body);
  if (!parts) return undefined;
  const token = heldTokenOf(hub, { office, id, recipients: head.recipients });
  const askAt = heldAddress(token, hub.config.domain.toLowerCase());
  return bytesBody(composePlain({ header, parts, bytes: head.size, signed: kind === 'signed', askAt, id }));
}
