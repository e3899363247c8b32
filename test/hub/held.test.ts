import { readFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import type { Desk } from '../../agent/agent.ts';
import { fetchCommand, heldCommand } from '../../agent/held.ts';
import { statusLines } from '../../agent/status.ts';
import { statusReport } from '../../agent/status-report.ts';
import { sync } from '../../agent/sync.ts';
import { queueCommands } from '../../hub/commands/queue.ts';
import { dropGoneHeld } from '../../hub/held-record.ts';
import { holdEntry } from '../../hub/hold.ts';
import { readParts } from '../../hub/mail-parts.ts';
import { answerRequests } from '../../hub/requests.ts';
import { reportSilentOffices } from '../../hub/silent-office.ts';
import { DEFAULT_LIMITS } from '../../shared/core/directory.ts';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import { openEntry } from '../../shared/io/maildir.ts';
import * as held from '../support/held-mail.ts';
import { LARGE, refusals, replyTo, TABLE } from '../support/held-mail.ts';
import { NO_FILES } from '../support/no-files.ts';
import { HERAT, type SyncPair, syncPair } from '../support/sync-office.ts';

let pair: SyncPair;
afterEach(() => pair?.close());

const OFFICE = { ...HERAT, limits: { ...DEFAULT_LIMITS, holdBytesMax: 20_000 } };
const start = async (toml = ''): Promise<void> => {
  pair = await syncPair({ tables: true, office: OFFICE, toml });
};
const post = (posted: held.Posted = {}): Promise<void> => held.post(pair, posted);
const mailbox = (name = 'farid'): Promise<readonly string[]> => held.mailbox(pair, name);
const reply = (asked: held.Reply): Promise<string | undefined> => held.reply(pair, asked);
const heldAtOffice = (): Promise<string> => held.heldAtOffice(pair);
const exchange = (): Promise<void> => held.exchange(pair);

test('a summary goes instead of a mail that is too large, once, and says what there is', async () => {
  await start();
  const summary = await heldAtOffice();
  expect(summary).toContain('Subject: =?utf-8?B?');
  expect(summary).toMatch(/^Reply-To: <held\+[a-z2-7]{20}@example\.org>$/m);
  expect(summary).toContain('Auto-Submitted: auto-generated\n');
  expect(summary).toContain('From: Jürgen <friend@example.com>');
  expect(summary).toContain('The bridge holds.\nTwo photographs.\n');
  expect(summary).toContain('1  bridge.jpg  image/jpeg  30 KB\n2  länge.csv  text/csv  9 KB\n');
  expect(Buffer.byteLength(summary)).toBeLessThan(1_500);
  expect(await sync(pair.agent)).toMatchObject({ down: { mails: 0 }, waiting: { down: { mails: 1 } } });
  expect(await mailbox()).toHaveLength(1);
});

test('a stop after the summary and before its note doubles nothing', async () => {
  await start();
  await post();
  const [listed] = await pair.hub.entries('office/herat');
  if (!listed) throw new Error('nothing waits');
  await holdEntry(pair.hub, 'herat', listed);
  await pair.hub.store.remove(`office/herat/note/${listed.name.id}`);
  await holdEntry(pair.hub, 'herat', listed);
  expect(await pair.hub.entries('office/herat')).toHaveLength(2);
  expect(await sync(pair.agent)).toMatchObject({ down: { mails: 1 } });
  expect(await mailbox()).toHaveLength(1);
});

test('all: the mail comes as it is, and nothing waits any more', async () => {
  await start();
  const summary = await heldAtOffice();
  expect(await reply({ to: replyTo(summary), text: '\n All. ' })).toBe('K');
  await exchange();
  const [, whole = ''] = await mailbox();
  expect(whole.endsWith(LARGE.toString())).toBe(true);
  expect(await pair.hub.entries('office/herat')).toEqual([]);
});

test('text, and attachments by number: a mail with that alone, and the original stays held', async () => {
  await start();
  const summary = await heldAtOffice();
  await reply({ to: replyTo(summary), text: 'text' });
  await exchange();
  const [, text = ''] = await mailbox();
  expect(text).toContain('From: =?utf-8?Q?J=C3=BCrgen?= <friend@example.com>\n');
  expect(text).toContain('References: <bridge@example.com>\n');
  expect(text).toContain('\nThe bridge holds.\n\nTwo photographs.');
  expect(text).not.toContain('bridge.jpg');
  await reply({ to: replyTo(summary), text: '2' });
  await exchange();
  const table = (await mailbox()).find((mail) => mail.includes("filename*=utf-8''l%C3%A4nge.csv")) ?? '';
  expect(Buffer.from(table.slice(table.indexOf('\n\n')), 'base64').equals(TABLE)).toBe(true);
  // What is asked for comes even if it is itself larger than the limit.
  await reply({ to: replyTo(summary), text: '2, 1' });
  await exchange();
  const both = (await mailbox()).find((mail) => mail.includes('multipart/mixed; boundary="held-')) ?? '';
  expect(both.indexOf('länge.csv')).toBeLessThan(both.indexOf('filename="bridge.jpg"'));
  expect(both.length).toBeGreaterThan(50_000);
  expect(await pair.hub.entries('office/herat')).toHaveLength(1);
});

test('drop: it goes when nobody waits for it any more, and is kept among the delivered', async () => {
  await start();
  await post({ to: ['farid@example.org', 'holly@example.org'] });
  await sync(pair.agent);
  const [forFarid = ''] = await mailbox('farid');
  const [forHolly = ''] = await mailbox('holly');
  expect(replyTo(forFarid)).not.toBe(replyTo(forHolly));
  await reply({ to: replyTo(forFarid), text: 'drop' });
  await exchange();
  expect(await pair.hub.entries('office/herat')).toHaveLength(1);
  await reply({ to: replyTo(forHolly), text: 'drop', from: 'holly@herat.example.org' });
  await exchange();
  expect(await pair.hub.entries('office/herat')).toEqual([]);
  expect((await pair.hub.store.list('office/herat/delivered/')).length).toBeGreaterThan(0);
});

test('agent held lists it, agent fetch asks for it, and the record goes with the mail', async () => {
  await start();
  await heldAtOffice();
  const run = async (command: typeof heldCommand, options = {}, ...positionals: string[]): Promise<string> => {
    const lines: string[] = [];
    const desk = { open: async () => pair.agent } as unknown as Desk;
    const json = command === heldCommand;
    await command.run(desk, { positionals, options, json, out: (line) => lines.push(line), ...NO_FILES, readFile });
    return lines.join('\n');
  };
  const { held: list } = JSON.parse(await run(heldCommand));
  expect(list).toMatchObject([{ recipient: 'farid@herat.example.org', parts: 2, bytes: LARGE.length }]);
  expect(list[0].subject).toMatch(/^\[held \d+ KB\] The bridge – photographs$/);
  expect(JSON.stringify(list)).not.toContain('token');
  pair.agent.config.link.push({ name: 'iridium', price_per_mb: 100, price_minimum: 0.5, currency: 'USD' });
  expect(JSON.parse(await run(heldCommand)).held[0].prices).toEqual([
    { link: 'iridium', cost: expect.closeTo(LARGE.length * 0.75e-4, 1), currency: 'USD' },
  ]);
  const report = await statusReport(pair.agent);
  expect(report.held).toEqual({ mails: 1, bytes: LARGE.length });
  const lines = (await statusLines(pair.agent, report)).join('\n');
  expect(lines).toContain("held       1 mail, 53 KB at the hub ('agent held' lists them)");
  await run(fetchCommand, { part: ['2'] }, list[0].id.slice(0, 12));
  await exchange();
  expect((await mailbox()).some((mail) => mail.includes("filename*=utf-8''l%C3%A4nge.csv"))).toBe(true);
  await run(fetchCommand, {}, list[0].id.slice(0, 12));
  await exchange();
  expect(JSON.parse(await run(heldCommand))).toEqual({ held: [] });
  await expect(run(fetchCommand, {}, list[0].id.slice(0, 12))).rejects.toThrow(/nothing that is held/);
});

test('a token works only for its recipient and from its office, and never for a machine', async () => {
  await start();
  const summary = await heldAtOffice();
  const to = replyTo(summary);
  const { hub } = pair;
  for (const peer of [
    { name: 'smtp', relays: false },
    { name: 'smtp/herat', relays: true, office: 'herat' },
  ])
    expect(hub.place.route(peer, 'farid@example.org', to)).toMatchObject({ verdict: { letter: 'D' } });
  // Another office's mail waits apart, where the token means nothing.
  const mazar = { name: 'office/mazar', relays: true, office: 'mazar' };
  expect(hub.place.route(mazar, 'farid@example.org', to).deliveries).toMatchObject([{ maildir: 'fetch/mazar' }]);

  await reply({ to, text: 'all', header: 'Auto-Submitted: auto-replied' });
  await reply({ to, text: 'all', header: 'Precedence: bulk' });
  await reply({ to, text: 'all', from: '' });
  await sync(pair.agent, { up: true, down: false });
  await answerRequests(hub);
  expect(await hub.entries('fetch/herat')).toEqual([]);
  expect(await hub.entries('office/herat')).toHaveLength(1);

  await reply({ to, text: 'all', from: 'holly@example.org' });
  await reply({ to: to.replace(/\+.{20}/, '+aaaaaaaaaaaaaaaaaaaa'), text: 'all' });
  await sync(pair.agent, { up: true, down: false });
  await answerRequests(hub);
  const told = await refusals(hub);
  expect(told).toHaveLength(2);
  for (const text of told) expect(text).toContain('there is no held mail for you');
});

test('a reply that says something else is answered with what it may say', async () => {
  await start();
  const summary = await heldAtOffice();
  await reply({ to: replyTo(summary), text: 'Please send it all.' });
  await reply({ to: replyTo(summary), text: '3' });
  await sync(pair.agent, { up: true, down: false });
  await answerRequests(pair.hub);
  const told = (await refusals(pair.hub)).join('\n');
  expect(told).toContain('all, text, drop, small, or the numbers');
  expect(told).toContain('it has 2 attachments');
});

test('the limit of a day: over it a sentence says when; the next day it comes', async () => {
  await start('[held]\nper_day = "15 KB"\n');
  const summary = await heldAtOffice();
  for (const text of ['2', '2', 'all']) await reply({ to: replyTo(summary), text });
  await sync(pair.agent, { up: true, down: false });
  await answerRequests(pair.hub);
  const told = (await refusals(pair.hub)).join('\n');
  expect(told).toMatch(/more than 15 KB today: ask again after .* 00:00:00/);
  expect(told).toMatch(/one person may ask for 15 KB a day: the operator of the hub can send it \(hub queue retry/);
  expect(await pair.hub.entries('office/herat')).toHaveLength(4);
  pair.hub.wait(86_400);
  await reply({ to: replyTo(summary), text: '2' });
  await exchange();
  expect((await mailbox()).filter((mail) => mail.includes("filename*=utf-8''l%C3%A4nge.csv"))).toHaveLength(2);

  const list = queueCommands.find(({ words }) => words === 'queue');
  const lines: string[] = [];
  await list?.run(pair.hub, {
    positionals: ['herat'],
    options: {},
    json: false,
    out: (line) => lines.push(line),
    ...NO_FILES,
    readFile,
  });
  expect(lines[0]).toMatch(
    /53 KB {2}<friend@example\.com> to farid@herat\.example\.org, held: too large for the link$/,
  );
  const retry = queueCommands.find(({ words }) => words === 'queue retry');
  const [entry] = await pair.hub.entries('office/herat');
  const positionals = [entry?.name.id.slice(0, 12) ?? ''];
  await retry?.run(pair.hub, { positionals, options: {}, json: false, out: () => {}, ...NO_FILES, readFile });
  await sync(pair.agent);
  expect((await mailbox()).some((mail) => mail.endsWith(LARGE.toString()))).toBe(true);
});

test('a mail that nothing can take apart is held all the same, with what its header says', async () => {
  await start();
  const parts = Array.from({ length: 5_000 }, () => '--b\n\nx\n').join('');
  await post({ bytes: Buffer.from(`Subject: many\nContent-Type: multipart/mixed; boundary=b\n\n${parts}`) });
  expect(await sync(pair.agent)).toMatchObject({ ok: true, down: { mails: 1 } });
  const [summary = ''] = await mailbox();
  expect(summary).toContain('] many\n');
  expect(summary).not.toContain('its text alone');
  await reply({ to: replyTo(summary), text: 'text' });
  await sync(pair.agent, { up: true, down: false });
  await answerRequests(pair.hub);
  expect(await refusals(pair.hub)).toEqual([expect.stringContaining("ask for 'all'")]);
});

test('before it lapses its recipient and its sender are told, once; then it goes back with the reason', async () => {
  await start('[silent]\ndelayed = "2 days"\nlifetime = "20 days"\n');
  await heldAtOffice();
  const { hub } = pair;
  const look = async (days: number): Promise<string> => {
    hub.wait(days * 86_400);
    await reportSilentOffices(hub);
    await reportSilentOffices(hub);
    const bodies = await Promise.all((await hub.entries('internet')).map(({ key }) => openEntry(hub.store, key)));
    const texts = await Promise.all(bodies.map(async (entry) => (entry ? readBody(entry.body) : Buffer.alloc(0))));
    return texts.join('\n=====\n');
  };
  expect(await look(3)).toContain('it is too large for the link of office herat and is held at the hub');
  expect((await hub.entries('office/herat')).length).toBe(1);
  const before = (await look(11)).split('=====');
  expect(before).toHaveLength(2);
  expect(before.join()).toMatch(/if nobody there asks for it, it comes back to you on \w{3}, \d\d \w{3} \d{4}/);
  expect((await hub.entries('office/herat')).length).toBe(2);
  await sync(pair.agent);
  expect((await mailbox()).join()).toMatch(/Subject: Held until .*It goes back to its sender on/s);
  expect(await look(7)).toContain('nobody there has asked for it within 20 days');
  expect(await hub.entries('office/herat')).toEqual([]);
  // Its token is worth nothing from then on, and is forgotten.
  await dropGoneHeld(hub, 'herat');
  expect(await hub.store.list('office/herat/held/')).toEqual([]);
});

test('a summary stays short, whatever the mail says', async () => {
  const header = `Subject: ${'جلسه '.repeat(60)}\nFrom: ${'نام '.repeat(40)} <a@example.com>\n`;
  const names = Array.from(
    { length: 30 },
    (_, n) => `--b\nContent-Disposition: attachment; filename="${'پیوست '.repeat(9)}${n}"\n\nx\n`,
  );
  const text = `--b\nContent-Type: text/plain; charset=utf-8\n\n${'متن این نامه بلند است\n'.repeat(80)}`;
  const mail = `${header}Content-Type: multipart/mixed; boundary=b\n\n${text}${names.join('')}--b--\n`;
  await start();
  await post({ bytes: Buffer.from(`${mail}${'x'.repeat(20_000)}`) });
  await sync(pair.agent);
  const [summary = ''] = await mailbox();
  expect(Buffer.byteLength(summary)).toBeLessThan(1_700);
  expect(summary).toContain('and 28 more');
  expect(summary).toContain('drop     nothing');
  expect(summary).not.toContain('\ufffd');
});

test('a mail that is made to take minutes is given up after seconds, and the next one is read', async () => {
  const html = '<a href="x" '.repeat(60_000);
  const parts = [`Content-Type: text/plain\n\nx`, `Content-Type: text/html\n\n${html}`].map((part) => `--b\n${part}\n`);
  const bomb = Buffer.from(`Content-Type: multipart/mixed; boundary=b\n\n${parts.join('')}--b--\n`);
  const [given, next] = await Promise.all([bomb, LARGE].map((bytes) => readParts(bytesBody(bytes))));
  expect(given).toBeUndefined();
  expect(next?.attachments).toHaveLength(2);
}, 30_000);

test('a held mail that is damaged holds up no other, and who asks for it is told', async () => {
  await start();
  const summary = await heldAtOffice();
  const [listed] = await pair.hub.entries('office/herat');
  const key = listed?.key ?? '';
  const body = await pair.hub.store.get(key);
  if (!body) throw new Error('nothing waits');
  await pair.hub.store.put(key, bytesBody(Buffer.concat([await readBody(body), Buffer.from('x')])));
  await pair.hub.store.remove(`office/herat/note/${listed?.name.id}`);
  await post({ bytes: Buffer.from('Subject: small\n\nhello\n') });
  await reply({ to: replyTo(summary), text: 'all' });
  await exchange();
  const mails = (await mailbox()).join();
  expect(mails).toContain('Subject: small');
  expect(mails).toContain('there is no held mail for you');
});
