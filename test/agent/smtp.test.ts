import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { startSmtp } from '../../agent/smtp.ts';
import { listEntries, openEntry } from '../../shared/io/maildir.ts';
import { type BareAgent, bareAgent } from '../support/bare-agent.ts';
import { alias, network } from '../support/directory.ts';
import { hasPeer } from '../support/peers.ts';
import { run } from '../support/program.ts';
import { RawSmtp } from '../support/raw-smtp.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Options {
  readonly people?: Readonly<Record<string, string>>;
  readonly host?: string;
  /** Before the first trip: the office knows of the directory only what its token says. */
  readonly fresh?: boolean;
}

const DIRECTORY = network(
  alias('director', 'farid'),
  alias('press', 'holly@example.org', 'farid@example.org'),
  alias('away', 'nadia@example.org'),
);

async function office({ people = {}, host = '127.0.0.1', fresh = false }: Options = {}): Promise<[BareAgent, string]> {
  const agent = await bareAgent({
    toml: `[listen]\nsmtp = "${host}:0"\n[limits]\nmail = "1 MB"\n`,
    ...(fresh ? {} : { directory: DIRECTORY }),
  });
  closing.push(() => agent.close());
  await agent.passwords(people);
  return [agent, agent.started(await startSmtp(agent))];
}

const plain = (name: string, password: string): string =>
  `AUTH PLAIN ${Buffer.from(`\0${name}\0${password}`).toString('base64')}`;

/** The answer to MAIL FROM, after a login if there is one. */
async function from(address: string, sender: string, login?: readonly [string, string]): Promise<string> {
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  if (login) expect(await client.say(plain(...login))).toMatch(/^235/);
  const answer = await client.say(`MAIL FROM:<${sender}>`);
  client.hangUp();
  return answer;
}

const MAIL = 'From: farid@example.org\r\nMessage-ID: <1@example.org>\r\nSubject: hi\r\n\r\nhello\r\n';

async function deliver(address: string, sender: string, to: readonly string[]): Promise<string> {
  const client = await RawSmtp.open(address);
  expect(await client.begin(sender, to)).toMatch(/^354/);
  client.send(`${MAIL}.\r\n`);
  const reply = await client.reply();
  client.hangUp();
  return reply;
}

test('mail for somebody here is in the mailbox when the answer comes; other mail waits for the hub', async () => {
  const [agent, address] = await office();
  expect(
    await deliver(address, 'farid@example.org', ['holly@example.org', 'nadia@example.org', 'f@example.com']),
  ).toMatch(/^250/);
  const [copy] = await agent.files('users/holly');
  expect(String(copy)).toMatch(
    /^Return-Path: <farid@example\.org>\nDelivered-To: holly@example\.org\nReceived: from client\.test \(127\.0\.0\.1\) by herat\.example\.org with ESMTP /,
  );
  expect(String(copy)).toContain(MAIL.replaceAll('\r\n', '\n'));
  const [listed, ...more] = await listEntries(agent.store, 'out');
  expect(more).toEqual([]);
  const entry = await openEntry(agent.store, listed?.key ?? '');
  expect(entry?.head).toMatchObject({
    sender: 'farid@example.org',
    recipients: ['nadia@example.org', 'f@example.com'],
  });
});

describe('a trusted host sends as anybody of this office', () => {
  test.each([
    ['farid@example.org', /^250/],
    ['Farid@Herat.Example.Org', /^250/],
    ['holly@example.org', /^250/],
    ['director@example.org', /^250/],
    ['', /^250/],
    ['press@example.org', /^550 5\.7\.1 press@example\.org is not an address of anybody at office herat/],
    ['away@example.org', /^550 5\.7\.1/],
    ['nadia@example.org', /^550 5\.7\.1/],
    ['nobody@example.org', /^550 5\.7\.1/],
    ['friend@example.com', /^550 5\.7\.1/],
    ['farid', /^501/],
  ])('%s', async (sender, answer) => {
    const [, address] = await office();
    expect(await from(address, sender)).toMatch(answer);
  });
});

describe('who has logged in sends as himself', () => {
  const people = { farid: 'p w', holly: 'other' };
  test.each([
    ['farid', 'farid@example.org', /^250/],
    ['farid', 'farid@herat.example.org', /^250/],
    ['FARID', 'FARID@example.org', /^250/],
    ['farid@example.org', 'farid@example.org', /^250/],
    ['farid', 'director@example.org', /^250/],
    ['farid', '', /^250/],
    ['farid', 'holly@example.org', /^550 5\.7\.1 holly@example\.org is not an address of farid$/],
    ['farid', 'press@example.org', /^550 5\.7\.1/],
    ['farid', 'nobody@example.org', /^550 5\.7\.1/],
    ['farid', 'friend@example.com', /^550 5\.7\.1/],
  ])('%s as %s', async (name, sender, answer) => {
    const [, address] = await office({ people });
    expect(await from(address, sender, [name, 'p w'])).toMatch(answer);
  });

  test.each([
    ['farid', 'other'],
    ['farid', ''],
    ['nobody', 'p w'],
    ['', ''],
    ['nadia@example.org', 'p w'],
  ])('not %s with %j', async (name, password) => {
    const [agent, address] = await office({ people });
    const client = await RawSmtp.open(address);
    await client.say('EHLO client.test');
    expect(await client.say(plain(name, password))).toMatch(/^535/);
    expect(agent.logged.join()).not.toContain('p w');
    client.hangUp();
  });
});

test.each([
  ['nobody@example.org', /^550 5\.1\.1/],
  ['nobody@herat.example.org', /^550 5\.1\.1/],
  ['nadia@example.org', /^250/],
  ['friend@example.com', /^250/],
])('RCPT %s', async (recipient, answer) => {
  const [, address] = await office();
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  await client.say('MAIL FROM:<farid@example.org>');
  expect(await client.say(`RCPT TO:<${recipient}>`)).toMatch(answer);
  client.hangUp();
});

test('before the first trip, its own people send, and all else goes to the hub', async () => {
  const [agent, address] = await office({ fresh: true, people: { farid: 'secret' } });
  expect(await from(address, 'farid@example.org', ['farid', 'secret'])).toMatch(/^250/);
  expect(await from(address, 'farid@herat.example.org')).toMatch(/^250/);
  expect(await from(address, 'holly@example.org')).toMatch(/^550.*agent user add.*agent sync/);
  expect(await deliver(address, 'farid@example.org', ['farid@herat.example.org', 'holly@example.org'])).toMatch(/^250/);
  expect(await agent.files('users/farid')).toHaveLength(1);
  expect(await listEntries(agent.store, 'out')).toHaveLength(1);
});

test('a mail larger than the limit is refused, and nothing is kept', async () => {
  const [agent, address] = await office();
  const client = await RawSmtp.open(address);
  await client.begin('farid@example.org', ['holly@example.org']);
  client.send(`Subject: large\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(1_100)}.\r\n`);
  expect(await client.reply()).toMatch(/^552 5\.3\.4/);
  expect(await agent.files('users/holly')).toEqual([]);
  client.hangUp();
});

test('beyond loopback it does not start without passwords or a named subnet', async () => {
  await expect(office({ host: '0.0.0.0' })).rejects.toThrow(
    /agent\.toml: listen\.smtp = "0\.0\.0\.0:0" can be reached from other machines: .*'agent user add NAME'.*lan = /,
  );
  await office({ host: '0.0.0.0', people: { farid: 'secret' } });
});

/** An address of this machine that is not its loopback. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

test.skipIf(!outside)('who is neither trusted nor logged in is not served', async () => {
  const [agent, bound] = await office({ host: '0.0.0.0', people: { farid: 'secret' } });
  const address = bound.replace('0.0.0.0', outside ?? '');
  expect(await from(address, 'farid@example.org')).toMatch(/^530 5\.7\.0 .*log in/);
  expect(await from(address, '')).toMatch(/^530 5\.7\.0/);
  expect(await from(address, 'friend@example.com')).toMatch(/^530 5\.7\.0/);
  expect(await from(address, 'farid@example.org', ['farid', 'secret'])).toMatch(/^250/);
  expect(await agent.files('users/farid')).toEqual([]);
});

test.skipIf(!hasPeer('swaks'))('swaks hands in a mail with AUTH LOGIN, and is refused as another', async () => {
  const [agent, address] = await office({ people: { farid: 'secret' } });
  const swaks = (sender: string) =>
    run('/usr/bin/swaks', [
      ...['--server', address, '--auth', 'LOGIN', '--auth-user', 'farid', '--auth-password', 'secret'],
      ...['--from', sender, '--to', 'holly@example.org', '--header', 'Subject: by swaks', '--body', '.\n..\nbye'],
    ]);
  expect(await swaks('farid@example.org')).toMatchObject({ code: 0 });
  expect((await swaks('holly@example.org')).out).toContain('550 5.7.1 holly@example.org is not an address of farid');
  const files = await agent.files('users/holly');
  expect(files).toHaveLength(1);
  expect(String(files[0])).toMatch(/\nSubject: by swaks\n.*\n\n\.\n\.\.\nbye\n/s);
});
