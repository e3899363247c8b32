/** `agent queue`: each mail that waits for the hub, for whom, since when, and why. */

import { EntryError } from '../shared/core/entry.ts';
import type { Call } from '../shared/io/command-line.ts';
import type { Entry } from '../shared/io/maildir.ts';
import { listEntries, openEntry } from '../shared/io/maildir.ts';
import { type Note, readNote } from '../shared/io/note.ts';
import type { Store } from '../shared/io/store.ts';
import type { OnStick } from '../shared/io/trip-state.ts';
import { type Agent, type AgentCommand, OUT } from './agent.ts';
import { inspectQueues, type Misfit } from './queue-maildir.ts';
import { onSticks } from './trip-session.ts';
import { mails, size, span } from './words.ts';

export const queueCommand: AgentCommand = {
  words: 'queue',
  usage: '[--json]',
  summary: 'lists each mail that waits here for the hub',
  help: 'Id, age, size, sender and recipients; and what the hub said, if it has put the mail off. Files of [[queue]] that do not\nfit are listed with the reason.',
  takes: [0, 0],
  reports: true,
  run: async (desk, call) => print(await desk.open(), call),
};

const ID_DIGITS = 12;
const RECIPIENTS_SHOWN = 3;

export interface Queued {
  readonly entry: Entry;
  readonly note: Note | undefined;
}

/** What there is to say of a mail that waits here. */
export interface Waiting {
  readonly id: string;
  readonly sender: string;
  /** Those who have not got it yet. */
  readonly recipients: readonly string[];
  readonly bytes: number;
  /** Unix seconds by this laptop's clock. */
  readonly since: number;
  readonly urgency: number;
  readonly attempts: number;
  readonly lastError: string | undefined;
}

async function print(agent: Agent, { json, out }: Call): Promise<undefined> {
  let count = 0;
  let bytes = 0;
  // However long the queue, one mail is held at a time; so JSON comes in lines as well, which together are one object.
  if (json) out('{"mails":[');
  const misfits: Misfit[] = [];
  const sticks = await onSticks(agent);
  for await (const mail of queued(agent)) {
    if ('reason' in mail) {
      misfits.push(mail);
      continue;
    }
    const stick = sticks.get(mail.entry.key);
    const onWay = { onStickSince: stick?.since, carrier: stick?.by };
    if (json) out(`${count > 0 ? ',' : ''}${JSON.stringify({ ...facts(mail), ...onWay })}`);
    else out(`${line(agent, mail)}${stick ? stickWords(stick, agent.now()) : ''}`);
    count += 1;
    bytes += mail.entry.head.size;
  }
  misfits.push(...(await inspectQueues(agent)).flatMap((queue) => queue.misfits));
  if (json) out(`],"count":${count},"bytes":${bytes},"misfits":${JSON.stringify(misfits)}}`);
  else for (const text of summary({ count, bytes, misfits })) out(text);
}

/** Each mail that waits, the next to go first; and each file that is no mail of ours. */
export async function* queued({ store }: Agent): AsyncGenerator<Queued | Misfit> {
  for (let after: string | undefined; ; ) {
    const page = await listEntries(store, OUT, after === undefined ? {} : { after });
    for (const { key } of page) {
      const found = await open(store, key);
      if (found) yield found;
    }
    after = page.at(-1)?.key;
    if (after === undefined) return;
  }
}

async function open(store: Store, key: string): Promise<Queued | Misfit | undefined> {
  try {
    const entry = await openEntry(store, key);
    return entry && { entry, note: await readNote(store, OUT, entry.id) };
  } catch (error) {
    if (!(error instanceof EntryError)) throw error;
    return { path: key, reason: error.message };
  }
}

const stickWords = ({ since, by }: OnStick, now: number): string =>
  `, ${by === undefined ? 'on a stick' : `with ${by}`} for ${span(now - since)}`;

export function facts({ entry: { id, head }, note }: Queued): Waiting {
  const { sender, recipients, size: bytes, accepted: since, urgency } = head;
  const waiting = recipients.filter((recipient) => !note || !Object.hasOwn(note.settled, recipient));
  const { attempts = 0, lastError } = note ?? {};
  return { id, sender, recipients: waiting, bytes, since, urgency, attempts, lastError };
}

function line({ now }: Agent, mail: Queued): string {
  const { id, sender, recipients, bytes, since, attempts, lastError } = facts(mail);
  const named = recipients.slice(0, RECIPIENTS_SHOWN).join(' ');
  const more = recipients.length > RECIPIENTS_SHOWN ? ` and ${recipients.length - RECIPIENTS_SHOWN} more` : '';
  const tries = attempts === 0 ? '' : `, put off ${attempts} times: ${lastError ?? 'no reason given'}`;
  return `${id.slice(0, ID_DIGITS)}  ${span(now() - since)}  ${size(bytes)}  <${sender}> to ${named}${more}${tries}`;
}

interface Summed {
  readonly count: number;
  readonly bytes: number;
  readonly misfits: readonly Misfit[];
}

const summary = ({ count, bytes, misfits }: Summed): readonly string[] => [
  count === 0 ? 'nothing waits' : `${mails(count)}, ${size(bytes)}`,
  ...misfits.map(({ path, reason }) => `not taken: ${path}: ${reason}`),
];
