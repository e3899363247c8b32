/** Mail on its way out to other people's servers: signed, and with a sender that their SPF takes. */

import { createHash } from 'node:crypto';
import { getServers, setServers } from 'node:dns';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { afterEach, expect, test } from 'vitest';
import { dkimCommand } from '../../hub/commands/dkim.ts';
import type { HubConfig } from '../../hub/config.ts';
import { startRelay } from '../../hub/relay.ts';
import { startSmtp } from '../../hub/smtp.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { bareHub } from '../support/bare-hub.ts';
import { alias, office, user } from '../support/directory.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { NO_FILES } from '../support/no-files.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { wholeHub } from '../support/whole-hub.ts';

const before = getServers();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  setServers(before);
  for (const close of closing.splice(0).reverse()) await close();
});

/** Tables, doors, relay; all outgoing mail ends in the sink. */
async function hubAndSink() {
  const sink = await startSmtpSink();
  closing.push(() => sink.close());
  const { hub, close } = await wholeHub({
    toml: `[listen]\nsmtp = "127.0.0.1:0"\n[dkim]\n[relay]\nsmarthost = "smtp://${sink.address}"\n`,
    edits: [office('herat'), user('farid', 'herat'), alias('staff', 'farid', 'partner@example.net')],
  });
  closing.push(close);
  await dkim(hub);
  const relay = startRelay(hub);
  closing.push(() => relay.close(0));
  const [smtp] = await startSmtp(hub);
  closing.push(async () => smtp?.close(0));
  return { hub, sink, address: smtp?.address ?? '' };
}

async function deliver(address: string, { from, to, mail }: { from: string; to: string; mail: string }) {
  const client = await RawSmtp.open(address);
  const begun = await client.begin(from, [to]);
  if (!begun.startsWith('354')) return begun;
  client.send(`${mail.replaceAll('\n', '\r\n')}.\r\n`);
  const reply = await client.reply();
  client.hangUp();
  return reply;
}

test('what a stranger writes to an alias leaves with a sender of ours, unsigned, and a bounce finds him', async () => {
  const { sink, address } = await hubAndSink();
  const mail = 'From: friend@example.com\nMessage-ID: <1@example.com>\nSubject: hi\n\nhello\n';
  await deliver(address, { from: 'friend@example.com', to: 'staff@example.org', mail });
  const [left] = await sink.until(1);
  expect(left?.to).toEqual(['partner@example.net']);
  expect(left?.from).toMatch(/^SRS0=[a-z2-7]{8}=[a-z2-7]{2}=example\.com=friend@example\.org$/);
  expect(left?.wire.toString()).toMatch(/^Received: /);
  const bounce = 'From: MAILER-DAEMON@example.net\nSubject: no\n\nno such partner\n';
  expect(await deliver(address, { from: '', to: left?.from ?? '', mail: bounce })).toMatch(/^250/);
  const [, returned] = await sink.until(2);
  expect({ from: returned?.from, to: returned?.to }).toEqual({ from: '', to: ['friend@example.com'] });
  const forged = left?.from.replace('friend', 'fiend') ?? '';
  expect(await deliver(address, { from: '', to: forged, mail: bounce })).toMatch(/^503|^550/);
  expect(await deliver(address, { from: 'x@example.com', to: left?.from ?? '', mail: bounce })).toMatch(/^503|^550/);
});

test('what our own people write leaves signed, and the signature is good', async () => {
  const { hub, sink } = await hubAndSink();
  const text = 'From: Farid <farid@example.org>\nTo: friend@example.com\nSubject: caf\u00e9\n\n.dot\n  blanks  \n\n\n';
  const bytes = Buffer.from(text);
  const bodyHash = createHash('sha256').update(bytes).digest('hex');
  const envelope = { sender: 'farid@example.org', recipients: ['friend@example.com'], hops: 0, urgency: 5 };
  const arrival = {
    peer: { name: 'office/herat', relays: true, office: 'herat' },
    id: 'a'.repeat(64),
    mail: { ...envelope, body: bytesBody(bytes), bodyHash },
  };
  expect(await accept(hub.place, arrival, hub.now())).toMatchObject([{ letter: 'K' }]);
  const [left] = await sink.until(1);
  expect(left?.from).toBe('farid@example.org');
  const wire = left?.wire.toString() ?? '';
  expect(wire.slice(wire.indexOf('From: '))).toBe(text.replaceAll('\n', '\r\n'));
  const { name, text: record } = await dkim(hub);
  const resolver = async (asked: string) => [[asked === name ? record : '']];
  const { results } = await dkimVerify(left?.wire ?? '', { resolver });
  expect(results.map(({ status, signingDomain }) => [status.result, signingDomain])).toEqual([['pass', 'example.org']]);
});

async function hubWithKey() {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-dkim-'));
  closing.push(() => rm(folder, { recursive: true }));
  const sink = await startSmtpSink();
  closing.push(() => sink.close());
  const hub = await bareHub({
    toml: `[listen]\nsmtp = "127.0.0.1:0"\n[dkim]\nkey_file = "${folder}/dkim.key"\n[relay]\nsmarthost = "smtp://${sink.address}"\n[[allow]]\naddress = "127.0.0.1"\noffice = "herat"\n`,
    offices: [],
  });
  closing.push(() => hub.close());
  return { folder, hub, sink };
}

async function dkim(hub: { readonly config: HubConfig }) {
  const lines: string[] = [];
  const call = {
    positionals: [],
    options: {},
    json: true,
    out: (line: string) => void lines.push(line),
    ...NO_FILES,
    readFile: async () => Buffer.alloc(0),
  };
  const code = await dkimCommand.run(hub.config, call);
  return { code, ...(JSON.parse(lines.join('\n')) as { name: string; text: string; made: boolean }) };
}

test('hub dkim makes the key once, for its owner alone, and says whether the DNS has the record', async () => {
  const { folder, hub } = await hubWithKey();
  const empty = await startDnsServer({});
  closing.push(() => empty.close());
  setServers([empty.address]);
  const first = await dkim(hub);
  expect(first).toMatchObject({ code: 75, made: true, published: false, name: 'fieldpost._domainkey.example.org' });
  expect((await stat(join(folder, 'dkim.key'))).mode & 0o777).toBe(0o600);
  const dns = await startDnsServer({ [first.name]: { txt: [first.text] } });
  closing.push(() => dns.close());
  setServers([dns.address]);
  expect(await dkim(hub)).toMatchObject({ code: 0, made: false, published: true, text: first.text });
});

test('a [dkim] without its key stops the start with the remedy', async () => {
  const { hub } = await hubWithKey();
  expect(() => startRelay(hub)).toThrow("there is no key yet; 'hub dkim' makes it");
});
