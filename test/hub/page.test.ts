/** The hub's page by plain HTTP: who gets in, what a form must bring, and that a hostile mail is only text. */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { startAdmin } from '../../hub/admin.ts';
import { auditCommands } from '../../hub/commands/audit.ts';
import { officeCommands } from '../../hub/commands/office.ts';
import { pageCommands } from '../../hub/commands/page.ts';
import { queueCommands } from '../../hub/commands/queue.ts';
import { userCommands } from '../../hub/commands/user.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { office, user } from '../support/directory.ts';
import { runCommand } from '../support/hub-on-store.ts';
import { wholeHub } from '../support/whole-hub.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const COMMANDS = [...officeCommands, ...userCommands, ...queueCommands, ...pageCommands, ...auditCommands];

class Visitor {
  readonly home: string;
  cookie = '';
  constructor(home: string) {
    this.home = home;
  }

  async get(path: string, headers: Record<string, string> = {}) {
    const answer = await fetch(this.home + path, { headers: { cookie: this.cookie, ...headers }, redirect: 'manual' });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  }

  async post(path: string, fields: readonly (readonly [string, string])[], origin = this.home) {
    const headers = { cookie: this.cookie, origin, 'content-type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString();
    const answer = await fetch(this.home + path, { method: 'POST', headers, body, redirect: 'manual' });
    this.cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? this.cookie;
    return { status: answer.status, text: await answer.text() };
  }

  async token(path = '/'): Promise<string> {
    return /name="token" value="([0-9a-f]{64})"/.exec((await this.get(path)).text)?.[1] ?? '';
  }
}

/** As a browser asks that was led here by that name. */
function statusAs(host: string, { home, cookie }: Visitor): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request(home, { headers: { host, cookie } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asking.on('error', reject).end();
  });
}

async function page() {
  const { hub, close } = await wholeHub({
    toml: '',
    edits: [office('herat'), office('mazar'), user('holly', 'herat')],
  });
  closing.push(close);
  const setPassword = (word: string) =>
    runCommand(pageCommands, hub, 'page password --password-stdin', { files: { '-': `${word}\n` } });
  await setPassword('of kabul');
  const admin = await startAdmin(hub, COMMANDS, '127.0.0.1:0');
  closing.push(() => admin.close(0));
  return { hub, setPassword, visitor: new Visitor(`http://${admin.address}`) };
}

async function officer() {
  const all = await page();
  expect((await all.visitor.post('/enter', [['password', 'of kabul']])).status).toBe(303);
  return { ...all, token: await all.visitor.token() };
}

describe('the door', () => {
  test('shows nothing before the password, and lets in with it', async () => {
    const { visitor } = await page();
    expect((await visitor.get('/')).text).not.toContain('herat');
    for (const path of ['/people', '/queue', '/audit', '/office/herat'])
      expect((await visitor.get(path)).status).toBe(303);
    expect((await visitor.post('/enter', [['password', 'of herat']])).status).toBe(403);
    await visitor.post('/enter', [['password', 'of kabul']]);
    expect((await visitor.get('/')).text).toContain('href="/office/herat"');
  });

  test('guessing has to wait, and a new password ends every session', async () => {
    const { visitor, setPassword } = await officer();
    await setPassword('another');
    expect((await visitor.get('/people')).status).toBe(303);
    const answers = [];
    for (let guess = 0; guess < 6; guess++) answers.push((await visitor.post('/enter', [['password', 'x']])).status);
    expect(answers).toEqual([403, 403, 403, 403, 403, 429]);
  });

  test('another name for this machine, another site and a form without the token get nowhere', async () => {
    const { hub, visitor, token } = await officer();
    expect(await statusAs('rebound.example', visitor)).toBe(403);
    expect(await statusAs(new URL(visitor.home).host, visitor)).toBe(200);
    const fields = [
      ['words', 'user move'],
      ['arg', 'holly@example.org'],
      ['arg', 'mazar'],
      ['confirm', 'yes'],
    ] as const;
    expect((await visitor.post('/do', [...fields, ['token', token]], 'http://evil.example')).status).toBe(403);
    expect((await visitor.post('/do', fields)).status).toBe(403);
    expect((await visitor.post('/do', [...fields, ['token', '0'.repeat(64)]])).status).toBe(403);
    expect(hub.directory.current.users.get('holly@example.org')).toBe('herat');
  });
});

describe('buttons', () => {
  test('ask once more, then do what the command does, and the change is noted', async () => {
    const { hub, visitor, token } = await officer();
    const fields = [
      ['token', token],
      ['words', 'user move'],
      ['arg', 'holly@example.org'],
      ['arg', 'mazar'],
      ['back', '/people'],
    ] as const;
    const asked = await visitor.post('/do', fields);
    expect(asked.text).toContain('hub user move holly@example.org mazar');
    expect(hub.directory.current.users.get('holly@example.org')).toBe('herat');
    const done = await visitor.post('/do', [...fields, ['confirm', 'yes']]);
    expect(done.text).toContain('holly@example.org is posted to office mazar; 0 waiting mails have moved');
    expect(hub.directory.current.users.get('holly@example.org')).toBe('mazar');
    expect((await visitor.get('/audit')).text).toContain('user move holly@example.org mazar');
    const { out } = await runCommand(auditCommands, hub, 'audit');
    expect(out[0]).toMatch(/^\d\d \w{3} \d{4} \d\d:\d\d:\d\d {2}user move holly@example\.org mazar$/);
  });

  test('a new office comes with its token, as text and as a picture', async () => {
    const { visitor, token } = await officer();
    const fields = [
      ['token', token],
      ['words', 'office add'],
      ['arg', 'ghazni'],
      ['confirm', 'yes'],
    ] as const;
    const { text } = await visitor.post('/do', fields);
    expect(text).toMatch(/fieldpost1-[\w-]{40,}/);
    expect(text).toContain('<svg');
  });

  test('what cannot be done says why, and commands without a button, options and files are refused', async () => {
    const { visitor, token } = await officer();
    const tried = async (words: string, ...args: string[]) =>
      visitor.post('/do', [
        ['token', token],
        ['words', words],
        ['confirm', 'yes'],
        ...args.map((arg) => ['arg', arg] as const),
      ]);
    expect((await tried('user move', 'holly@example.org', 'nowhere')).text).toMatch(/there is no office .*nowhere/);
    expect((await tried('user move', 'holly@example.org')).text).toContain('usage: hub user move');
    expect((await tried('alias import', '/etc/passwd')).status).toBe(400);
    expect((await tried('queue drop', '--quiet')).status).toBe(400);
    expect((await tried('page password')).status).toBe(400);
  });
});

test('a hostile mail is only text', async () => {
  const { hub, visitor } = await officer();
  const bytes = Buffer.from('Subject: <script>alert(1)</script>\n\nhello\n');
  const bodyHash = createHash('sha256').update(bytes).digest('hex');
  const sender = '"<script>alert(1)</script>"@example.com';
  const mail = { sender, recipients: ['holly@example.org'], hops: 0, urgency: 5, body: bytesBody(bytes), bodyHash };
  await accept(hub.place, { peer: { name: 'smtp', relays: false }, id: bodyHash, mail }, hub.now());
  const { text, headers } = await visitor.get('/queue');
  expect(text).toContain('&lt;script&gt;');
  expect(text).not.toContain('<script');
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
});
