/**
 * Tells a writer of this office, once, that a mail waits for a better link: why, and what it costs on each. A link that has come
 * up and left it here is the occasion. Mail of machines gets no note, and none travels: only writers with a mailbox here get one.
 */
import { BULK } from '../shared/core/entry.ts';
import { fieldValue, headerFields } from '../shared/core/headers.ts';
import { digest } from '../shared/core/mail-id.ts';
import { mailDate } from '../shared/core/trace.ts';
import { headerOf } from '../shared/io/bounce.ts';
import { type Entry, type ListedEntry, listEntries, openEntry } from '../shared/io/maildir.ts';
import { FRESH, readNote, writeNote } from '../shared/io/note.ts';
import { sendNotice } from '../shared/io/notice.ts';
import { type Agent, OUT, userMaildir } from './agent.ts';
import type { LinkConfig } from './config.ts';
import { hubTimeOffset } from './hub-time.ts';
import { mailCost, mailLineBytes } from './link-speed.ts';
import { hasPrice, moneyText } from './price.ts';
import { onSticks } from './trip-session.ts';
import { budgetLeft, lastTrips, moneyLeft, type Trip } from './trips.ts';
import { size } from './words.ts';

/** In one sync; the others are told after the next. */
const NOTES_MAX = 20;

/** After a sync over `link`: looks at what it left. */
export async function tellWriters(agent: Agent, link: LinkConfig): Promise<void> {
  if (!agent.config.notes) return;
  const trips = await lastTrips(agent);
  const left = { bytes: await budgetLeft(agent, link), money: await moneyLeft(agent, link) };
  const sticks = await onSticks(agent);
  let told = 0;
  for (let after: string | undefined; ; ) {
    const page = await listEntries(agent.store, OUT, after === undefined ? {} : { after });
    for (const listed of page) {
      const why = whyItWaits(listed.size, { link, trips, left });
      if (why === undefined || listed.name.urgency >= BULK || sticks.has(listed.key)) continue;
      if (await tell(agent, listed, { why, trips })) told += 1;
      if (told === NOTES_MAX) return;
    }
    after = page.at(-1)?.key;
    if (after === undefined) return;
  }
}

interface Left {
  readonly link: LinkConfig;
  readonly trips: readonly Trip[];
  readonly left: { readonly bytes: number | undefined; readonly money: number | undefined };
}

/** Undefined when the next call over the link may well take it. */
function whyItWaits(bytes: number, { link, trips, left }: Left): string | undefined {
  const { name, max_mail: max = 0 } = link;
  if (max > 0 && bytes > max) return `it is too large for ${name}, which carries mails of at most ${size(max)}`;
  if (left.bytes !== undefined && mailLineBytes(trips, name, bytes) > left.bytes)
    return `what is left of the budget of ${name}, ${size(left.bytes)}, is not enough for it`;
  const cost = mailCost(link, trips, bytes);
  if (left.money !== undefined && cost !== undefined && cost > left.money)
    return `it would cost about ${moneyText(cost, link)} over ${name}, and ${moneyText(left.money, link)} are left`;
  return undefined;
}

interface Reason {
  readonly why: string;
  readonly trips: readonly Trip[];
}

/** False: there is nobody to tell, or they know. */
async function tell(agent: Agent, { key, name }: ListedEntry, reason: Reason): Promise<boolean> {
  const note = (await readNote(agent.store, OUT, name.id)) ?? FRESH;
  if (note.told) return false;
  const entry = await openEntry(agent.store, key);
  if (!entry || !isHere(agent, entry.head.sender)) return false;
  const now = agent.now() + (await hubTimeOffset(agent));
  const id = digest(['waits', entry.id]);
  const bytes = compose(agent, { id, entry, now, header: await headerOf(entry.body), ...reason });
  const { letter } = await sendNotice(agent.place, { id, recipient: entry.head.sender, bytes, now });
  if (letter === 'Z') return false;
  await writeNote(agent.store, OUT, name.id, { ...note, told: true });
  agent.log.info('a writer has been told that a mail waits for a better link', { id: entry.id, reason: reason.why });
  return true;
}

/** Whether what is written to this address stays here. */
function isHere({ place }: Agent, address: string): boolean {
  if (address === '') return false;
  const { deliveries } = place.route({ name: 'bounce', relays: true }, '', address);
  return deliveries.length > 0 && deliveries.every(({ maildir }) => maildir.startsWith(userMaildir('')));
}

interface WaitingMail extends Reason {
  readonly id: string;
  readonly entry: Entry;
  readonly now: number;
  readonly header: Uint8Array;
}

const SUBJECT_CHARACTERS_MAX = 500;
const RECIPIENTS_NAMED = 5;

function compose({ config, place }: Agent, { id, entry, now, header, why, trips }: WaitingMail): Buffer {
  const { sender, recipients, size: bytes } = entry.head;
  const fields = headerFields(header);
  const subject = (fieldValue(fields, 'subject') ?? '').slice(0, SUBJECT_CHARACTERS_MAX);
  const original = fieldValue(fields, 'message-id') ?? '';
  const more = recipients.length > RECIPIENTS_NAMED ? ` and ${recipients.length - RECIPIENTS_NAMED} more` : '';
  const lines = [
    `From: Mail at ${config.office} <MAILER-DAEMON@${place.hostname}>`,
    `To: <${sender}>`,
    `Subject: Waits for a better link: ${subject}`,
    `Date: ${mailDate(now)}`,
    `Message-ID: <${id.slice(0, 32)}@${place.hostname}>`,
    ...(/^<[^<>\s]{1,300}>$/.test(original) ? [`In-Reply-To: ${original}`, `References: ${original}`] : []),
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    `Your mail of ${size(bytes)} to ${recipients.slice(0, RECIPIENTS_NAMED).join(', ')}${more}`,
    `waits here: ${why}.`,
    'It goes by itself when a link is up that carries it; you need not send it again.',
    '',
    ...config.link.map((link) => linkLine(link, trips, bytes)),
    '',
    'If it cannot wait: write it again without its attachments, or with smaller ones. Whoever looks after',
    "this machine can also give it to a stick ('agent export'), or raise max_mail or the budget of a link.",
    '',
  ];
  return Buffer.from(lines.join('\n'));
}

/** What the mail would cost on a link, and whether it may go there. */
function linkLine(link: LinkConfig, trips: readonly Trip[], bytes: number): string {
  const { name, max_mail: max = 0, price_per_minute: minute } = link;
  const cost = mailCost(link, trips, bytes);
  const priced = cost === undefined ? `${minute} a minute` : `about ${moneyText(cost, link)}`;
  const limit = max === 0 ? 'mails of any size' : `mails of at most ${size(max)}`;
  return `${name}: ${limit}; ${hasPrice(link) ? `this one ${priced}` : 'no price'}`;
}
