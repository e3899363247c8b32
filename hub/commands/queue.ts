/** `hub queue`: what waits, for whom, since when; and what an operator can do about one mail. */
import { fieldValue, headerFields } from '../../shared/core/headers.ts';
import { bounceMail, headerOf, NOBODY_TOLD } from '../../shared/io/bounce.ts';
import { type Call, EXIT, Exit } from '../../shared/io/command-line.ts';
import { removeEntry } from '../../shared/io/maildir.ts';
import { writeNote } from '../../shared/io/note.ts';
import type { OnStick } from '../../shared/io/trip-state.ts';
import type { Hub, HubCommand } from '../hub.ts';
import { offeredIds, onSticks } from '../instance.ts';
import { withOffice } from '../office-lock.ts';
import { findQueued, type Queued, queued, queueNames } from '../queue-list.ts';
import { INTERNET } from '../relay-entry.ts';

const ID_DIGITS = 12;
const RECIPIENTS_SHOWN = 3;

export const queueCommands: readonly HubCommand[] = [
  {
    words: 'queue',
    usage: '[OFFICE] [--json]',
    summary: 'lists what waits, for whom, since when, and why',
    help: "OFFICE: an office's name, or `internet` for what goes out. Without it: everything.\n\n  hub queue herat",
    takes: [0, 1],
    reports: true,
    run: list,
  },
  {
    words: 'queue show',
    usage: 'ID [--json]',
    summary: 'shows one mail that waits: envelope, header, what has become of each recipient',
    help: 'ID: six or more of the first digits that `hub queue` shows.',
    takes: [1, 1],
    reports: true,
    run: show,
  },
  {
    words: 'queue retry',
    usage: 'ID',
    summary: 'has a mail tried now, whenever it would be its turn',
    help: 'A mail that is held because of its size goes with the next trip of its office, whatever that costs there.',
    takes: [1, 1],
    run: retry,
  },
  {
    words: 'queue drop',
    usage: 'ID [--quiet]',
    summary: 'takes a mail out of the queue for good, and tells its sender',
    help: '  --quiet        the sender is not told',
    options: { quiet: { type: 'boolean' } },
    takes: [1, 1],
    run: drop,
  },
];

const stickWords = ({ since, by }: OnStick, now: number): string =>
  `, ${by === undefined ? 'on a stick' : `with ${by}`} for ${span(now - since)}`;

async function list(hub: Hub, { positionals: [only], json, out }: Call): Promise<undefined> {
  let mails = 0;
  let bytes = 0;
  // However long the queue, one mail is held at a time; so JSON comes in lines as well, which together are one object.
  if (json) out('{"mails":[');
  for (const queue of queueNames(hub, only)) {
    const sticks = await onSticks(hub, queue);
    for await (const mail of queued(hub, queue)) {
      const stick = sticks.get(mail.entry.key);
      const onWay = { onStickSince: stick?.since, carrier: stick?.by };
      if (json) out(`${mails > 0 ? ',' : ''}${JSON.stringify({ ...facts(mail), ...onWay })}`);
      else out(`${line(hub, mail)}${stick ? stickWords(stick, hub.now()) : ''}`);
      mails += 1;
      bytes += mail.entry.head.size;
    }
  }
  out(
    json
      ? `],"count":${mails},"bytes":${bytes}}`
      : mails === 0
        ? 'nothing waits'
        : `${mails} mail${mails === 1 ? '' : 's'}, ${size(bytes)}`,
  );
}

function facts({ queue, entry, note }: Queued) {
  const { sender, recipients, size: bytes, accepted, urgency, hops } = entry.head;
  const { attempts, nextTry, lastError, held = false, fetch: asked = false } = note;
  const waiting = recipients.filter((recipient) => !Object.hasOwn(note.settled, recipient));
  return {
    id: entry.id,
    queue,
    sender,
    recipients: waiting,
    bytes,
    since: accepted,
    urgency,
    hops,
    attempts,
    nextTry,
    lastError,
    held: held && !asked,
  };
}

function line(hub: Hub, mail: Queued): string {
  const { id, queue, sender, recipients, bytes, since, attempts, lastError, held } = facts(mail);
  const named = recipients.slice(0, RECIPIENTS_SHOWN).join(' ');
  const more = recipients.length > RECIPIENTS_SHOWN ? ` and ${recipients.length - RECIPIENTS_SHOWN} more` : '';
  const tries = attempts === 0 ? '' : `, tried ${times(attempts)}, ${whenNext(hub, mail)}: ${lastError ?? 'no answer'}`;
  const why = held ? ', held: too large for the link' : tries;
  return `${id.slice(0, ID_DIGITS)}  ${queue}  ${span(hub.now() - since)}  ${size(bytes)}  <${sender}> to ${named}${more}${why}`;
}

function whenNext({ now }: Hub, { queue, note: { nextTry } }: Queued): string {
  if (queue !== INTERNET) return 'goes when the office calls';
  return nextTry <= now() ? 'next try now' : `next try in ${span(nextTry - now())}`;
}

async function show(hub: Hub, { positionals: [prefix = ''], json, out }: Call): Promise<undefined> {
  const mail = await findQueued(hub, prefix);
  const { entry, note } = mail;
  const fields = headerFields(await headerOf(entry.body));
  const header = SHOWN.map((name) => [name, fieldValue(fields, name)] as const).filter(
    ([, value]) => value !== undefined,
  );
  const recipients = entry.head.recipients.map((recipient) => ({ recipient, ...note.settled[recipient] }));
  if (json) out(JSON.stringify({ ...facts(mail), recipients, header: Object.fromEntries(header), file: entry.key }));
  else for (const text of describe(hub, mail, { header, recipients })) out(text);
}

const SHOWN = ['from', 'to', 'subject', 'date', 'message-id'];

interface Described {
  readonly header: readonly (readonly [string, string | undefined])[];
  readonly recipients: readonly { readonly recipient: string; readonly text?: string }[];
}

function describe(hub: Hub, mail: Queued, { header, recipients }: Described): readonly string[] {
  const { id, key, head } = mail.entry;
  const { attempts, lastError } = mail.note;
  return [
    `id          ${id}`,
    `queue       ${mail.queue}, for ${span(hub.now() - head.accepted)}, ${size(head.size)}, ${whenNext(hub, mail)}`,
    `sender      <${head.sender}>`,
    ...recipients.map(({ recipient, text }) => `recipient   ${recipient}: ${text ?? 'waits'}`),
    `tried       ${times(attempts)}${lastError === undefined ? '' : `; last: ${lastError}`}`,
    ...header.map(([name, value]) => `${name.padEnd(11)} ${value}`),
    `file        ${key}`,
  ];
}

async function retry(hub: Hub, { positionals: [prefix = ''], out }: Call): Promise<undefined> {
  const { entry, maildir, note, queue } = await findQueued(hub, prefix);
  await writeNote(hub.store, maildir, entry.id, { ...note, nextTry: 0, ...(note.held ? { fetch: true } : {}) });
  hub.place.published?.(maildir, entry.key);
  const when = queue === INTERNET ? 'is tried now' : `goes when office ${queue} calls`;
  out(`${entry.id.slice(0, ID_DIGITS)} ${when}`);
}

async function drop(hub: Hub, { positionals: [prefix = ''], options, out }: Call): Promise<undefined> {
  const found = await findQueued(hub, prefix);
  const told = await withOffice(hub, found.queue, () => dropFound(hub, found, options.quiet === true));
  out(
    `${found.entry.id.slice(0, ID_DIGITS)} dropped; ${told ? `${found.entry.head.sender} is told` : 'nobody is told'}`,
  );
}

/** Answers whether somebody is told. */
async function dropFound(hub: Hub, { entry, note, queue }: Queued, quiet: boolean): Promise<boolean> {
  if (queue !== INTERNET && !quiet && (await offeredIds(hub, queue)).has(entry.id))
    throw new Exit(
      EXIT.later,
      `office ${queue} may have this mail already and has not said so yet: wait for its next trip, or drop it with --quiet`,
    );
  const waiting = entry.head.recipients.filter((recipient) => !Object.hasOwn(note.settled, recipient));
  const failures = waiting.map((recipient) => ({ recipient, text: 'taken out of the queue by the operator (#5.7.0)' }));
  const now = hub.now();
  const told = quiet ? NOBODY_TOLD : await bounceMail(hub.place, entry, failures, { kind: 'failed', now });
  if (told.letter === 'Z') throw new Exit(EXIT.later, `the sender could not be told, so the mail stays: ${told.text}`);
  await removeEntry(hub.store, entry);
  hub.log.info('a mail was dropped by the operator', {
    id: entry.id,
    sender: entry.head.sender,
    recipients: waiting.length,
  });
  return told !== NOBODY_TOLD;
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

/** `2 d 4 h`, `5 min`, `12 s`. */
function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  const hours = Math.floor(whole / 3600);
  return hours < 24 ? `${hours} h` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(0)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
