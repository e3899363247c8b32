/**
 * What waits for an office without an agent, as POP3 shows it: a mail for each recipient, with the envelope in two lines before it, as
 * qmail writes them and fetchmail reads them (`envelope "Delivered-To:"`). Nobody else chooses or moves the office's mail while
 * the session lasts: a trip waits. What is on its way by another carrier is not shown.
 */
import { Pop3Size } from '../shared/core/pop3-text.ts';
import { accepted } from '../shared/core/verdict.ts';
import { type Body, joinBodies, textBody } from '../shared/io/body.ts';
import type { MailboxMail, OpenMailbox } from '../shared/io/mailbox.ts';
import { type Entry, listEntries, openEntry, removeEntry } from '../shared/io/maildir.ts';
import { FRESH, readNote, writeNote } from '../shared/io/note.ts';
import { waitingOf } from './hold.ts';
import type { Hub } from './hub.ts';
import { offeredIds } from './instance.ts';
import { withOffice } from './office-lock.ts';

/** In one session; with these removed, the next shows more. */
const MAILS_MAX = 500;

/** Its list comes when nobody else works on the office's mail. */
export function officeMailbox(hub: Hub, office: string): OpenMailbox {
  const maildir = `office/${office}`;
  let close = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    close = resolve;
  });
  return {
    name: maildir,
    list: async () => {
      await new Promise<void>((alone, failed) => {
        const session = withOffice(hub, office, () => {
          alone();
          return over;
        });
        session.catch(failed);
      });
      return listMails(hub, office);
    },
    open: async (key) => {
      const { entry, recipient } = await find(hub, key);
      return entry && shown(entry, recipient);
    },
    remove: (key) => settle(hub, maildir, key),
    close: () => close(),
  };
}

async function listMails(hub: Hub, office: string): Promise<readonly MailboxMail[]> {
  const offered = await offeredIds(hub, office);
  const mails: MailboxMail[] = [];
  for (const { key, name } of await listEntries(hub.store, `office/${office}`, { limit: MAILS_MAX })) {
    const entry = offered.has(name.id) ? undefined : await openEntry(hub.store, key);
    if (!entry) continue;
    const note = (await readNote(hub.store, `office/${office}`, name.id)) ?? FRESH;
    for (const recipient of waitingOf(entry, note.settled)) {
      const index = entry.head.recipients.indexOf(recipient);
      const size = await octets(shown(entry, recipient));
      mails.push({ key: `${key}#${index}`, size, uid: `${name.id.slice(0, 56)}-${index}` });
    }
  }
  return mails.slice(0, MAILS_MAX);
}

async function octets(body: Body): Promise<number> {
  const counter = new Pop3Size();
  for await (const chunk of body.read()) counter.write(chunk);
  return counter.size;
}

const shown = ({ head, body }: Entry, recipient: string): Body =>
  joinBodies(textBody(`Return-Path: <${head.sender}>\nDelivered-To: ${recipient}\n`), body);

async function find(
  { store }: Hub,
  key: string,
): Promise<{ readonly entry: Entry | undefined; readonly recipient: string }> {
  const [entryKey = '', index] = key.split('#');
  const entry = await openEntry(store, entryKey);
  return { entry, recipient: entry?.head.recipients[Number(index)] ?? '' };
}

/** The note says who has it; when all have, the entry goes. */
async function settle(hub: Hub, maildir: string, key: string): Promise<void> {
  const { entry, recipient } = await find(hub, key);
  if (!entry) return;
  const note = (await readNote(hub.store, maildir, entry.id)) ?? FRESH;
  const settled = { ...note.settled, [recipient]: accepted('fetched by POP3') };
  if (waitingOf(entry, settled).length === 0) await removeEntry(hub.store, entry);
  else await writeNote(hub.store, maildir, entry.id, { ...note, settled });
}
