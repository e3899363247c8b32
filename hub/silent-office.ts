/**
 * Mail that waits for an office that does not call. Its senders are told once that it waits, postmaster once for each
 * time that the office falls silent, and after `silent.lifetime` the mail goes back. Looked at once an hour, by names
 * alone until something is late.
 */
import { BULK } from '../shared/core/entry.ts';
import { mailDate } from '../shared/core/trace.ts';
import { textBody } from '../shared/io/body.ts';
import { bounceMail } from '../shared/io/bounce.ts';
import { type Entry, type ListedEntry, listEntries, openEntry, removeEntry } from '../shared/io/maildir.ts';
import { FRESH, readNote, writeNote } from '../shared/io/note.ts';
import { readContact } from './contact.ts';
import type { Hub, Service } from './hub.ts';
import { offeredIds } from './instance.ts';
import { warnOfLapse } from './lapse.ts';
import { HeldElsewhere } from './leases.ts';
import { withOffice } from './office-lock.ts';
import { tellPostmaster } from './postmaster.ts';

const HOUR_MS = 3_600_000;
/** After a start the offices get a moment to call. */
const FIRST_LOOK_MS = 300_000;
const PAGE = 1000;
const DAY_SECONDS = 86_400;

/** Starts looking. */
export function startSilentOffice(hub: Hub): Service {
  let looking: Promise<void> | undefined;
  const look = (): void => {
    looking ??= reportSilentOffices(hub)
      .catch((error: Error) =>
        hub.log.error('waiting mail could not be looked through; done again in an hour', { error: error.message }),
      )
      .finally(() => {
        looking = undefined;
      });
  };
  const first = setTimeout(look, FIRST_LOOK_MS);
  const timer = setInterval(look, HOUR_MS);
  return {
    name: 'silent-office',
    close: async () => {
      clearTimeout(first);
      clearInterval(timer);
      await looking;
    },
  };
}

/** One look at all offices. */
export async function reportSilentOffices(hub: Hub): Promise<void> {
  for (const { name } of hub.directory.current.offices.values()) {
    try {
      await lookAt(hub, name);
    } catch (error) {
      // It is on line at another hub: not silent.
      if (!(error instanceof HeldElsewhere)) throw error;
    }
  }
}

interface Late {
  mails: number;
  oldest: number;
}

async function lookAt(hub: Hub, office: string): Promise<void> {
  const late: Late = { mails: 0, oldest: hub.now() };
  for await (const entry of entriesOf(hub, office)) {
    const age = hub.now() - entry.name.accepted;
    if (age <= hub.config.silent.delayed) continue;
    if (await withOffice(hub, office, () => lookAtLate(hub, office, { entry, age }), { patienceMs: 0 })) continue;
    late.mails += 1;
    late.oldest = Math.min(late.oldest, entry.name.accepted);
  }
  await sayItIsSilent(hub, office, late);
}

/** True: it is not here any more. */
async function lookAtLate(
  hub: Hub,
  office: string,
  { entry, age }: { readonly entry: ListedEntry; readonly age: number },
): Promise<boolean> {
  if (age > hub.config.silent.lifetime && (await giveBack(hub, office, entry))) return true;
  await warnOfLapse(hub, office, entry);
  // What machines send in bulk expects no answer (RFC 3834).
  if (entry.name.urgency < BULK) await tellSender(hub, office, entry);
  return false;
}

async function* entriesOf({ store }: Hub, office: string): AsyncGenerator<ListedEntry> {
  for (let after: string | undefined; ; ) {
    const page = await listEntries(store, `office/${office}`, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    yield* page;
    after = page.at(-1)?.key;
    if (page.length < PAGE) return;
  }
}

/** Back to its sender, for good. False: it stays, for the office may have it already and has not said so yet. */
async function giveBack(hub: Hub, office: string, { key, name }: ListedEntry): Promise<boolean> {
  if ((await offeredIds(hub, office)).has(name.id)) return false;
  const entry = await openEntry(hub.store, key);
  if (!entry) return true;
  const days = Math.round(hub.config.silent.lifetime / DAY_SECONDS);
  const held = (await readNote(hub.store, `office/${office}`, name.id))?.held;
  const text = held
    ? `the mail is too large for the link of office ${office}, and nobody there has asked for it within ${days} days (#4.4.7)`
    : `office ${office} has not called for this mail within ${days} days (#4.4.7)`;
  const { letter } = await report(hub, office, { entry, kind: 'expired', text });
  if (letter === 'Z') return false;
  hub.log.warn('a mail was given back: its office did not call', { office, id: name.id });
  await removeEntry(hub.store, entry);
  return true;
}

async function tellSender(hub: Hub, office: string, { key, name }: ListedEntry): Promise<void> {
  const note = (await readNote(hub.store, `office/${office}`, name.id)) ?? FRESH;
  if (note.told) return;
  const entry = await openEntry(hub.store, key);
  if (!entry) return;
  const text = note.held
    ? `it is too large for the link of office ${office} and is held at the hub; its recipient has had a summary, and can ask for it (#4.4.1)`
    : `it waits for office ${office}, which has not called since (#4.4.1)`;
  // A bounce is not reported on; its note spares the next look from opening it again.
  const told = entry.head.sender === '' ? undefined : await report(hub, office, { entry, kind: 'delayed', text });
  if (told?.letter !== 'Z') await writeNote(hub.store, `office/${office}`, name.id, { ...note, told: true });
}

interface Report {
  readonly entry: Entry;
  readonly kind: 'delayed' | 'expired';
  readonly text: string;
}

async function report(hub: Hub, office: string, { entry, kind, text }: Report) {
  const settled = (await readNote(hub.store, `office/${office}`, entry.id))?.settled ?? {};
  const waiting = entry.head.recipients.filter((recipient) => !Object.hasOwn(settled, recipient));
  const failures = waiting.map((recipient) => ({ recipient, text }));
  return bounceMail(hub.place, entry, failures, { kind, now: hub.now() });
}

/** Since when the office is silent; while the record stands, postmaster knows. */
const recordKey = (office: string): string => `silent/${office}`;

async function sayItIsSilent(hub: Hub, office: string, late: Late): Promise<void> {
  const record = await hub.store.get(recordKey(office));
  if (late.mails === 0) {
    if (record) await hub.store.remove(recordKey(office));
    return;
  }
  if (record) return;
  const subject = `Office ${office} is silent: ${late.mails === 1 ? '1 mail waits' : `${late.mails} mails wait`}`;
  const about = ['silent office', office, String(late.oldest)];
  const told = await tellPostmaster(hub, { about, subject, lines: await silenceLines(hub, office, late) });
  hub.log.warn('an office is silent', { office, waiting: late.mails, oldest: mailDate(late.oldest) });
  if (told) await hub.store.put(recordKey(office), textBody(String(late.oldest)));
}

async function silenceLines(hub: Hub, office: string, { mails, oldest }: Late): Promise<readonly string[]> {
  const { silent } = hub.config;
  const called = (await readContact(hub, office))?.time;
  return [
    `${mails === 1 ? '1 mail has' : `${mails} mails have`} waited for office ${office} for longer than ${Math.round(silent.delayed / DAY_SECONDS)} days.`,
    `The oldest came on ${mailDate(oldest)}.`,
    called === undefined ? 'The office has never called.' : `The office called last on ${mailDate(called)}.`,
    '',
    `They are kept, and go on when the office calls. After ${Math.round(silent.lifetime / DAY_SECONDS)} days a mail goes back to its sender.`,
    `'hub queue ${office}' lists them. This is said once until nothing is late any more.`,
  ];
}
