/** Held mail as people meet it: somebody of the Internet writes, a summary comes, a reply asks. For a pair with tables. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { sync } from '../../agent/sync.ts';
import { answerRequests } from '../../hub/requests.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import { openEntry } from '../../shared/io/maildir.ts';
import type { BareHub } from './bare-hub.ts';
import type { SyncPair } from './sync-office.ts';

/** A mail of 53 KB: a text, a picture that is none, a table. */
const PHOTO = Buffer.alloc(30_000, 'photo');
export const TABLE = Buffer.alloc(9_000, 'a;b;c\n');
export const LARGE = Buffer.from(
  [
    'From: =?utf-8?Q?J=C3=BCrgen?= <friend@example.com>',
    'To: farid@example.org',
    'Subject: =?utf-8?Q?The_bridge_=E2=80=93_photographs?=',
    'Date: Tue, 24 Nov 2026 09:00:00 +0000',
    'Message-ID: <bridge@example.com>',
    'Content-Type: multipart/mixed; boundary="b"',
    '',
    '--b',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<p>The bridge <b>holds</b>.</p><p>Two photographs.</p>',
    '--b',
    'Content-Type: image/jpeg; name="bridge.jpg"',
    'Content-Disposition: attachment; filename="bridge.jpg"',
    'Content-Transfer-Encoding: base64',
    '',
    PHOTO.toString('base64').replace(/.{76}/g, '$&\n'),
    '--b',
    'Content-Type: text/csv',
    "Content-Disposition: attachment; filename*=utf-8''l%C3%A4nge.csv",
    'Content-Transfer-Encoding: base64',
    '',
    TABLE.toString('base64').replace(/.{76}/g, '$&\n'),
    '--b--',
    '',
  ].join('\n'),
);

export interface Posted {
  readonly to?: readonly string[];
  readonly bytes?: Buffer;
}

/** From somebody of the Internet. */
export async function post(
  { hub }: SyncPair,
  { to = ['farid@example.org'], bytes = LARGE }: Posted = {},
): Promise<void> {
  const bodyHash = createHash('sha256').update(bytes).digest('hex');
  const mail = {
    sender: 'friend@example.com',
    recipients: to,
    hops: 0,
    urgency: 5,
    body: bytesBody(bytes),
    bodyHash,
  };
  const id = createHash('sha256').update(bytes).update(to.join()).digest('hex');
  const verdicts = await accept(hub.place, { peer: { name: 'smtp', relays: false }, id, mail }, hub.now());
  expect(verdicts.map(({ letter }) => letter)).toEqual(to.map(() => 'K'));
}

/** What lies in somebody's mailbox, summaries first. */
export async function mailbox({ agent }: SyncPair, name = 'farid'): Promise<readonly string[]> {
  const folder = join(agent.config.data, `users/${name}/new`);
  const names = await readdir(folder).catch(() => []);
  const files = await Promise.all(names.map((file) => readFile(join(folder, file), 'utf8')));
  const rank = (text: string): number => (/^X-Fieldpost-Held:/m.test(text) ? 0 : 1);
  return files.sort((a, b) => rank(a) - rank(b));
}

export const replyTo = (summary: string): string => /^Reply-To: <(.*)>$/m.exec(summary)?.[1] ?? '';

export interface Reply {
  readonly to: string;
  readonly text: string;
  readonly from?: string;
  readonly header?: string;
}

/** As a mail program at the office answers. */
export async function reply(
  { agent: { place, now } }: SyncPair,
  { to, text, from = 'farid@example.org', header = '' }: Reply,
): Promise<string | undefined> {
  const bytes = Buffer.from(
    `From: <${from}>\nTo: <${to}>\nSubject: Re: held\nMessage-ID: <${Math.random()}@x>\n${header}\n\n${text}\n\n> From: Jürgen\n> all\n`,
  );
  const bodyHash = createHash('sha256').update(bytes).digest('hex');
  const mail = { sender: from, recipients: [to], hops: 0, urgency: 5, body: bytesBody(bytes), bodyHash };
  const [verdict] = await accept(place, { peer: { name: 'send', relays: true }, id: bodyHash, mail }, now());
  return verdict?.letter;
}

/** The summary that the first sync brings. */
export async function heldAtOffice(pair: SyncPair, posted: Posted = {}): Promise<string> {
  await post(pair, posted);
  expect(await sync(pair.agent)).toMatchObject({ ok: true, down: { mails: 1 } });
  const [summary = ''] = await mailbox(pair);
  return summary;
}

/** Takes the requests up, has them answered, and brings what there is. */
export async function exchange(pair: SyncPair): Promise<void> {
  expect(await sync(pair.agent, { up: true, down: false })).toMatchObject({ ok: true });
  await answerRequests(pair.hub);
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
}

export const refusals = async (hub: BareHub, maildir = 'office/herat'): Promise<readonly string[]> => {
  const texts: string[] = [];
  for (const { key } of await hub.entries(maildir)) {
    const entry = await openEntry(hub.store, key);
    const text = entry ? (await readBody(entry.body, 10_000_000)).toString() : '';
    if (text.includes('could not be delivered')) texts.push(text);
  }
  return texts;
};
