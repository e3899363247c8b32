import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { LinkConfig } from '../../agent/config.ts';
import { runSync } from '../../agent/run-sync.ts';
import { BULK, NORMAL } from '../../shared/core/entry.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { readMaildir } from '../support/sites.ts';
import { type SyncPair, syncPair } from '../support/sync-office.ts';

let pair: SyncPair;
afterEach(() => pair?.close());

const IRIDIUM: LinkConfig = { name: 'iridium', price_per_mb: 100, max_mail: 20_000, currency: 'USD' };

/** An office that has heard from the hub who is posted there. */
async function office(...links: readonly LinkConfig[]): Promise<void> {
  pair = await syncPair({ tables: true });
  pair.agent.config.link.push(...links);
  await runSync(pair.agent);
}

interface Written {
  readonly from?: string;
  readonly bytes?: number;
  readonly urgency?: number;
  readonly subject?: string;
}

/** As somebody here writes to the Internet. */
async function write({ from = 'farid@example.org', bytes = 60_000, urgency = NORMAL, subject = 'map' }: Written = {}) {
  const { place, now } = pair.agent;
  const text = `From: <${from}>\nSubject: ${subject}\nMessage-ID: <${subject}@x>\n\n`;
  const body = Buffer.from(text + 'x'.repeat(bytes - text.length));
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const mail = { sender: from, recipients: ['friend@example.com'], hops: 0, urgency, body: bytesBody(body), bodyHash };
  await accept(place, { peer: { name: 'send', relays: true }, id: bodyHash, mail }, now());
}

async function notes(user = 'farid'): Promise<readonly string[]> {
  const mails = await readMaildir(join(pair.agent.config.data, 'users', user));
  return mails.map(({ bytes }) => bytes.toString()).filter((mail) => mail.includes('Waits for a better link'));
}

test('a writer is told once that a mail is too large for the link, and what it costs on each', async () => {
  await office(IRIDIUM, { name: 'vsat' }, { name: 'gprs', price_per_minute: 0.6 });
  await write();
  await write({ subject: 'small', bytes: 900 });
  expect(await runSync(pair.agent, { linkName: 'iridium' })).toMatchObject({ ok: true, up: { mails: 1 } });
  await runSync(pair.agent, { linkName: 'iridium' });
  const [note = '', ...more] = await notes();
  expect(more).toEqual([]);
  expect(note).toMatch(/^Return-Path: <>$/m);
  expect(note).toContain('Subject: Waits for a better link: map\n');
  expect(note).toContain('In-Reply-To: <map@x>\n');
  expect(note).toContain('Auto-Submitted: auto-generated\n');
  expect(note).toContain(
    'Your mail of 60 KB to friend@example.com\nwaits here: it is too large for iridium, which carries mails of at most 20 KB.\n',
  );
  expect(note).toMatch(/^iridium: mails of at most 20 KB; this one about \d\.\d\d USD$/m);
  expect(note).toContain('\nvsat: mails of any size; no price\ngprs: mails of any size; this one 0.6 a minute\n');
  expect(await runSync(pair.agent, { linkName: 'vsat' })).toMatchObject({ ok: true, up: { mails: 1 } });
  expect(await notes()).toHaveLength(1);
});

test('so is the writer of one that what is left of a budget, or of money, does not carry', async () => {
  const budget = [{ amount: 30_000, per: 'day' }] as const;
  await office(
    { name: 'hf', budget: [...budget] },
    { name: 'certus', price_per_mb: 100, money: [{ amount: 1, per: 'month' }] },
  );
  await write({ subject: 'one' });
  await runSync(pair.agent, { linkName: 'hf', down: true });
  expect(await notes()).toEqual([]);
  // A sync that was to carry it, and that the budget ended or forbade.
  const noise = Array.from({ length: 900 }, (_, n) => createHash('sha512').update(`${n}`).digest('base64')).join('\n');
  const body = Buffer.from(`Subject: noise\nMessage-ID: <noise@x>\n\n${noise}\n`);
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const mail = { sender: 'holly@example.org', recipients: ['friend@example.com'], hops: 0, urgency: NORMAL };
  const { place, now } = pair.agent;
  const arriving = {
    peer: { name: 'send', relays: true },
    id: bodyHash,
    mail: { ...mail, body: bytesBody(body), bodyHash },
  };
  await accept(place, arriving, now());
  expect(await runSync(pair.agent, { linkName: 'hf' })).toMatchObject({ ok: false, exit: 75 });
  expect((await notes('holly')).join()).toMatch(/what is left of the budget of hf, \S+ \w+, is not enough for it/);
});

test.each<[string, Written]>([
  ['of a machine', { urgency: BULK }],
  ['without a sender', { from: '' }],
  ['of somebody who has no mailbox here', { from: 'akbar@example.net' }],
])('a mail %s gets none, and none travels', async (_, written) => {
  await office(IRIDIUM);
  await write(written);
  await runSync(pair.agent, { linkName: 'iridium' });
  expect(await runSync(pair.agent, { linkName: 'iridium' })).toMatchObject({
    up: { mails: 0 },
    waiting: { up: { mails: 1 } },
  });
  expect(await notes()).toEqual([]);
});

test('nor does any with notes = false', async () => {
  await office(IRIDIUM);
  pair.agent.config.notes = false;
  await write();
  await runSync(pair.agent, { linkName: 'iridium' });
  expect(await notes()).toEqual([]);
});
