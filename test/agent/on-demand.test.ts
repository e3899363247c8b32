/** Links that are dialled for a sync, and networks that stand before the Internet. */
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { callHub } from '../../agent/dial-hub.ts';
import { runSync } from '../../agent/run-sync.ts';
import { startSchedule } from '../../agent/schedule.ts';
import { textBody } from '../../shared/io/body.ts';
import { type BareAgent, bareAgent } from '../support/bare-agent.ts';
import { makeCertificate } from '../support/certificate.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** What was dialled and hung up is told by the lines of a file. */
async function office(connect: string, seconds = 10): Promise<{ agent: BareAgent; said(): Promise<string> }> {
  const folder = await bareAgent({ toml: '' });
  closing.push(() => folder.close());
  const diary = join(folder.folder, 'diary');
  await writeFile(diary, '');
  const link = `[[link]]\nname = "modem"\nconnect = ["sh", "-c", "${connect} >> ${diary}"]\ndisconnect = ["sh", "-c", "echo down >> ${diary}"]\nconnect_timeout = "${seconds} s"\n`;
  const agent = await bareAgent({ toml: link });
  closing.push(() => agent.close());
  return { agent, said: () => readFile(diary, 'utf8') };
}

test('a link is dialled for a sync, and hung up after it, also when the hub does not answer', async () => {
  const { agent, said } = await office('echo up');
  const result = await runSync(agent, { linkName: 'modem' });
  expect(result.ok).toBe(false);
  expect(await said()).toBe('up\ndown\n');
  expect(await agent.store.get('dialled')).toBe(undefined);
});

test('what cannot be brought up is told in the program’s words, nothing is called, and the line is hung up', async () => {
  const { agent, said } = await office('echo NO CARRIER >&2; exit 3; echo');
  const result = await runSync(agent, { linkName: 'modem' });
  expect(result).toMatchObject({
    ok: false,
    exit: 75,
    error: 'link modem could not be brought up: sh: exit code 3; it said: NO CARRIER',
  });
  expect(await said()).toBe('down\n');
});

test('a modem that never answers is given up', async () => {
  const { agent, said } = await office('sleep 60', 1);
  const { error } = await runSync(agent, { linkName: 'modem' });
  expect(error).toContain('did not end within 1 s, and was stopped');
  expect(await said()).toBe('down\n');
});

test('a call that a crash left open is hung up at the next start', async () => {
  const { agent, said } = await office('echo up');
  await agent.store.put('dialled', textBody('modem'));
  const schedule = startSchedule(agent);
  closing.push(() => schedule.close(5));
  while (!(await said()).startsWith('down\n')) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await said()).toMatch(/^down\n/);
});

const KEY = { identity: 'a'.repeat(16), key: Buffer.alloc(32, 1) };

async function called(port: number): Promise<string> {
  try {
    const call = await callHub({ host: '127.0.0.1', port, key: KEY, seconds: 10 });
    await call.close();
    return 'connected';
  } catch (error) {
    return (error as Error).message;
  }
}

const PORTAL = /is not the hub: this network may have a log-in page of its own/;

test('a log-in page that answers in plain HTTP is called what it is', async () => {
  const portal = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n'));
  });
  await new Promise<void>((resolve) => portal.listen(0, '127.0.0.1', resolve));
  closing.push(async () => portal.close());
  expect(await called((portal.address() as AddressInfo).port)).toMatch(PORTAL);
});

const certificate = makeCertificate();
test.skipIf(!certificate)('so is one with a certificate', async () => {
  const portal = createTlsServer({ cert: certificate?.cert, key: certificate?.key });
  portal.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => portal.listen(0, '127.0.0.1', resolve));
  closing.push(async () => portal.close());
  expect(await called((portal.address() as AddressInfo).port)).toMatch(PORTAL);
});
