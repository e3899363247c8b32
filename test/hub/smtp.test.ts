import { afterEach, expect, test } from 'vitest';
import type { Service } from '../../hub/hub.ts';
import { startSmtp } from '../../hub/smtp.ts';
import { DEFAULT_LIMITS } from '../../shared/core/directory.ts';
import { type BareHub, type BareHubOptions, bareHub } from '../support/bare-hub.ts';
import { RawSmtp } from '../support/raw-smtp.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const TOML = '[listen]\nsmtp = "127.0.0.1:0"\n';

async function door(options: BareHubOptions = {}): Promise<{ hub: BareHub; address: string; service: Service }> {
  const hub = await bareHub({ ...options, toml: TOML + (options.toml ?? '') });
  closing.push(() => hub.close());
  const [service] = await startSmtp(hub);
  if (!service?.address) throw new Error('no service');
  closing.push(() => service.close(0));
  return { hub, address: service.address, service };
}

const MAIL = 'From: a@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: hi\r\n\r\nhello\r\n';

async function deliver(
  address: string,
  wire: string | Buffer,
  to: readonly string[] = ['herat.farid@example.org'],
): Promise<string> {
  const client = await RawSmtp.open(address);
  expect(await client.begin('friend@example.com', to)).toMatch(/^354/);
  client.send(wire);
  client.send('.\r\n');
  const reply = await client.reply();
  client.hangUp();
  return reply;
}

test('a mail is kept byte for byte below one Received line, one entry for an office', async () => {
  const { hub, address } = await door();
  expect(await deliver(address, MAIL, ['herat.farid@example.org', 'herat.anna@example.org'])).toMatch(/^250 2\.0\.0 /);
  const { sender, recipients, body } = await hub.only('office/herat');
  expect({ sender, recipients }).toEqual({
    sender: 'friend@example.com',
    recipients: ['herat.farid@example.org', 'herat.anna@example.org'],
  });
  const [received = '', ...rest] = body.toString().split('\n');
  expect(received).toMatch(/^Received: from client\.test \(127\.0\.0\.1\) by kabul\.example\.org with ESMTP id /);
  expect(rest.join('\n')).toBe(MAIL.replaceAll('\r\n', '\n'));
});

test('bytes beyond ASCII, stuffed dots and a line of a million bytes come through', async () => {
  const { hub, address } = await door();
  const long = 'x'.repeat(1_000_000);
  await deliver(address, Buffer.from(`Subject: \xff\xfe\r\n\r\n..dot\r\n...\r\n${long}\r\n`, 'latin1'));
  const { body } = await hub.only('office/herat');
  expect(body.toString('latin1').split('\n').slice(1).join('\n')).toBe(`Subject: \xff\xfe\n\n.dot\n..\n${long}\n`);
});

test.each([
  ['herat.farid@example.org', /^250/],
  ['nobody@example.org', /^550 5\.1\.1 /],
  ['friend@example.com', /^550 5\.7\.1 /],
  ['later@example.org', /^451 4\.3\.0 /],
  ['a\u0000b@example.org', /^501/],
  ['@example.org', /^5/],
  [`${'x'.repeat(1500)}@example.org`, /^553 5\.1\.3 /],
])('RCPT %s is answered %s', async (recipient, answer) => {
  const { address } = await door();
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  await client.say('MAIL FROM:<friend@example.com>');
  expect(await client.say(`RCPT TO:<${recipient}>`)).toMatch(answer);
  client.hangUp();
});

test('postmaster needs no domain', async () => {
  const { address } = await door();
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  await client.say('MAIL FROM:<>');
  // The table of this test knows no postmaster; that it was asked for one of our domain is what matters.
  expect(await client.say('RCPT TO:<postmaster>')).toMatch(/^550 5\.1\.1 /);
  client.hangUp();
});

test('two mails written at once are both answered, in order', async () => {
  const { hub, address } = await door();
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  const one = (subject: string): string =>
    `MAIL FROM:<a@example.com>\r\nRCPT TO:<herat.farid@example.org>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\nSubject: ${subject}\r\n\r\n.\r\n`;
  client.send(one('first') + one('second'));
  const replies = await client.replies(10);
  expect(replies.map((reply) => reply.slice(0, 3))).toEqual([
    '250',
    '250',
    '550',
    '354',
    '250',
    '250',
    '250',
    '550',
    '354',
    '250',
  ]);
  expect(await hub.entries('office/herat')).toHaveLength(2);
  client.hangUp();
});

test.each([
  ['LF dot CRLF', '\n.\r\n'],
  ['CR dot CRLF', '\r.\r\n'],
  ['LF dot LF', '\n.\n'],
  ['CRLF dot LF', '\r\n.\n'],
  ['CRLF dot CR', '\r\n.\r'],
  ['a lone CR', 'a\rb'],
  ['a lone LF', 'a\nb'],
])('%s ends no mail, and is refused with nothing kept', async (_, form) => {
  const { hub, address } = await door();
  const smuggled = `Subject: outer\r\n\r\ntext${form}MAIL FROM:<evil@example.com>\r\nRCPT TO:<herat.farid@example.org>\r\nDATA\r\nSubject: inner\r\n\r\nx\r\n`;
  expect(await deliver(address, smuggled)).toMatch(/^550 5\.6\.0 /);
  expect(await hub.entries('office/herat')).toHaveLength(0);
});

test('a mail beyond the limit is refused when it is announced, and when it comes', async () => {
  const { hub, address } = await door({ toml: '[limits]\nmail = "1 KB"\n' });
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  expect(await client.say('MAIL FROM:<friend@example.com> SIZE=1001')).toMatch(/^552/);
  client.hangUp();
  expect(await deliver(address, `${'x'.repeat(1010)}\r\n`)).toMatch(/^552 5\.3\.4 /);
  expect(await hub.entries('office/herat')).toHaveLength(0);
});

const OFFICE = { name: 'herat', domains: [], keyId: '0123456789abcdef', generation: 1, revoked: false };

test("an office's own limit holds, at RCPT and after DATA; who still gets the mail gets it, the rest is reported", async () => {
  const offices = [{ ...OFFICE, limits: { ...DEFAULT_LIMITS, mailBytesMax: 500 } }];
  const { hub, address } = await door({ offices });
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  await client.say('MAIL FROM:<mazar.boss@example.org> SIZE=501');
  expect(await client.say('RCPT TO:<herat.farid@example.org>')).toMatch(/^552 5\.3\.4 /);
  client.hangUp();
  const large = `Subject: large\r\n\r\n${'x'.repeat(600)}\r\n`;
  expect(await deliver(address, large)).toMatch(/^552 5\.3\.4 /);
  const sender = await RawSmtp.open(address);
  await sender.begin('mazar.boss@example.org', ['herat.farid@example.org', 'farah.ali@example.org']);
  sender.send(`${large}.\r\n`);
  expect(await sender.reply()).toMatch(/^250/);
  sender.hangUp();
  expect(await hub.entries('office/herat')).toHaveLength(0);
  expect((await hub.only('office/farah')).recipients).toEqual(['farah.ali@example.org']);
  const report = await hub.only('office/mazar');
  expect(report.sender).toBe('');
  expect(report.body.toString()).toContain('Final-Recipient: rfc822; herat.farid@example.org');
});

test('the same mail again is answered the same, and kept once', async () => {
  const { hub, address } = await door();
  const first = await deliver(address, MAIL);
  expect(await deliver(address, MAIL)).toBe(first);
  expect(await hub.entries('office/herat')).toHaveLength(1);
});

test('a client that goes in the middle of a mail leaves nothing', async () => {
  const { hub, address, service } = await door();
  const client = await RawSmtp.open(address);
  await client.begin('friend@example.com', ['herat.farid@example.org']);
  client.send(MAIL);
  client.hangUp();
  await service.close(5);
  expect(await hub.entries('office/herat')).toHaveLength(0);
  expect(hub.logged.filter(({ level }) => level === 'error')).toEqual([]);
});

test('recipients, commands and connections are bounded', async () => {
  const { address } = await door({ toml: '[limits]\nrecipients = 2\nconnections = 1\n' });
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  await client.say('MAIL FROM:<friend@example.com>');
  const replies: string[] = [];
  for (const name of ['a', 'b', 'c']) replies.push(await client.say(`RCPT TO:<herat.${name}@example.org>`));
  expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['250', '250', '452']);
  const second = await RawSmtp.open(address);
  expect(await second.say('EHLO client.test')).toBe('closed');
  expect(await client.say(`NOOP ${'x'.repeat(5_000)}`)).toMatch(/^421/);
  expect(await client.reply()).toBe('closed');
});

test('addresses beyond ASCII are taken, their domains in ASCII form', async () => {
  const { hub, address } = await door();
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  await client.say('MAIL FROM:<δοκιμή@bücher.example> SMTPUTF8');
  expect(await client.say('RCPT TO:<herat.فرید@example.org>')).toMatch(/^250/);
  await client.say('DATA');
  client.send(`${MAIL}.\r\n`);
  expect(await client.reply()).toMatch(/^250/);
  client.hangUp();
  const { sender, recipients } = await hub.only('office/herat');
  expect({ sender, recipients }).toEqual({
    sender: 'δοκιμή@xn--bcher-kva.example',
    recipients: ['herat.فرید@example.org'],
  });
});

test('hosts of [[allow]] relay for their office; a revoked one is shut out', async () => {
  const office = { ...OFFICE, limits: DEFAULT_LIMITS };
  const toml = '[[allow]]\naddress = "127.0.0.0/8"\noffice = "herat"\n';
  const { hub, address } = await door({ toml, offices: [office] });
  expect(await deliver(address, MAIL, ['friend@example.net'])).toMatch(/^250/);
  expect((await hub.only('internet')).recipients).toEqual(['friend@example.net']);
  const shut = await door({ toml, offices: [{ ...office, revoked: true }] });
  const client = await RawSmtp.open(shut.address);
  await client.say('EHLO client.test');
  expect(await client.say('MAIL FROM:<farid@example.org>')).toMatch(/^550 5\.7\.1 /);
  client.hangUp();
});

test('nobody can log in, and STARTTLS is not offered without a certificate', async () => {
  const { address } = await door();
  const client = await RawSmtp.open(address);
  await client.say('EHLO client.test');
  expect(await client.say('AUTH PLAIN AGEAYg==')).toMatch(/^500/);
  expect(await client.say('STARTTLS')).toMatch(/^500/);
  client.hangUp();
});

test('stopping finishes the mail in hand, and sends others away', async () => {
  const { hub, address, service } = await door();
  const busy = await RawSmtp.open(address);
  await busy.begin('friend@example.com', ['herat.farid@example.org']);
  const idle = await RawSmtp.open(address);
  busy.send(MAIL);
  const closed = service.close(10);
  busy.send('.\r\n');
  expect(await busy.reply()).toMatch(/^250/);
  expect(await idle.reply()).toMatch(/^421/);
  busy.hangUp();
  idle.hangUp();
  await closed;
  expect(await hub.entries('office/herat')).toHaveLength(1);
});
