import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { queueCommands } from '../../hub/commands/queue.ts';
import { reportSilentOffices } from '../../hub/silent-office.ts';
import { DEFAULT_LIMITS } from '../../shared/core/directory.ts';
import { BULK, NORMAL } from '../../shared/core/entry.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import { openEntry, removeEntry } from '../../shared/io/maildir.ts';
import { type BareHub, bareHub } from '../support/bare-hub.ts';
import { NO_FILES } from '../support/no-files.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const DAY = 86_400;
const office = (name: string) => ({
  name,
  domains: [],
  keyId: '0'.repeat(16),
  generation: 1,
  revoked: false,
  limits: DEFAULT_LIMITS,
});

async function hubWithOffices(): Promise<BareHub> {
  const toml = '[silent]\ndelayed = "2 days"\nlifetime = "10 days"\n';
  const hub = await bareHub({
    toml,
    postmaster: 'farah.post@example.org',
    offices: [office('herat'), office('mazar')],
  });
  closing.push(() => hub.close());
  return hub;
}

let count = 0;
async function waitFor(
  hub: BareHub,
  { sender = 'friend@example.com', urgency = NORMAL, to = ['herat.farid@example.org'] } = {},
): Promise<void> {
  const bytes = Buffer.from(`Subject: mail ${++count}\n\nhello\n`);
  const bodyHash = createHash('sha256').update(bytes).digest('hex');
  const mail = { sender, recipients: to, hops: 0, urgency, body: bytesBody(bytes), bodyHash };
  await accept(hub.place, { peer: { name: 'smtp', relays: true }, id: bodyHash, mail }, hub.now());
}

/** Reports in `internet/`, as text with recipient. */
async function reports(hub: BareHub): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const { key } of await hub.entries('internet')) {
    const entry = await openEntry(hub.store, key);
    if (entry) texts.push(`${entry.head.recipients.join(' ')}\n${await readBody(entry.body)}`);
  }
  return texts;
}

test('mail that waits is told of once, to its sender; bounces and bulk mail are not answered', async () => {
  const hub = await hubWithOffices();
  await waitFor(hub);
  await waitFor(hub, { sender: '' });
  await waitFor(hub, { sender: 'list@example.net', urgency: BULK });
  await reportSilentOffices(hub);
  expect(await reports(hub)).toEqual([]);
  hub.wait(2 * DAY + 1);
  await reportSilentOffices(hub);
  await reportSilentOffices(hub);
  const told = await reports(hub);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(/^friend@example\.com\n/);
  expect(told[0]).toMatch(/Action: delayed\nStatus: 4\.4\.1\n/);
  expect(await hub.entries('office/herat')).toHaveLength(3);
});

test('what has waited for its lifetime goes back, and the rest stays', async () => {
  const hub = await hubWithOffices();
  await waitFor(hub);
  await waitFor(hub, { to: ['mazar.anna@example.org'] });
  hub.wait(9 * DAY);
  await waitFor(hub, { sender: 'late@example.net' });
  hub.wait(DAY + 1);
  await reportSilentOffices(hub);
  expect((await hub.entries('office/herat')).length).toBe(1);
  expect((await hub.entries('office/mazar')).length).toBe(0);
  const back = (await reports(hub)).filter((text) => text.includes('Status: 5.4.7'));
  expect(back).toHaveLength(2);
  expect(back.every((text) => /^friend@example\.com\n/.test(text))).toBe(true);
});

test('postmaster is told once for each time that an office is silent', async () => {
  const hub = await hubWithOffices();
  await waitFor(hub);
  await waitFor(hub);
  hub.wait(3 * DAY);
  await reportSilentOffices(hub);
  hub.wait(DAY);
  await waitFor(hub);
  await reportSilentOffices(hub);
  const notice = await hub.only('office/farah');
  expect(notice.recipients).toEqual(['farah.post@example.org']);
  expect(notice.body.toString()).toContain('Subject: Office herat is silent: 2 mails wait\n');
  expect(notice.body.toString()).toContain('The office has never called.');
  for (const { key, name } of await hub.entries('office/herat')) await removeEntry(hub.store, { key, id: name.id });
  await reportSilentOffices(hub);
  await waitFor(hub);
  hub.wait(3 * DAY);
  await reportSilentOffices(hub);
  expect(await hub.entries('office/farah')).toHaveLength(2);
});

test('hub queue shows what waits, by office and by id', async () => {
  const hub = await hubWithOffices();
  await waitFor(hub);
  await waitFor(hub, { to: ['mazar.anna@example.org', 'mazar.ben@example.org'] });
  hub.wait(3700);
  expect(await queue(hub, 'queue', ['herat'])).toEqual([
    expect.stringMatching(
      /^[0-9a-f]{12} {2}herat {2}1 h {2}\d+ B {2}<friend@example\.com> to herat\.farid@example\.org$/,
    ),
    expect.stringMatching(/^1 mail, \d+ B$/),
  ]);
  const all = JSON.parse((await queue(hub, 'queue', [], { json: true })).join('\n'));
  expect(
    all.mails.map(({ queue: name, recipients }: { queue: string; recipients: string[] }) => [name, recipients.length]),
  ).toEqual([
    ['herat', 1],
    ['mazar', 2],
  ]);
  const shown = await queue(hub, 'queue show', [all.mails[1].id.slice(0, 6)]);
  expect(shown.join('\n')).toMatch(/recipient {3}mazar\.ben@example\.org: waits\n[\s\S]*subject {5}mail \d+\n/);
  await expect(queue(hub, 'queue', ['nowhere'])).rejects.toThrow(
    'there is no queue "nowhere"; there are: internet, herat, mazar',
  );
  await expect(queue(hub, 'queue show', ['abcde'])).rejects.toThrow(/6 or more/);
  await expect(queue(hub, 'queue show', ['abcdef012345'])).rejects.toThrow(/no mail that waits/);
});

async function queue(
  hub: BareHub,
  words: string,
  positionals: readonly string[],
  { json = false } = {},
): Promise<readonly string[]> {
  const lines: string[] = [];
  const command = queueCommands.find((one) => one.words === words);
  const call = {
    positionals,
    options: {},
    json,
    out: (line: string) => void lines.push(line),
    ...NO_FILES,
    readFile: async () => Buffer.alloc(0),
  };
  await command?.run(hub, call);
  return lines;
}
