/** The Maildir that a qmail fills: serialmail's form, what does not fit, and what must not come twice. */
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { inspectQueues, scanQueues } from '../../agent/queue-maildir.ts';
import { readQueueHead } from '../../shared/core/queue-file.ts';
import { readBody } from '../../shared/io/body.ts';
import { listEntries, openEntry } from '../../shared/io/maildir.ts';
import { type BareAgent, bareAgent } from '../support/bare-agent.ts';
import { network } from '../support/directory.ts';

const PREFIX = 'qrelay-';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function office(): Promise<[agent: BareAgent, queue: string]> {
  const agent = await bareAgent({
    toml: `[[queue]]\npath = "queue"\nprefix = "${PREFIX}"\n[limits]\nmail = "10 KB"\n`,
    directory: network(),
  });
  closing.push(() => agent.close());
  const queue = join(agent.folder, 'queue');
  for (const part of ['tmp', 'new', 'cur']) await mkdir(join(queue, part), { recursive: true });
  return [agent, queue];
}

const mail = (to: string, text: string, from = 'farid@herat.example.org'): string =>
  `Return-Path: <${from}>\nDelivered-To: ${PREFIX}${to}\nSubject: ${text}\n\n${text}\n`;

async function waiting({ store }: BareAgent) {
  const keys = (await listEntries(store, 'out')).map(({ key }) => key);
  const entries = await Promise.all(keys.map((key) => openEntry(store, key)));
  return Promise.all(
    entries.map(async (entry) => ({
      sender: entry?.head.sender,
      recipients: entry?.head.recipients,
      body: entry && (await readBody(entry.body)).toString(),
    })),
  );
}

test('what fits is taken from new/ and cur/, without its two lines and its prefix, and removed', async () => {
  const [agent, queue] = await office();
  await writeFile(join(queue, 'new/1000.1.herat'), mail('friend@example.com', 'one'));
  await writeFile(join(queue, 'cur/1001.1.herat:2,S'), mail('nadia@example.org', 'two', ''));
  await scanQueues(agent);
  const found = await waiting(agent);
  expect(found).toHaveLength(2);
  expect(found).toContainEqual({
    sender: 'farid@herat.example.org',
    recipients: ['friend@example.com'],
    body: expect.stringMatching(/^Received: .*\nSubject: one\n\none\n$/),
  });
  expect(found).toContainEqual(expect.objectContaining({ sender: '' }));
  expect([...(await readdir(join(queue, 'new'))), ...(await readdir(join(queue, 'cur')))]).toEqual([]);
});

test('a clock that was wrong hides nothing', async () => {
  const [agent, queue] = await office();
  const file = join(queue, 'new/99999999999.1.herat');
  await writeFile(file, mail('friend@example.com', 'from the future'));
  await utimes(file, 99_999_999_999, 99_999_999_999);
  await scanQueues(agent);
  expect(await waiting(agent)).toHaveLength(1);
});

test('a stop between taking and removing takes nothing twice; the same words in another file are another mail', async () => {
  const [agent, queue] = await office();
  await writeFile(join(queue, 'new/1000.1.herat'), mail('friend@example.com', 'one'));
  await scanQueues(agent);
  // As after a kill: the file is there again, and a mail program has looked at it.
  await writeFile(join(queue, 'cur/1000.1.herat:2,S'), mail('friend@example.com', 'one'));
  await scanQueues(agent);
  expect(await waiting(agent)).toHaveLength(1);
  expect(await readdir(join(queue, 'cur'))).toEqual([]);
  await writeFile(join(queue, 'new/1002.1.herat'), mail('friend@example.com', 'one'));
  await scanQueues(agent);
  expect(await waiting(agent)).toHaveLength(2);
});

test('who is not known here is bounced to the sender, and then the file goes', async () => {
  const [agent, queue] = await office();
  await writeFile(join(queue, 'new/1000.1.herat'), mail('nobody@herat.example.org', 'lost', 'farid@example.org'));
  await scanQueues(agent);
  const [bounce] = await agent.files('users/farid');
  expect(bounce?.toString()).toMatch(/Return-Path: <>\n(?:.*\n)*.*nobody@herat\.example\.org/);
  expect(await readdir(join(queue, 'new'))).toEqual([]);
});

const MISFITS: readonly (readonly [what: string, bytes: string, reason: RegExp])[] = [
  ['no Return-Path', 'Subject: x\n\nx\n', /first line/],
  ['no Delivered-To', 'Return-Path: <a@b.org>\nSubject: x\n\n', /second line/],
  ['another prefix', 'Return-Path: <a@b.org>\nDelivered-To: QRELAY-x@y.org\n\n', /does not begin with the prefix/],
  ['a recipient that is no address', `Return-Path: <a@b.org>\nDelivered-To: ${PREFIX}tom\n\n`, /tom.* is no address/],
  ['a NUL in an address', `Return-Path: <a\0@b.org>\nDelivered-To: ${PREFIX}x@y.org\n\n`, /control character/],
  ['nothing', '', /first line/],
  ['a line without end', `Return-Path: <${'x'.repeat(20_000)}`, /first line/],
  ['CRLF', `Return-Path: <a@b.org>\r\nDelivered-To: ${PREFIX}x@y.org\r\n\r\n`, /first line/],
  ['too large', mail('x@y.org', 'x'.repeat(11_000)), /larger than 10000 bytes/],
];

test.each(MISFITS)('a file that does not fit stays and is told: %s', async (_, bytes, reason) => {
  const [agent, queue] = await office();
  await writeFile(join(queue, 'new/1000.1.herat'), bytes);
  await writeFile(join(queue, 'new/1001.1.herat'), mail('friend@example.com', 'behind it'));
  await scanQueues(agent);
  await scanQueues(agent);
  expect(await readdir(join(queue, 'new'))).toEqual(['1000.1.herat']);
  expect(await waiting(agent)).toHaveLength(1);
  const told = agent.logged.filter((line) => line.includes('1000.1.herat'));
  expect(told).toEqual([expect.stringMatching(reason)]);
  expect(await inspectQueues(agent)).toEqual([
    {
      path: queue,
      mails: 0,
      misfits: [{ path: join(queue, 'new/1000.1.herat'), reason: expect.stringMatching(reason) }],
    },
  ]);
});

test('a queue that is not there is told', async () => {
  const agent = await bareAgent({ toml: '[[queue]]\npath = "nowhere"\n' });
  closing.push(() => agent.close());
  await scanQueues(agent);
  expect(agent.logged.join('\n')).toMatch(/nowhere\/new.*it is not there/);
});

test.each([
  ['farid@x.org', 'farid@x.org'],
  ['', ''],
  ['#@[]', ''],
  ['"far id"@x.org', 'far id@x.org'],
  ['"a\\"b"@x.org', 'a"b@x.org'],
])('Return-Path: <%s> is %s', (path, sender) => {
  const head = readQueueHead(Buffer.from(`Return-Path: <${path}>\nDelivered-To: q-x@y.org\nbody`), 'q-');
  expect(head).toMatchObject({ sender, recipient: 'x@y.org' });
});
