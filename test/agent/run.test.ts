/** `agent run` as a process: the ready line, one daemon for a folder, the queue beside it, the page, and how it stops. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lastTrips } from '../../agent/trips.ts';
import { type OfficeFolder, officeFolder } from '../support/office-folder.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import { until } from '../support/until.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Served {
  readonly child: ChildProcess;
  readonly listen: Readonly<Record<string, string>>;
  /** Exit code. */
  readonly ended: Promise<number | null>;
}

async function serve({ config }: OfficeFolder): Promise<Served> {
  const main = join(import.meta.dirname, '../../agent/main.ts');
  const jsx = join(import.meta.dirname, '../support/jsx.mjs');
  const child = spawn(process.execPath, ['--import', jsx, main, 'run', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  closing.push(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const { value } = await lines.next();
  const line = JSON.parse(value as string) as { event: string; listen: Record<string, string> };
  expect(line.event).toBe('ready');
  return { child, listen: line.listen, ended };
}

const LISTEN =
  'interval = "off"\n[listen]\nsmtp = "127.0.0.1:0"\npop3 = "127.0.0.1:0"\nqmtp = "127.0.0.1:0"\npage = "127.0.0.1:0"\n';

async function office(more = ''): Promise<OfficeFolder> {
  const made = await officeFolder(`${LISTEN}${more}`);
  closing.push(made.close);
  return made;
}

function address(text = ''): { host: string; port: number } {
  const [host = '', port = ''] = text.split(':');
  return { host, port: Number(port) };
}

/** Each attempt to call the hub fails, and the first leaves a line. */
const called = (made: OfficeFolder): Promise<unknown> =>
  until(
    async () => (await lastTrips(await made.open())).at(0),
    async () => 'no call to the hub is recorded',
  );

test('says where it listens, serves, is one for a folder, and ends with 0 on SIGTERM', async () => {
  const made = await office();
  const { child, listen, ended } = await serve(made);
  expect(Object.keys(listen)).toEqual(['smtp', 'pop3', 'qmtp', 'page']);
  const second = await made.agent(['run']);
  expect({ code: second.code, err: second.err }).toMatchObject({
    code: 75,
    err: expect.stringMatching(/another 'agent run' serves/),
  });
  expect(JSON.parse((await made.agent(['status', '--json'])).out)).toMatchObject({ running: true });
  const smtp = await SmtpSession.open(address(listen.smtp));
  const wire = Buffer.from('Message-ID: <1@x>\r\nSubject: up\r\n\r\nup\r\n');
  expect(await smtp.send({ from: 'farid@example.org', to: ['friend@example.com'], wire })).toMatchObject({ code: 250 });
  await smtp.close();
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(JSON.parse((await made.agent(['queue', '--json'])).out).count).toBe(1);
});

test('kill -9 frees the folder for the next one at once', async () => {
  const made = await office();
  const { child, ended } = await serve(made);
  child.kill('SIGKILL');
  await ended;
  const next = await serve(made);
  next.child.kill('SIGTERM');
  expect(await next.ended).toBe(0);
});

test('who was given a password while it runs is known at once', async () => {
  const made = await office();
  const { listen } = await serve(made);
  await made.agent(['user', 'add', 'farid', '--password-stdin'], { input: 'secret\n' });
  const smtp = await SmtpSession.open(address(listen.smtp));
  const login = Buffer.from('\0farid\0secret').toString('base64');
  expect(await smtp.command(`AUTH PLAIN ${login}`)).toMatchObject({ code: 235 });
  await smtp.close();
});

test('takes what another mail server puts into its queue', async () => {
  const made = await office('[[queue]]\npath = "queue"\nprefix = "q-"\n');
  for (const part of ['tmp', 'new', 'cur']) await mkdir(join(made.folder, 'queue', part), { recursive: true });
  await serve(made);
  const file = join(made.folder, 'queue/tmp/1.1.herat');
  await writeFile(file, 'Return-Path: <farid@example.org>\nDelivered-To: q-friend@example.com\nSubject: x\n\nx\n');
  await rename(file, join(made.folder, 'queue/new/1.1.herat'));
  await until(
    async () => ((await readdir(join(made.folder, 'queue/new'))).length === 0 ? true : undefined),
    async () => 'the file is still there',
  );
  expect(JSON.parse((await made.agent(['queue', '--json'])).out).count).toBe(1);
});

test('SIGUSR1 asks for a sync', async () => {
  const made = await office();
  const { child } = await serve(made);
  expect(await lastTrips(await made.open())).toEqual([]);
  child.kill('SIGUSR1');
  expect(await called(made)).toMatchObject({ error: expect.stringMatching(/nothing listens there/) });
});

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** `cookie` of an answer, for the next request. */
function ask(where: string, { body, ...options }: Asked) {
  const { host, port } = address(where);
  return new Promise<{ code: number; text: string; cookie: string }>((resolve, reject) => {
    request({ host, port, headers: { host: where }, ...options }, async (answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      const cookie = (answer.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
      resolve({ code: answer.statusCode ?? 0, text, cookie });
    })
      .on('error', reject)
      .end(body);
  });
}

function post(where: string, path: string, fields: Record<string, string>, more: Record<string, string> = {}) {
  const headers = {
    host: where,
    origin: `http://${where}`,
    'content-type': 'application/x-www-form-urlencoded',
    ...more,
  };
  return ask(where, { method: 'POST', path, headers, body: new URLSearchParams(fields).toString() });
}

describe('the page', () => {
  let made: OfficeFolder;
  let page: string;
  beforeEach(async () => {
    made = await office();
    await made.agent(['page', 'password', '--password-stdin'], { input: 'open sesame\n' });
    page = (await serve(made)).listen.page ?? '';
  });

  const enter = (password: string, name = '') => post(page, '/enter', { name, password });
  const tokenIn = (text: string): string => /name="token" value="([0-9a-f]{64})"/.exec(text)?.[1] ?? '';

  test('shows a line to everybody of this office, and nobody else', async () => {
    expect(await ask(page, {})).toMatchObject({ code: 200, text: expect.stringContaining('Nothing waits to be sent') });
    expect(await ask(page, { headers: { host: 'evil.example.com' } })).toMatchObject({ code: 403 });
    for (const path of ['/mail', '/stick']) expect(await ask(page, { path })).toMatchObject({ code: 303 });
    expect(await ask(page, { path: '/events' })).toMatchObject({ code: 403 });
  });

  test('does only what its own forms ask, of who is logged in', async () => {
    expect((await enter('open sesame', 'nobody')).code).toBe(403);
    const { code, cookie } = await enter('open sesame');
    expect(code).toBe(303);
    const token = tokenIn((await ask(page, { headers: { host: page, cookie } })).text);
    expect(token).toHaveLength(64);
    const refused = [
      await post(page, '/sync', { token }),
      await post(page, '/sync', {}, { cookie }),
      await post(page, '/sync', { token: token.replace(/./g, '0') }, { cookie }),
      await post(page, '/sync', { token }, { cookie, origin: 'http://evil.example.com' }),
      await ask(page, { method: 'POST', path: '/sync', headers: { host: page, cookie }, body: `token=${token}` }),
    ];
    expect(refused.map((answer) => answer.code)).toEqual([403, 403, 403, 403, 403]);
    expect((await post(page, '/sync', { token, padding: 'x'.repeat(10_000) }, { cookie })).code).toBe(400);
    expect(await lastTrips(await made.open())).toEqual([]);
    expect((await post(page, '/sync', { token }, { cookie })).code).toBe(303);
    expect(await called(made)).toMatchObject({ link: 'default' });
  });

  test('a new password ends every session', async () => {
    const { cookie } = await enter('open sesame');
    const mine = { headers: { host: page, cookie } };
    expect(tokenIn((await ask(page, mine)).text)).not.toBe('');
    const { out } = await made.agent(['page', 'password']);
    expect(tokenIn((await ask(page, mine)).text)).toBe('');
    const [, fresh = ''] = /password of the page: (\S+)/.exec(out) ?? [];
    expect((await enter(fresh)).code).toBe(303);
  });

  test('who guesses must wait', async () => {
    const codes: number[] = [];
    for (let guess = 0; guess < 6; guess += 1) codes.push((await enter(`guess ${guess}`)).code);
    expect(codes).toEqual([403, 403, 403, 403, 403, 429]);
    expect((await enter('open sesame')).code).toBe(429);
  });

  test('a file from who is not logged in is not read', async () => {
    const body = '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nxx\r\n--b--\r\n';
    const headers = { host: page, origin: `http://${page}`, 'content-type': 'multipart/form-data; boundary=b' };
    const { cookie } = await enter('open sesame');
    const read = (more: Record<string, string>) =>
      ask(page, { method: 'POST', path: '/stick/read', headers: { ...headers, ...more }, body });
    expect((await read({})).code).toBe(403);
    expect((await read({ cookie })).code).toBe(403);
  });
});
