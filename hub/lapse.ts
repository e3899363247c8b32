/** Before a held mail goes back, its recipients and its sender are told, once: they may still do something about it. */
import { BULK } from '../shared/core/entry.ts';
import { fieldValue, headerFields } from '../shared/core/headers.ts';
import { heldAddress } from '../shared/core/held-address.ts';
import { digest } from '../shared/core/mail-id.ts';
import { mailDate } from '../shared/core/trace.ts';
import { bounceMail, headerOf } from '../shared/io/bounce.ts';
import { type Entry, type ListedEntry, openEntry } from '../shared/io/maildir.ts';
import { readNote, writeNote } from '../shared/io/note.ts';
import { sendNotice } from '../shared/io/notice.ts';
import { heldTokenOf } from './held-record.ts';
import { placeOf, waitingOf } from './hold.ts';
import type { Hub } from './hub.ts';
import { sizeText } from './size-text.ts';

const WARNED_SECONDS = 7 * 86_400;

/** Tells them when the time has come. The entry has waited for some days. */
export async function warnOfLapse(hub: Hub, office: string, { key, name }: ListedEntry): Promise<void> {
  const { lifetime } = hub.config.silent;
  const lapses = name.accepted + lifetime;
  if (hub.now() < lapses - Math.min(WARNED_SECONDS, lifetime / 2)) return;
  const maildir = `office/${office}`;
  const note = await readNote(hub.store, maildir, name.id);
  if (!note?.held || note.lapses || note.fetch) return;
  const entry = await openEntry(hub.store, key);
  if (!entry) return;
  const recipients = waitingOf(entry, note.settled);
  for (const recipient of recipients) if (!(await warn(hub, office, { entry, recipient, lapses }))) return;
  const text = `it is too large for the link of office ${office}; if nobody there asks for it, it comes back to you on ${mailDate(lapses).slice(0, 16)} (#4.4.1)`;
  const failures = name.urgency >= BULK ? [] : recipients.map((recipient) => ({ recipient, text }));
  const told = await bounceMail(hub.place, entry, failures, { kind: 'delayed', now: hub.now(), occasion: 'lapses' });
  if (told.letter !== 'Z') await writeNote(hub.store, maildir, name.id, { ...note, lapses: true });
}

interface Warned {
  readonly entry: Entry;
  readonly recipient: string;
  readonly lapses: number;
}

/** False: it could not be kept; done again in an hour. */
async function warn(hub: Hub, office: string, { entry, recipient, lapses }: Warned): Promise<boolean> {
  const { hostname, domain } = hub.config;
  const value = (field: string): string => (fieldValue(fields, field) ?? '').slice(0, 200);
  const fields = headerFields(await headerOf(entry.body));
  const token = heldTokenOf(hub, { office, id: entry.id, recipients: [recipient] });
  const id = digest(['held lapses', office, entry.id, recipient]);
  const lines = [
    `From: Held mail <MAILER-DAEMON@${hostname}>`,
    `Reply-To: <${heldAddress(token, domain.toLowerCase())}>`,
    `To: <${recipient}>`,
    `Subject: Held until ${mailDate(lapses).slice(5, 16)}: ${value('subject')}`,
    `Date: ${mailDate(hub.now())}`,
    `Message-ID: <${id.slice(0, 32)}@${hostname}>`,
    'Auto-Submitted: auto-generated',
    '',
    `A mail of ${sizeText(entry.head.size)} from ${value('from')} is still held for you.`,
    `It goes back to its sender on ${mailDate(lapses)}.`,
    '',
    "To get it, reply with the word 'all' in the first line, or 'drop' if you do not want it.",
    '',
  ];
  const bytes = Buffer.from(lines.join('\n'));
  const { letter } = await sendNotice(placeOf(hub, office), { id, recipient, bytes, now: hub.now() });
  return letter !== 'Z';
}
