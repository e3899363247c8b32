import { createHash, randomBytes } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { queueCommands } from '../../hub/commands/queue.ts';
import { startRelay } from '../../hub/relay.ts';
import { nextTry } from '../../hub/retry-times.ts';
import { refused } from '../../shared/core/verdict.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { type BareHub, bareHub } from '../support/bare-hub.ts';
import { NO_FILES } from '../support/no-files.ts';
import { type SinkOptions, type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Net {
  readonly hub: BareHub;
  readonly sink: SmtpSink;
}

async function net(
  options: SinkOptions = {},
  more: { readonly folder?: string; readonly relay?: string } = {},
): Promise<Net> {
  const sink = await startSmtpSink(options);
  closing.push(() => sink.close());
  return { sink, hub: await hubFor(sink, more) };
}

async function hubFor(
  sink: SmtpSink,
  { folder, relay = '' }: { readonly folder?: string; readonly relay?: string } = {},
): Promise<BareHub> {
  const toml = `[relay]\nsmarthost = "smtp://${sink.address}"\n${relay}`;
  const hub = await bareHub({ toml, ...(folder === undefined ? {} : { folder }) });
  closing.push(() => hub.close());
  const relayService = startRelay(hub);
  closing.push(() => relayService.close(0));
  return hub;
}

async function queue(
  hub: BareHub,
  recipients: readonly string[],
  { sender = 'herat.farid@example.org', text = 'Subject: t\n\nhello\n' } = {},
): Promise<void> {
  const bytes = Buffer.from(text, 'latin1');
  const mail = {
    sender,
    recipients,
    hops: 0,
    urgency: 5,
    body: bytesBody(bytes),
    bodyHash: createHash('sha256').update(bytes).digest('hex'),
  };
  const arrival = { peer: { name: 'send', relays: true }, id: randomBytes(32).toString('hex'), mail };
  const verdicts = await accept(hub.place, arrival, hub.now());
  expect(verdicts.every(({ letter }) => letter === 'K')).toBe(true);
}

/** Until something holds; vitest's time limit ends what never does. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const isEmpty = (hub: BareHub) => async () => (await hub.entries('internet')).length === 0;
const logged = (hub: BareHub, event: string) => hub.logged.filter((line) => line.event === event);

/** Runs `hub queue …` as the command line would. */
async function command(
  hub: BareHub,
  words: string,
  positionals: readonly string[] = [],
  options: Record<string, boolean> = {},
) {
  const lines: string[] = [];
  const found = queueCommands.find((one) => one.words === words);
  const call = {
    positionals,
    options,
    json: false,
    out: (line: string) => void lines.push(line),
    ...NO_FILES,
    readFile: async () => Buffer.alloc(0),
  };
  await found?.run(hub, call);
  return lines;
}

test('one transaction carries a mail to all its recipients, byte for byte', async () => {
  const { hub, sink } = await net();
  const to = ['a@example.com', 'b@example.com', 'c@example.net'];
  await queue(hub, to, { text: 'Subject: t\n\n.dot\n..\nlong\n' });
  const [mail] = await sink.until(1);
  expect(mail?.wire.toString()).toBe('Subject: t\r\n\r\n.dot\r\n..\r\nlong\r\n');
  expect({ from: mail?.from, to: mail?.to }).toEqual({ from: 'herat.farid@example.org', to });
  expect(mail?.parameters).toBe('SIZE=30');
  await until(isEmpty(hub));
  expect(sink.sessions).toBe(1);
});

test('bytes beyond ASCII go as 8BITMIME', async () => {
  const { hub, sink } = await net();
  await queue(hub, ['a@example.com'], { text: 'Subject: t\n\n\xe4\xff\n' });
  const [mail] = await sink.until(1);
  expect(mail?.parameters).toContain('BODY=8BITMIME');
  expect(mail?.wire).toEqual(Buffer.from('Subject: t\r\n\r\n\xe4\xff\r\n', 'latin1'));
});

const REFUSALS: readonly [string, SinkOptions, { text?: string; sender?: string }, RegExp][] = [
  ['a bare CR', {}, { text: 'Subject: t\n\na\rb\n' }, /carriage return/],
  ['a NUL', {}, { text: 'Subject: t\n\na\0b\n' }, /NUL/],
  ['a last line without its end', {}, { text: 'Subject: t\n\nhello' }, /last line/],
  ['8-bit without 8BITMIME', { extensions: ['PIPELINING'] }, { text: 'Subject: t\n\n\xe4\n' }, /8BITMIME/],
  ['more than SIZE', { extensions: ['SIZE 10'] }, {}, /up to 10 bytes/],
  ['a UTF-8 sender without SMTPUTF8', { extensions: ['PIPELINING'] }, { sender: 'herat.فرید@example.org' }, /SMTPUTF8/],
];

test.each(REFUSALS)(
  'what SMTP or the server cannot carry unchanged goes back with the reason: %s',
  async (_, sinkOptions, mail, reason) => {
    const { hub, sink } = await net(sinkOptions);
    await queue(hub, ['a@example.com'], mail);
    await until(isEmpty(hub));
    expect(sink.mails).toHaveLength(0);
    const report = await hub.only('office/herat');
    expect(report.sender).toBe('');
    expect(report.body.toString()).toMatch(reason);
  },
);

test('a refusal makes one report, for the refused recipients only, with no more than the header', async () => {
  const { hub, sink } = await net({
    recipient: (to) => (to.startsWith('bad') ? '550 5.1.1 no such user here' : undefined),
  });
  await queue(hub, ['bad1@example.com', 'good@example.com', 'bad2@example.com'], {
    text: 'Subject: plan\nX-Secret: x\n\nthe body\n',
  });
  await until(isEmpty(hub));
  expect(sink.mails.map(({ to }) => to)).toEqual([['good@example.com']]);
  const { recipients, body } = await hub.only('office/herat');
  const text = body.toString();
  expect(recipients).toEqual(['herat.farid@example.org']);
  expect(text).toContain('Final-Recipient: rfc822; bad1@example.com\nAction: failed\nStatus: 5.1.1\n');
  expect(text).toContain('Final-Recipient: rfc822; bad2@example.com');
  expect(text).not.toContain('good@example.com');
  expect(text).toContain('\nSubject: plan\n');
  expect(text).not.toContain('X-Secret');
  expect(text).not.toContain('the body');
});

test('a member of a list whom our own directory does not know is reported without asking another server', async () => {
  const { sink, hub } = await net();
  const { route } = hub.place;
  const unknown = refused('sorry, no mailbox here by that name (#5.1.1)');
  Object.assign(hub.place, {
    route: (...[peer, sender, recipient]: Parameters<typeof route>) =>
      peer.name === 'relay' && recipient === 'gone@example.com'
        ? { verdict: unknown, deliveries: [] }
        : route(peer, sender, recipient),
  });
  await queue(hub, ['friend@example.com', 'gone@example.com']);
  await until(isEmpty(hub));
  expect(sink.mails.map(({ to }) => to)).toEqual([['friend@example.com']]);
  const report = await hub.only('office/herat');
  expect(report.body.toString()).toContain('gone@example.com');
});

test('a mail without a sender is never reported on', async () => {
  const { hub } = await net({ recipient: () => '550 5.1.1 no' });
  await queue(hub, ['a@example.com'], { sender: '' });
  await until(isEmpty(hub));
  expect(await hub.entries('office/herat')).toHaveLength(0);
  expect(hub.logged.some(({ event }) => event.includes('nobody is told'))).toBe(true);
});

test('who was deferred is tried again alone; a refusal beside him is reported at once', async () => {
  let deferring = true;
  const { hub, sink } = await net({
    recipient: (to) =>
      to.startsWith('bad') ? '550 5.1.1 no' : to.startsWith('slow') && deferring ? '450 4.2.1 greylisted' : undefined,
  });
  await queue(hub, ['slow@example.com', 'good@example.com', 'bad@example.com']);
  await until(async () => (await hub.entries('office/herat')).length === 1);
  expect(sink.mails.map(({ to }) => to)).toEqual([['good@example.com']]);
  await until(() => logged(hub, 'not sent yet').length === 1);
  deferring = false;
  const [id = ''] = (await hub.entries('internet')).map(({ name }) => name.id);
  await until(async () => (await command(hub, 'queue'))[0]?.includes('greylisted') ?? false);
  await command(hub, 'queue retry', [id.slice(0, 8)]);
  await until(isEmpty(hub));
  expect(sink.mails.map(({ to }) => to)).toEqual([['good@example.com'], ['slow@example.com']]);
  expect(await hub.entries('office/herat')).toHaveLength(1);
});

test('a deferred mail survives a restart of the hub, and is not tried before its time', async () => {
  let deferring = true;
  const sink = await startSmtpSink({ mail: () => (deferring ? '451 4.3.0 come back later' : undefined) });
  closing.push(() => sink.close());
  const toml = `[relay]\nsmarthost = "smtp://${sink.address}"\n`;
  const first = await bareHub({ toml });
  closing.push(() => first.close());
  const relay = startRelay(first);
  await queue(first, ['a@example.com']);
  await until(() => logged(first, 'not sent yet').length === 1);
  await relay.close(5);
  deferring = false;
  const second = await bareHub({ toml, folder: first.folder });
  const early = startRelay(second);
  await queue(second, ['b@example.com']);
  await sink.until(1);
  await early.close(5);
  expect(sink.mails.map(({ to }) => to)).toEqual([['b@example.com']]);
  const third = await bareHub({ toml, folder: first.folder, clock: second.now() + 600 });
  const late = startRelay(third);
  await until(isEmpty(third));
  await late.close(5);
  expect(sink.mails.map(({ to }) => to)).toEqual([['b@example.com'], ['a@example.com']]);
});

test('after the lifetime a mail goes back', async () => {
  const { hub } = await net({ mail: () => '451 4.3.0 never' }, { relay: 'lifetime = "1 day"\n' });
  await queue(hub, ['a@example.com']);
  await until(() => logged(hub, 'not sent yet').length === 1);
  hub.wait(86_401);
  const [id = ''] = (await hub.entries('internet')).map(({ name }) => name.id);
  await command(hub, 'queue retry', [id]);
  await until(isEmpty(hub));
  const { body } = await hub.only('office/herat');
  expect(body.toString()).toContain('Status: 5.4.7');
  expect(body.toString()).toContain('451 4.3.0 never');
});

test('an answer lost after the whole mail was given is said, and the mail is tried again', async () => {
  let cutting = true;
  const { hub, sink } = await net({ mail: () => (cutting ? 'hang up' : undefined) });
  await queue(hub, ['a@example.com']);
  await until(() => hub.logged.some(({ event }) => event.includes('may double it')));
  await until(() => logged(hub, 'not sent yet').length === 1);
  cutting = false;
  const [id = ''] = (await hub.entries('internet')).map(({ name }) => name.id);
  await command(hub, 'queue retry', [id]);
  await until(isEmpty(hub));
  expect(sink.mails).toHaveLength(1);
});

test('a server that is not there defers, with the reason', async () => {
  const { hub, sink } = await net();
  await sink.close();
  await queue(hub, ['a@example.com']);
  await until(() => logged(hub, 'not sent yet').length === 1);
  expect(logged(hub, 'not sent yet')[0]?.fields.answer).toMatch(/nothing listens there.*#4\.4\.1/);
});

test('many mails go at once, no more sessions than configured, each once', async () => {
  const { hub, sink } = await net({}, { relay: 'concurrency = 3\n' });
  await Promise.all(Array.from({ length: 60 }, (_, index) => queue(hub, [`r${index}@example.com`])));
  await until(isEmpty(hub));
  expect(sink.mails.map(({ to }) => to[0]).toSorted()).toEqual(
    Array.from({ length: 60 }, (_, index) => `r${index}@example.com`).toSorted(),
  );
});

test('a session that its server has ended is no trouble for the next mail', async () => {
  const { hub, sink } = await net({ oneMailOnly: true });
  for (const to of ['a@example.com', 'b@example.com', 'c@example.com']) {
    await queue(hub, [to]);
    await until(isEmpty(hub));
  }
  expect(sink.mails.map(({ to }) => to[0])).toEqual(['a@example.com', 'b@example.com', 'c@example.com']);
  expect(hub.logged.filter(({ event }) => event !== 'sent')).toEqual([]);
});

test.each([
  ['to a mail', { mail: () => 'silence' }],
  ['to the connection', { greeting: 'silence' }],
])('stopping waits for no server that does not answer %s; the mail stays', async (_, options) => {
  const sink = await startSmtpSink(options);
  closing.push(() => sink.close());
  const hub = await bareHub({ toml: `[relay]\nsmarthost = "smtp://${sink.address}"\n` });
  closing.push(() => hub.close());
  const relay = startRelay(hub);
  await queue(hub, ['a@example.com']);
  await until(() => sink.sessions === 1);
  await relay.close(0);
  expect(await hub.entries('internet')).toHaveLength(1);
});

test('dropping tells the sender, unless it is to be quiet', async () => {
  const { hub } = await net({ mail: () => '451 4.3.0 later' });
  for (const options of [{ quiet: true }, {}]) {
    await queue(hub, ['a@example.com']);
    const [entry] = await hub.entries('internet');
    await until(() => logged(hub, 'not sent yet').some(({ fields }) => fields.id === entry?.name.id));
    await command(hub, 'queue drop', [entry?.name.id ?? ''], options);
    expect(await hub.entries('internet')).toHaveLength(0);
  }
  const { body } = await hub.only('office/herat');
  expect(body.toString()).toContain('taken out of the queue by the operator');
});

test('tries grow further apart with age, as in qmail', () => {
  const times = [0, 400, 1600, 3600].map((age) => nextTry(1_000_000, 1_000_000 + age) - 1_000_000);
  expect(times).toEqual([400, 1600, 3600, 6400]);
  expect(nextTry(1_000_000, 5)).toBe(1_000_400);
});
