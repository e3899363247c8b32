/**
 * A mail that is too large for its office's link is held: it stays where it is, and each of its recipients gets a
 * summary, once. The summary's id is made of the mail and the recipient, so that a stop in between doubles none.
 */
import type { Office } from '../shared/core/directory.ts';
import { JUNK } from '../shared/core/entry.ts';
import { heldAddress } from '../shared/core/held-address.ts';
import type { OfficeLink } from '../shared/core/link-list.ts';
import { digest, mailId } from '../shared/core/mail-id.ts';
import type { Place } from '../shared/io/mail.ts';
import { type Entry, type ListedEntry, openEntry } from '../shared/io/maildir.ts';
import { FRESH, type Note, readNote, writeNote } from '../shared/io/note.ts';
import { sendNotice } from '../shared/io/notice.ts';
import { linksThatCarry, pricesOn } from './held-price.ts';
import { heldTokenOf, writeHeld } from './held-record.ts';
import { composeSummary, type Summarised, summarise } from './held-summary.ts';
import type { Hub } from './hub.ts';
import { readOfficeLinks } from './office-links.ts';

/** A summary has less, so none is ever held itself. */
export const HOLD_BYTES_MIN = 5_000;
/** More recipients than this in one office: a list, to which a summary each would cost more than the mail. */
export const TOLD_MAX = 50;

/** Tells the recipients that the mail is held. Called in each trip; does it once. */
export async function holdEntry(hub: Hub, office: string, { key, name, size }: ListedEntry): Promise<void> {
  if (size < HOLD_BYTES_MIN) return;
  const maildir = `office/${office}`;
  const note = (await readNote(hub.store, maildir, name.id)) ?? FRESH;
  if (note.held) return;
  const entry = await openEntry(hub.store, key);
  if (!entry) return;
  const about = await summarise(entry.body);
  const links = await readOfficeLinks(hub, office);
  for (const recipient of waitingOf(entry, note.settled).slice(0, TOLD_MAX))
    if (!(await tell(hub, office, { entry, recipient, about, links }))) return;
  await writeNote(hub.store, maildir, name.id, { ...note, held: true });
  hub.log.info('a mail is held: it is too large for the link of its office', { office, id: name.id, bytes: size });
}

/** Where the office wants it, what was taken for spam is held like what is too large; what is smaller than a summary goes. */
export async function holdSpam(
  hub: Hub,
  { name, limits }: Office,
  entry: ListedEntry,
  note: Note | undefined,
): Promise<'stays' | undefined> {
  if (limits.spam !== 'hold' || entry.name.urgency !== JUNK || entry.size < HOLD_BYTES_MIN || note?.fetch)
    return undefined;
  await holdEntry(hub, name, entry);
  return 'stays';
}

export const waitingOf = ({ head }: Entry, settled: Readonly<Record<string, unknown>>): readonly string[] =>
  head.recipients.filter((recipient) => !Object.hasOwn(settled, recipient));

interface Told {
  readonly entry: Entry;
  readonly recipient: string;
  readonly about: Summarised;
  readonly links: readonly OfficeLink[];
}

/** False: the summary is not kept, and the next trip does it again. */
async function tell(hub: Hub, office: string, { entry, recipient, about, links }: Told): Promise<boolean> {
  const { id, key, head } = entry;
  const token = heldTokenOf(hub, { office, id, recipients: [recipient] });
  const summary = digest(['held', office, id, recipient]);
  const bytes = composeSummary({
    about,
    id,
    token,
    recipient,
    messageId: `${summary.slice(0, 32)}@${hub.config.hostname}`,
    hostname: hub.config.hostname,
    replyTo: heldAddress(token, hub.config.domain.toLowerCase()),
    bytes: head.size,
    now: head.accepted,
    lapses: head.accepted + hub.config.silent.lifetime,
    prices: pricesOn(links),
    // Spam may be held whatever the link.
    carriedBy:
      head.urgency === JUNK
        ? []
        : linksThatCarry(links, head.size, hub.directory.office(office)?.limits.holdBytesMax ?? 0),
  });
  await writeHeld(hub, office, { id, key, recipients: [recipient] });
  const place = placeOf(hub, office);
  const { letter } = await sendNotice(place, { id: summary, recipient, bytes, now: hub.now() });
  return letter !== 'Z';
}

/** The hub, for a mail that it writes to somebody of this office, whose address has been through the tables. */
export const placeOf = (hub: Hub, office: string): Place => ({
  ...hub.place,
  route: (_peer, sender, recipient) => ({
    verdict: { letter: 'K', text: 'ok' },
    deliveries: [{ maildir: `office/${office}`, form: 'entry', sender, recipient }],
  }),
});

/** The id of the entry that a mail of the hub's own becomes there. */
export const ownEntryId = (recipient: string, bodyHash: string): string =>
  mailId({ sender: '', recipients: [recipient], hops: 1, bodyHash });
