import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startPop3 } from '../../agent/pop3.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { type BareAgent, bareAgent } from '../support/bare-agent.ts';
import { network } from '../support/directory.ts';
import { readMails } from '../support/mails.ts';
import { hasPeer } from '../support/peers.ts';
import { Pop3Client } from '../support/pop3-client.ts';
import { done, run } from '../support/program.ts';
import { filesOf, readMaildir } from '../support/sites.ts';

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const POP3 = '[listen]\npop3 = "127.0.0.1:0"\n';

/** An office where farid has the password `p w`, and these mails. */
async function office(mails: Readonly<Record<string, string | Buffer>> = {}): Promise<[BareAgent, string]> {
  const agent = await bareAgent({ toml: POP3, directory: network() });
  closing.push(() => agent.close());
  await agent.passwords({ farid: 'p w', holly: 'other' });
  for (const [name, text] of Object.entries(mails))
    await agent.store.put(`users/farid/${name}`, bytesBody(Buffer.from(text)));
  return [agent, agent.started(await startPop3(agent))];
}

async function reader(address: string, name = 'farid', password = 'p w'): Promise<Pop3Client> {
  const [client, answer] = await Pop3Client.logIn(address, name, password);
  closing.push(() => client.hangUp());
  expect(answer).toMatch(/^\+OK/);
  return client;
}

const THREE = {
  'new/1000.A.herat': 'Subject: one\n\nfirst\n',
  'cur/20.A.herat:2,S': 'Subject: two\n\n.dot\n',
  'new/999.A.herat': 'Subject: three\n\nno line end',
};

test('shows new/ and cur/, oldest first, and each mail byte for byte', async () => {
  const [, address] = await office(THREE);
  const client = await reader(address);
  expect(await client.say('STAT')).toBe('+OK 3 76');
  expect(await client.ask('LIST')).toBe('1 22\n2 31\n3 23\n');
  expect(await client.ask('RETR 1')).toBe('Subject: two\n\n.dot\n');
  expect(await client.ask('RETR 2')).toBe('Subject: three\n\nno line end\n');
  expect(await client.ask('TOP 3 0')).toBe('Subject: one\n\n');
});

test('a mail keeps its UID when a mail program moves it and when the agent starts anew', async () => {
  const [agent, address] = await office(THREE);
  const uids = await (await reader(address)).ask('UIDL');
  expect(new Set(uids.split('\n')).size).toBe(4);
  const at = (name: string): string => join(agent.folder, 'data/users/farid', name);
  await rename(at('new/1000.A.herat'), at('cur/1000.A.herat:2,RS'));
  const again = agent.started(await startPop3(agent));
  expect(await (await reader(again)).ask('UIDL')).toBe(uids);
});

test('what was marked goes at QUIT, and not before', async () => {
  const [agent, address] = await office(THREE);
  const one = await reader(address);
  await one.say('DELE 1');
  one.hangUp();
  const two = await untilFree(address);
  expect(await two.say('DELE 1')).toMatch(/^\+OK/);
  expect(await two.say('DELE 3')).toMatch(/^\+OK/);
  expect(await agent.files('users/farid')).toHaveLength(3);
  expect(await two.say('QUIT')).toMatch(/^\+OK/);
  expect(String(await agent.files('users/farid'))).toBe('Subject: three\n\nno line end');
  expect(await two.line()).toBe('closed');
});

/** The session before has been hung up on; the server may not have heard of it yet. */
async function untilFree(address: string): Promise<Pop3Client> {
  for (;;) {
    const [client, answer] = await Pop3Client.logIn(address, 'farid', 'p w');
    closing.push(() => client.hangUp());
    if (answer.startsWith('+OK')) return client;
    expect(answer).toMatch(/^-ERR \[IN-USE\]/);
    client.hangUp();
  }
}

test('a mail that another program moves or takes in the middle of a session', async () => {
  const [agent, address] = await office(THREE);
  const client = await reader(address);
  const at = (name: string): string => join(agent.folder, 'data/users/farid', name);
  await rename(at('new/1000.A.herat'), at('cur/1000.A.herat:2,S'));
  await agent.store.remove('users/farid/new/999.A.herat');
  expect(await client.ask('RETR 3')).toBe('Subject: one\n\nfirst\n');
  expect(await client.say('RETR 2')).toMatch(/^-ERR another program has taken/);
  await client.say('DELE 2');
  await client.say('DELE 3');
  expect(await client.say('QUIT')).toMatch(/^\+OK/);
  expect(await agent.files('users/farid')).toHaveLength(1);
});

test('a mailbox is open to one session at a time', async () => {
  const [, address] = await office();
  const one = await reader(address);
  const [two, answer] = await Pop3Client.logIn(address, 'farid', 'p w');
  expect(answer).toMatch(/^-ERR \[IN-USE\]/);
  two.hangUp();
  await reader(address, 'holly', 'other');
  expect(await one.say('QUIT')).toMatch(/^\+OK/);
  await untilFree(address);
});

describe('who may read', () => {
  test.each([
    ['farid', 'p w', true],
    ['Farid', 'p w', true],
    ['farid@example.org', 'p w', true],
    ['farid@herat.example.org', 'p w', true],
    ['farid', 'P W', false],
    ['farid', '', false],
    ['holly', 'p w', false],
    ['nadia@example.org', 'p w', false],
    ['nobody', '', false],
    ['../holly', 'other', false],
    ['__proto__', 'x', false],
  ])('%s with %j: %s', async (name, password, may) => {
    const [agent, address] = await office(THREE);
    const [client, answer] = await Pop3Client.logIn(address, name, password);
    expect(answer).toMatch(may ? /^\+OK 3 mails/ : /^-ERR \[AUTH\]/);
    if (!may) expect(agent.logged.join()).toContain('somebody gave a wrong password');
    if (password !== '') expect(agent.logged.join()).not.toContain(password);
    client.hangUp();
  });

  test('after three wrong passwords the server hangs up', async () => {
    const [, address] = await office();
    const client = await Pop3Client.open(address);
    client.send('USER farid\r\nPASS a\r\n'.repeat(5));
    for (const start of ['+OK', '-ERR', '+OK', '-ERR', '+OK', '-ERR', 'closed'])
      expect((await client.line()).slice(0, start.length)).toBe(start);
  });

  test('somebody added or taken away while the agent runs', async () => {
    const [agent, address] = await office();
    await agent.passwords({ omid: 'new here' });
    await reader(address, 'omid', 'new here');
    await agent.passwords({ farid: 'changed' });
    expect((await Pop3Client.logIn(address, 'farid', 'p w'))[1]).toMatch(/^-ERR \[AUTH\]/);
  });
});

test('a thousand pipelined commands are answered in order', async () => {
  const [, address] = await office(THREE);
  const client = await reader(address);
  client.send(`${'NOOP\r\nLIST 1\r\n'.repeat(500)}QUIT\r\n`);
  for (let count = 0; count < 500; count += 1) {
    expect(await client.line()).toBe('+OK nothing done');
    expect(await client.line()).toBe('+OK 1 22');
  }
  expect(await client.line()).toBe('+OK good bye');
});

test('who sends no line end and much of anything is hung up on', async () => {
  const [, address] = await office();
  const client = await Pop3Client.open(address);
  client.send('x'.repeat(100_000));
  expect(await client.line()).toBe('-ERR the line is too long');
  expect(await client.line()).toBe('closed');
});

test('a stop in the middle of a large mail cuts it, and removes nothing', async () => {
  const [agent, address] = await office({
    'new/1.A.herat': `Subject: large\n\n${'0123456789abcde\n'.repeat(1_000_000)}`,
  });
  const client = await reader(address);
  await client.say('DELE 1');
  await client.say('RSET');
  expect(await client.say('RETR 1')).toMatch(/^\+OK/);
  client.pauseReading();
  await agent.stop();
  client.hangUp();
  expect(await agent.files('users/farid')).toHaveLength(1);
  expect(agent.logged).toEqual([]);
});

test('a stop ends sessions that wait', async () => {
  const [agent, address] = await office();
  const client = await reader(address);
  await agent.stop();
  expect(await client.line()).toBe('closed');
});

test.each([
  ['0.0.0.0', {}, '', /listen\.pop3 = "0\.0\.0\.0:0" can be reached from other machines.*agent user add.*lan = /],
  ['0.0.0.0', { farid: 'secret' }, '', undefined],
  ['0.0.0.0', {}, 'lan = "192.168.7.0/24"', undefined],
  ['127.0.0.1', {}, '', undefined],
])('listening on %s with %j and %j', async (host, people, more, fault) => {
  const agent = await bareAgent({ toml: `[listen]\npop3 = "${host}:0"\n${more}\n` });
  closing.push(() => agent.close());
  await agent.passwords(people);
  await agent.refresh();
  if (fault) await expect(startPop3(agent)).rejects.toThrow(fault);
  else agent.started(await startPop3(agent));
});

describe('real mail programs', () => {
  /** The mails of the corpus as they lie in a mailbox; a text without a last line end cannot be told from one with it. */
  async function fullOffice(): Promise<[BareAgent, string, readonly string[]]> {
    const mails = await readMails('test/corpus/office-day');
    const files = Object.fromEntries(
      mails.map(({ bytes }, index) => [
        `new/${1000 + index}.A.herat`,
        Buffer.concat([Buffer.from('Return-Path: <friend@example.com>\nDelivered-To: farid@example.org\n'), bytes]),
      ]),
    );
    const [agent, address] = await office(files);
    const texts = Object.values(files).map((bytes) => bytes.toString('latin1').replace(/([^\n])$/, '$1\n'));
    return [agent, address, texts.sort()];
  }

  test.skipIf(!hasPeer('mpop'))('mpop fetches all, and leaves nothing when it is told to', async () => {
    const [agent, address, texts] = await fullOffice();
    const [host, port] = address.split(':');
    const maildir = join(agent.folder, 'fetched');
    for (const part of ['new', 'cur', 'tmp']) await mkdir(join(maildir, part), { recursive: true });
    const config = join(agent.folder, 'mpoprc');
    await writeFile(
      config,
      `account office\nhost ${host}\nport ${port}\nuser farid\npassword "p w"\ntls off\nauth user\nkeep off\nreceived_header off\ndelivery maildir ${maildir}\nuidls_file ${agent.folder}/uidls\n`,
      { mode: 0o600 },
    );
    done(await run('/usr/bin/mpop', ['-C', config, 'office']));
    const came = (await readMaildir(maildir)).map(({ bytes }) => bytes.toString('latin1'));
    expect(came.sort()).toEqual(texts);
    expect(await agent.files('users/farid')).toEqual([]);
  });

  test.skipIf(!hasPeer('fetchmail'))('fetchmail fetches all, and knows them again', async () => {
    const [agent, address, texts] = await fullOffice();
    const [host, port] = address.split(':');
    const folder = join(agent.folder, 'fetched');
    await mkdir(folder);
    const config = join(agent.folder, 'fetchmailrc');
    await writeFile(
      config,
      `set no bouncemail\npoll ${host} service ${port} protocol POP3 uidl user farid password "p w" keep fetchall no rewrite sslproto ''\nmda "cat > $(mktemp ${folder}/XXXXXX)"\n`,
      { mode: 0o600 },
    );
    const env = { HOME: agent.folder, FETCHMAILHOME: agent.folder };
    const args = ['-f', config, '--invisible', '--nosyslog'];
    done(await run('/usr/bin/fetchmail', args, { env }));
    const came = await Promise.all((await filesOf(folder)).map((path) => readFile(path, 'latin1')));
    expect(came.sort()).toEqual(texts);
    expect(await agent.files('users/farid')).toHaveLength(texts.length);
  });
});
