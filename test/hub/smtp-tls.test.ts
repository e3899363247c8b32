import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { type Certificate, followCertificate } from '../../hub/certificate.ts';
import { Destinations, type Transaction } from '../../hub/destinations.ts';
import { startSmtp } from '../../hub/smtp.ts';
import { bodyForm } from '../../hub/smtp-exact.ts';
import { SmtpOut } from '../../hub/smtp-out.ts';
import { textBody } from '../../shared/io/body.ts';
import { bareHub } from '../support/bare-hub.ts';
import { makeCertificate } from '../support/certificate.ts';
import { hasPeer } from '../support/peers.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';

const certificate = makeCertificate();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function tlsDoor() {
  const hub = await bareHub({
    toml: `[listen]\nsmtp = "127.0.0.1:0"\n[tls]\ncert = "${certificate?.certFile}"\nkey = "${certificate?.keyFile}"\n`,
  });
  closing.push(() => hub.close());
  const [service] = await startSmtp(hub);
  closing.push(async () => service?.close(0));
  return { hub, address: service?.address ?? '' };
}

test.skipIf(!certificate || !hasPeer('curl'))('curl delivers over STARTTLS', async () => {
  const { hub, address } = await tlsDoor();
  const envelope = ['--mail-from', 'friend@example.com', '--mail-rcpt', 'herat.farid@example.org'];
  const curl = spawn('curl', [
    '-sS',
    `smtp://${address}`,
    '--ssl-reqd',
    '--cacert',
    certificate?.certFile ?? '',
    ...envelope,
    '-T',
    '-',
  ]);
  curl.stdin.end('Subject: by curl\r\n\r\nhello\r\n');
  expect(await text(curl.stderr)).toBe('');
  const { body } = await hub.only('office/herat');
  expect(body.toString()).toMatch(
    /^Received: from \S+ \(127\.0\.0\.1\) by kabul\.example\.org with ESMTPS id .*\nSubject: by curl\n\nhello\n$/,
  );
});

test.skipIf(!hasPeer('swaks'))('swaks delivers, pipelined', async () => {
  const { hub, address } = await tlsDoor();
  const message = ['--pipeline', '--header', 'Subject: by swaks', '--body', '.dots\n..\n.'];
  const swaks = spawn('/usr/bin/swaks', [
    '--server',
    address,
    '--from',
    'friend@example.com',
    '--to',
    'herat.farid@example.org',
    ...message,
  ]);
  expect(await text(swaks.stdout)).toMatch(/<- {2}250 2\.0\.0 ok \d+ qp [0-9a-f]{8}/);
  const { body } = await hub.only('office/herat');
  expect(body.toString()).toMatch(/\nSubject: by swaks\n[\s\S]*\n\n\.dots\n\.\.\n\.\n/);
});

test.skipIf(!certificate)('what follows STARTTLS in clear is not obeyed', async () => {
  const { hub, address } = await tlsDoor();
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  client.send('STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<herat.farid@example.org>\r\n');
  expect(await client.reply()).toMatch(/^220/);
  await client.secure();
  await client.say('EHLO client.test');
  expect(await client.say('DATA')).toMatch(/^503/);
  client.hangUp();
  expect(await hub.entries('office/herat')).toHaveLength(0);
});

const BODY = textBody('Subject: t\n\nhello\n');

async function sendTo(address: string, tls: 'opportunistic' | 'offered' | 'required' | 'none') {
  const session = await SmtpOut.open(
    { name: '127.0.0.1', address: '127.0.0.1', port: Number(address.split(':')[1]), tls },
    { hostname: 'kabul.example.org', signal: new AbortController().signal },
  );
  const { wireBytes, eightBit } = await bodyForm(BODY);
  const { verdicts } = await session.send({ from: 'a@example.org', to: ['b@example.com'], wireBytes, eightBit }, BODY);
  session.close();
  return verdicts.get('b@example.com')?.letter;
}

test.skipIf(!certificate)('between MX hosts any certificate will do', async () => {
  const sink = await startSmtpSink({ tls: { key: certificate?.key, cert: certificate?.cert } });
  closing.push(() => sink.close());
  expect(await sendTo(sink.address, 'opportunistic')).toBe('K');
  expect(sink.mails.map(({ tls }) => tls)).toEqual([true]);
});

test('between MX hosts a broken STARTTLS is passed over', async () => {
  // A server without a key: every handshake fails.
  const sink = await startSmtpSink({ tls: {} });
  closing.push(() => sink.close());
  expect(await sendTo(sink.address, 'opportunistic')).toBe('K');
  expect(sink.mails.map(({ tls }) => tls)).toEqual([false]);
});

test.skipIf(!certificate)("a smarthost's certificate is verified, and no password goes in clear", async () => {
  const sink = await startSmtpSink({ tls: { key: certificate?.key, cert: certificate?.cert } });
  const clear = await startSmtpSink();
  closing.push(
    () => sink.close(),
    () => clear.close(),
  );
  await expect(sendTo(sink.address, 'offered')).rejects.toThrow(/no session with 127\.0\.0\.1: .*self-signed/);
  await expect(sendTo(clear.address, 'required')).rejects.toThrow(/no session with 127\.0\.0\.1/);
  expect([...sink.mails, ...clear.mails]).toEqual([]);
});

test('a server that hangs up at any point of the set-up defers', async () => {
  const smarthost = { host: '127.0.0.1', port: 1, tls: 'none' } as const;
  const destinations = new Destinations({
    hostname: 'kabul.example.org',
    smarthost,
    routes: {},
    port: 25,
    concurrency: 1,
    leaving: async (mail: Transaction) => mail,
  });
  const transaction = {
    sender: 'a@example.org',
    recipients: ['b@example.com'],
    body: BODY,
    form: await bodyForm(BODY),
    insist: false,
  };
  const { verdicts } = await destinations.send('127.0.0.1', transaction);
  expect(verdicts.get('b@example.com')).toEqual({
    letter: 'Z',
    text: expect.stringContaining('nothing listens there (#4.4.1)'),
  });
});

/** Vitest's time limit ends what never does. */
async function holds(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test.skipIf(!certificate)('a renewed certificate is used without a restart, and half of one is not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-renewal-'));
  closing.push(() => rm(folder, { recursive: true }));
  const first = makeCertificate(folder);
  const hub = await bareHub({ toml: `[tls]\ncert = "${first?.certFile}"\nkey = "${first?.keyFile}"\n` });
  closing.push(() => hub.close());
  const used: Certificate[] = [];
  const end = followCertificate(hub, (renewed) => void used.push(renewed), 20);
  closing.push(async () => end());
  await writeFile(first?.certFile ?? '', certificate?.cert ?? '');
  await holds(() => hub.logged.some(({ event }) => event.startsWith('the new certificate of [tls] cannot be used')));
  expect(used).toEqual([]);
  await writeFile(first?.keyFile ?? '', certificate?.key ?? '');
  await holds(() => used.length > 0);
  expect(used).toEqual([{ cert: certificate?.cert, key: certificate?.key }]);
});
