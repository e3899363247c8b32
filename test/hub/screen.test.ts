/** What strangers bring by SMTP is looked at first: DMARC by a DNS of the test's own, and Debian's rspamd. */
import { getServers, setServers } from 'node:dns';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { dkimRecord, loadDkim, makeDkimKey } from '../../hub/dkim.ts';
import { startSmtp } from '../../hub/smtp.ts';
import { JUNK } from '../../shared/core/entry.ts';
import { type BareHub, bareHub } from '../support/bare-hub.ts';
import { type DnsRecords, startDnsServer } from '../support/dns-server.ts';
import { hasPeer } from '../support/peers.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { GTUBE, type Rspamd, startRspamd } from '../support/rspamd.ts';
import { HERAT } from '../support/sync-office.ts';

const before = getServers();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  setServers(before);
  for (const close of closing.splice(0).reverse()) await close();
});

const FARID = 'herat.farid@example.org';

async function door(screen: string, spam: 'mark' | 'hold' | 'refuse' = 'mark') {
  const office = { ...HERAT, limits: { ...HERAT.limits, spam } };
  const hub = await bareHub({ toml: `[listen]\nsmtp = "127.0.0.1:0"\n[screen]\n${screen}\n`, offices: [office] });
  closing.push(() => hub.close());
  const [service] = await startSmtp(hub);
  closing.push(async () => service?.close(0));
  return { hub, address: service?.address ?? '' };
}

async function deliver(address: string, mail: string, to: readonly string[] = [FARID]): Promise<string> {
  const client = await RawSmtp.open(address);
  const begun = await client.begin('friend@example.com', to);
  if (!begun.startsWith('354')) return begun;
  client.send(`${mail.replaceAll('\n', '\r\n')}.\r\n`);
  const reply = await client.reply();
  client.hangUp();
  return reply;
}

const MAIL = 'From: Friend <friend@example.com>\nMessage-ID: <1@example.com>\nSubject: hi\n\nhello\n';

async function zone(records: Readonly<Record<string, DnsRecords>>): Promise<void> {
  const dns = await startDnsServer(records);
  closing.push(() => dns.close());
  setServers([dns.address]);
}

const dmarc = (policy: string): Readonly<Record<string, DnsRecords>> => ({
  'example.com': { txt: ['v=spf1 ip4:192.0.2.1 -all'] },
  '_dmarc.example.com': { txt: [`v=DMARC1; p=${policy}`] },
});

describe('DMARC', () => {
  test('what its author’s domain disowns is refused, and says why', async () => {
    await zone(dmarc('reject'));
    const { hub, address } = await door('');
    expect(await deliver(address, MAIL)).toBe(
      '550 5.7.1 example.com asks that mail which does not prove to come from there be refused: DMARC',
    );
    expect(await hub.entries('office/herat')).toEqual([]);
  });

  test('from a host that the domain names it is taken, unchanged', async () => {
    await zone({ ...dmarc('reject'), 'example.com': { txt: ['v=spf1 ip4:127.0.0.1 -all'] } });
    const { hub, address } = await door('');
    expect(await deliver(address, MAIL)).toMatch(/^250/);
    expect((await hub.only('office/herat')).body.toString().split('\n').slice(1).join('\n')).toBe(MAIL);
  });

  test('a good signature of the domain is enough, and one over another body is not', async () => {
    const { signature, record } = await signedByFriend();
    await zone({ ...dmarc('reject'), [record.name]: { txt: [record.text] } });
    const { hub, address } = await door('');
    expect(await deliver(address, `${signature}${MAIL.replace('hello', 'hallo')}`)).toMatch(/^550 5\.7\.1/);
    expect(await deliver(address, `${signature}${MAIL}`)).toMatch(/^250/);
    expect(await hub.entries('office/herat')).toHaveLength(1);
  });

  test.each(['none', 'quarantine'])('p=%s takes it; quarantine marks it and sends it last', async (policy) => {
    await zone(dmarc(policy));
    const { hub, address } = await door('');
    expect(await deliver(address, MAIL)).toMatch(/^250/);
    const [entry] = await hub.entries('office/herat');
    const { body } = await hub.only('office/herat');
    expect(body.toString().startsWith('X-Spam: yes (example.com disowns it)\nReceived: ')).toBe(
      policy === 'quarantine',
    );
    expect(entry?.name.urgency === JUNK).toBe(policy === 'quarantine');
  });

  test('a DNS that is broken stops no mail', async () => {
    await zone({ 'example.com': { broken: true }, '_dmarc.example.com': { broken: true } });
    const { hub, address } = await door('');
    expect(await deliver(address, MAIL)).toMatch(/^250/);
    expect(await hub.entries('office/herat')).toHaveLength(1);
  });
});

/** A key of example.com's own, and its signature of MAIL. */
async function signedByFriend() {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-dkim-'));
  closing.push(() => rm(folder, { recursive: true }));
  const hub = await bareHub({ toml: `[dkim]\nkey_file = "${folder}/key"\n` });
  closing.push(() => hub.close());
  await makeDkimKey(join(folder, 'key'));
  const key = loadDkim(hub.config);
  if (!key) throw new Error('no key');
  const friends = { ...key, domain: 'example.com' };
  const data = { signingDomain: friends.domain, selector: friends.selector, privateKey: friends.privateKey };
  const options = { signatureData: [data] } as unknown as Parameters<typeof dkimSign>[1];
  const { signatures } = await dkimSign(MAIL.replaceAll('\n', '\r\n'), options);
  return { signature: signatures.replaceAll('\r\n', '\n'), record: dkimRecord(friends) };
}

describe.skipIf(!hasPeer('rspamd'))('rspamd', () => {
  let rspamd: Rspamd;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fieldpost-rspamd-'));
    rspamd = await startRspamd(folder);
  });
  afterAll(async () => {
    await rspamd?.stop();
    await rm(folder, { recursive: true });
  });

  const settings = () => `rspamd = "${rspamd.url}"\ndmarc = false`;
  const spam = (pattern: string, length = 0) => `${MAIL}${pattern}\n${`${'x'.repeat(70)}\n`.repeat(length)}`;
  const marked = async (hub: BareHub) => (await hub.only('office/herat')).body.toString();

  test('what it is sure of is refused', async () => {
    const { hub, address } = await door(settings());
    expect(await deliver(address, spam(GTUBE.reject))).toBe('550 5.7.1 the mail was taken for spam');
    expect(await hub.entries('office/herat')).toEqual([]);
  });

  test('a letter goes through untouched', async () => {
    const { hub, address } = await door(settings());
    expect(await deliver(address, MAIL)).toMatch(/^250/);
    expect(await marked(hub)).toMatch(/^Received: /);
  });

  test.each(['mark', 'hold', 'refuse'] as const)('what it suspects goes by the office: %s', async (choice) => {
    const { hub, address } = await door(settings(), choice);
    const reply = await deliver(address, spam(GTUBE.suspect));
    if (choice === 'refuse') {
      expect(reply).toMatch(/^550 5\.7\.1 the mail was taken for spam: score /);
      return;
    }
    expect(reply).toMatch(/^250/);
    expect(await marked(hub)).toMatch(/^X-Spam: yes \(score \d+\.\d of 15\)\nReceived: /);
  });

  test('for two offices of which one would refuse, it is taken for both, and marked', async () => {
    const { hub, address } = await door(settings(), 'refuse');
    expect(await deliver(address, spam(GTUBE.suspect), [FARID, 'mazar.omid@example.org'])).toMatch(/^250/);
    expect(await marked(hub)).toMatch(/^X-Spam: yes/);
    expect(await hub.entries('office/mazar')).toHaveLength(1);
  });
});

test('an rspamd that is away, or talks nonsense, stops no mail, and is named once', async () => {
  const server = createServer((_request, response) => response.end('what?'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => server.close());
  const { port } = server.address() as AddressInfo;
  const { hub, address } = await door(`rspamd = "http://127.0.0.1:${port}"\ndmarc = false`);
  for (const text of ['one', 'two']) expect(await deliver(address, MAIL.replace('hello', text))).toMatch(/^250/);
  expect(hub.logged.filter(({ level }) => level === 'warn').map(({ event }) => event)).toEqual([
    'rspamd does not answer: mail goes on unseen',
  ]);
});

test('one host brings no more mails in an hour than the limit; an hour later it may again', async () => {
  const hub = await bareHub({ toml: '[listen]\nsmtp = "127.0.0.1:0"\n[limits]\nstranger_per_hour = 2\n' });
  closing.push(() => hub.close());
  const [service] = await startSmtp(hub);
  closing.push(async () => service?.close(0));
  const replies: string[] = [];
  for (const text of ['one', 'two', 'three']) {
    // Begun with MAIL, RCPT and DATA at once: the last of them is answered that there was no MAIL.
    replies.push((await deliver(service?.address ?? '', MAIL.replace('hello', text))).slice(0, 3));
  }
  expect(replies).toEqual(['250', '250', '503']);
  hub.wait(3600);
  expect(await deliver(service?.address ?? '', MAIL)).toMatch(/^250/);
});
