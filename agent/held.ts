/**
 * `agent held` and `agent fetch`: what the hub holds for this office because of its size. Each summary that arrives leaves a
 * record, `held/<id>`; it goes when the mail itself comes, or is dropped.
 */
import { createHash, randomBytes } from 'node:crypto';
import { decodeWords } from 'postal-mime';
import * as z from 'zod/mini';
import { NORMAL } from '../shared/core/entry.ts';
import { fieldValue, headerBlock, headerFields } from '../shared/core/headers.ts';
import { heldAddress } from '../shared/core/held-address.ts';
import { digest, mailId } from '../shared/core/mail-id.ts';
import { mailDate } from '../shared/core/trace.ts';
import { accept } from '../shared/io/accept.ts';
import { bytesBody, readBody, textBody } from '../shared/io/body.ts';
import { type Call, EXIT, Exit } from '../shared/io/command-line.ts';
import type { Mail } from '../shared/io/mail.ts';
import { type Store, StoreError } from '../shared/io/store.ts';
import type { Agent, AgentCommand } from './agent.ts';
import { mailCost } from './link-speed.ts';
import { hasPrice, moneyText } from './price.ts';
import { lastTrips } from './trips.ts';
import { size, span } from './words.ts';

export const heldCommand: AgentCommand = {
  words: 'held',
  usage: '[--json]',
  summary: 'lists the mail that is too large for the link and waits at the hub',
  help: "`agent fetch ID` asks for one. So does a reply to its summary: all, text, small, drop, or an attachment's number, in the first line.",
  takes: [0, 0],
  reports: true,
  run: async (desk, call) => print(await desk.open(), call),
};

export const fetchCommand: AgentCommand = {
  words: 'fetch',
  usage: 'ID [--text | [--small] [--part N…] | --drop]',
  summary: 'asks the hub for a mail that it holds; it comes with the sync after the next',
  help: `ID: six or more of the first digits that \`agent held\` shows.
  --text         its text alone
  --part N       attachment N; may be given several times
  --small        its pictures made small; with --part those alone
  --drop         nothing: it is not wanted

  agent fetch 5f0a12 --part 1 --part 3
  agent fetch 5f0a12 --small --part 2`,
  options: {
    text: { type: 'boolean' },
    drop: { type: 'boolean' },
    small: { type: 'boolean' },
    part: { type: 'string', multiple: true },
  },
  takes: [1, 1],
  run: async (desk, call) => fetch(await desk.open(), call),
};

export const HELD = z.object({
  id: z.string(),
  token: z.string(),
  recipient: z.string(),
  subject: z.string(),
  bytes: z.number(),
  /** Number of attachments. */
  parts: z.number(),
  /** Unix seconds by the hub's clock. */
  since: z.number(),
  /** What the hub was last asked for, in the words of a request. */
  asked: z.optional(z.string()),
});
export type Held = z.infer<typeof HELD>;

const FOLDER = 'held/';
const HELD_MAX = 1_000;
const SUMMARY_BYTES_MAX = 20_000;
const FACTS = /^id=([0-9a-f]{64}); size=(\d{1,15}); token=([a-z2-7]{20}); parts=(\d{1,4})$/;

/** Called for each mail that the hub brings. Doing it again is harmless. */
export async function noteHeld(agent: Agent, mail: Mail, now: number): Promise<void> {
  const [recipient] = mail.recipients;
  if (mail.sender === '' && mail.body.size <= SUMMARY_BYTES_MAX && recipient !== undefined) {
    const fields = headerFields(headerBlock(await readBody(mail.body, SUMMARY_BYTES_MAX)));
    const [, id, bytes, token = '', parts] = FACTS.exec(fieldValue(fields, 'x-fieldpost-held') ?? '') ?? [];
    if (id === undefined) return;
    const subject = decodeWords(fieldValue(fields, 'subject') ?? '');
    const held: Held = { id, token, recipient, subject, bytes: Number(bytes), parts: Number(parts), since: now };
    await agent.store.put(keyOf(recipient, id), textBody(JSON.stringify(held)));
    return;
  }
  const id = mailId(mail);
  for (const to of mail.recipients) if (await agent.store.get(keyOf(to, id))) await agent.store.remove(keyOf(to, id));
}

/** One mail may be held for several people here, each with their own token. */
const keyOf = (recipient: string, id: string): string => `${FOLDER}${id}.${digest([recipient]).slice(0, 8)}`;

/** What the hub holds for this office, the oldest first. */
export async function allHeld(store: Store): Promise<readonly Held[]> {
  const listed = await store.list(FOLDER, { limit: HELD_MAX });
  const held = await Promise.all(listed.map(({ key }) => readHeld(store, key)));
  return held.filter((one) => one !== undefined).sort((a, b) => a.since - b.since);
}

/** Undefined when it is gone. */
async function readHeld(store: Store, key: string): Promise<Held | undefined> {
  const body = await store.get(key);
  if (!body) return undefined;
  const held = HELD.safeParse(parseJson((await readBody(body)).toString()));
  if (held.success) return held.data;
  throw new StoreError(
    `${key} in the data folder is damaged: remove it; the mail can still be asked for by a reply to its summary`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How many mails the hub holds, and their bytes: one that is held for several people counts once. */
export async function countHeld(store: Store): Promise<{ readonly mails: number; readonly bytes: number }> {
  const bytesOf = new Map((await allHeld(store)).map(({ id, bytes }) => [id, bytes]));
  return { mails: bytesOf.size, bytes: [...bytesOf.values()].reduce((sum, bytes) => sum + bytes, 0) };
}

/** What the whole mail costs on each link, about; without `cost` where that cannot be said yet. */
async function pricesOf(agent: Agent, { bytes }: Pick<Held, 'bytes'>): Promise<readonly LinkPrice[]> {
  const trips = await lastTrips(agent);
  return agent.config.link.filter(hasPrice).map((link) => {
    const cost = mailCost(link, trips, bytes);
    return {
      link: link.name,
      ...(cost === undefined ? {} : { cost }),
      ...(link.currency === undefined ? {} : { currency: link.currency }),
    };
  });
}

interface LinkPrice {
  readonly link: string;
  /** In a call of its own. */
  readonly cost?: number;
  readonly currency?: string;
}

const ID_DIGITS = 12;

async function print(agent: Agent, { json, out }: Call): Promise<undefined> {
  const held = await allHeld(agent.store);
  if (json) {
    const facts = held.map(async ({ token: _, ...mail }) => ({ ...mail, prices: await pricesOf(agent, mail) }));
    out(JSON.stringify({ held: await Promise.all(facts) }));
    return;
  }
  for (const { id, recipient, subject, bytes, parts, since } of held) {
    const prices = (await pricesOf(agent, { bytes })).flatMap(priceWords);
    out(
      `${id.slice(0, ID_DIGITS)}  ${span(agent.now() - since)}  ${size(bytes)}  ${recipient}  ${subject}  ${parts} attachment${parts === 1 ? '' : 's'}${prices.length > 0 ? `  ${prices.join(', ')}` : ''}`,
    );
  }
  if (held.length === 0) out('nothing is held');
}

const priceWords = ({ link, cost, currency }: LinkPrice): readonly string[] =>
  cost === undefined ? [] : [`${link} ${moneyText(cost, { currency })}`];

async function fetch(agent: Agent, { positionals: [prefix = ''], options, out }: Call): Promise<undefined> {
  const word = wordOf(options);
  const held = await findHeld(agent, prefix);
  await askFor(agent, held, word);
  out(`${held.id.slice(0, ID_DIGITS)}: the hub is asked for ${word} with the next sync`);
}

/** With the next sync: `all`, `text`, `small`, `drop`, or numbers of attachments. Durable when it returns; throws Exit 75. */
export async function askFor(agent: Agent, held: Held, word: string): Promise<void> {
  await ask(agent, held, requestBytes(agent, held, word));
  const key = keyOf(held.recipient, held.id);
  if (word === 'drop') await agent.store.remove(key);
  else await agent.store.put(key, textBody(JSON.stringify({ ...held, asked: word })));
}

function wordOf({ text, drop, small, part }: Call['options']): string {
  const numbers = Array.isArray(part) ? part : [];
  const parts = [...(small === true ? ['small'] : []), ...numbers].join(' ');
  const given = [text === true ? 'text' : '', drop === true ? 'drop' : '', parts].filter(Boolean);
  if (given.length > 1) throw new Exit(EXIT.usage, 'give one of --text, --drop, and --small or --part');
  if (numbers.some((number) => !/^[1-9]\d{0,2}$/.test(number)))
    throw new Exit(EXIT.usage, '--part is the number of an attachment, as the summary shows it');
  return given[0] ?? 'all';
}

async function findHeld({ store }: Agent, prefix: string): Promise<Held> {
  const found = (await allHeld(store)).filter(({ id }) => /^[0-9a-f]{6,}$/.test(prefix) && id.startsWith(prefix));
  const [first] = found;
  if (!first)
    throw new Exit(EXIT.data, `nothing that is held has an id that begins with "${prefix}"; 'agent held' shows them`);
  if (found.some(({ id }) => id !== first.id))
    throw new Exit(EXIT.data, `several mails begin with ${prefix}: give more digits`);
  return first;
}

function requestBytes({ directory, place, now }: Agent, { token, recipient, subject }: Held, word: string): Buffer {
  const lines = [
    `From: <${recipient}>`,
    `To: <${heldAddress(token, directory().domain)}>`,
    `Subject: ${/^[ -~]*$/.test(subject) ? `Re: ${subject}` : 'Re: held mail'}`,
    `Date: ${mailDate(now())}`,
    `Message-ID: <${randomBytes(12).toString('hex')}@${place.hostname}>`,
    '',
    word,
    '',
  ];
  return Buffer.from(lines.join('\n'));
}

async function ask({ place, directory, now }: Agent, { token, recipient }: Held, bytes: Buffer): Promise<void> {
  const bodyHash = createHash('sha256').update(bytes).digest('hex');
  const recipients = [heldAddress(token, directory().domain)];
  const mail = { sender: recipient, recipients, hops: 0, urgency: NORMAL, body: bytesBody(bytes), bodyHash };
  const [verdict] = await accept(place, { peer: { name: 'send', relays: true }, id: bodyHash, mail }, now());
  if (verdict?.letter !== 'K') throw new Exit(EXIT.later, verdict?.text ?? 'the request could not be kept');
}
