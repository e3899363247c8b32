/** The doors of the programs as they are shipped: who gets in, how far, and what can be read from outside. */
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeToken, type Token } from '../../shared/core/token.ts';
import { encodeHello, type Hello } from '../../shared/core/trip-greeting.ts';
import {
  CODECS_KNOWN,
  decodeRefusal,
  encodeAccepted,
  encodeAnswer,
  encodeDone,
} from '../../shared/core/trip-message.ts';
import { encodeRecord, RECORD } from '../../shared/core/trip-record.ts';
import { done } from '../support/program.ts';
import { sendQmtp } from '../support/qmtp-client.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { RawTrip } from '../support/raw-trip.ts';
import { filesOf, HubSite, OfficeSite } from '../support/sites.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

let folder: string;
let hub: HubSite;
let herat: OfficeSite;
let mazar: OfficeSite;
let sink: SmtpSink;
const tokens = new Map<string, string>();
const PASSWORD = 'correct horse battery';

const office = async (name: string): Promise<OfficeSite> => {
  const token = await hub.addOffice(name);
  tokens.set(name, token);
  return OfficeSite.make({ folder: join(folder, name), name, token });
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-doors-'));
  sink = await startSmtpSink();
  hub = await HubSite.make({ folder: join(folder, 'kabul'), smarthost: sink.address });
  await hub.start();
  herat = await office('herat');
  mazar = await office('mazar');
  for (const [address, at] of Object.entries({ farid: 'herat', nadia: 'mazar', akbar: 'hub' }))
    done(await hub.command(['user', 'add', `${address}@example.org`, at]));
  for (const site of [herat, mazar]) done(await site.command(['sync']));
});
afterAll(async () => {
  await herat?.stop();
  await hub?.stop();
  await sink?.close();
  await rm(folder, { recursive: true, force: true });
});

const waiting = (maildir: string): Promise<readonly string[]> => filesOf(join(hub.folder, 'store', maildir, 'new'));
const keyOf = (name: string): Token => decodeToken(tokens.get(name) ?? '');

async function post(to: string, subject: string): Promise<void> {
  const client = await RawSmtp.open(hub.daemon.listen.smtp ?? '');
  expect(await client.begin('friend@example.com', [to])).toMatch(/^354/);
  client.send(`Subject: ${subject}\r\n\r\n${subject}\r\n.\r\n`);
  expect(await client.reply()).toMatch(/^250/);
  client.hangUp();
}

describe('no relay for strangers', () => {
  const TRICKS = [
    'friend@example.com',
    'FRIEND@EXAMPLE.COM',
    'friend%example.com@example.org',
    'friend%example.com@kabul.example.org',
    '"friend@example.com"@example.org',
    '@example.org:friend@example.com',
    '@kabul.example.org,@example.org:friend@example.com',
    'example.com!friend@example.org',
    'friend@example.com@example.org',
    'friend@[127.0.0.1]',
    'friend@[IPv6:::1]',
    'friend@example.com.',
    'friend@example.org.example.com',
    'friend@herat.example.org.',
    'friend',
    '"" <friend@example.com>',
    'farid@example.org friend@example.com',
    'held+aaaaaaaaaaaaaaaaaaaa@example.org',
    'srs0=x=y=example.com=friend@example.org',
  ];

  test.each(TRICKS)('by SMTP, whatever the sender: %s', async (to) => {
    for (const from of ['friend@example.com', 'farid@example.org', 'MAILER-DAEMON@kabul.example.org', '']) {
      const client = await RawSmtp.open(hub.daemon.listen.smtp ?? '');
      await client.say('EHLO client.test');
      await client.say(`MAIL FROM:<${from}>`);
      expect(await client.say(`RCPT TO:<${to}>`)).toMatch(/^[45]/);
      expect(await client.say('DATA')).toMatch(/^5/);
      client.hangUp();
    }
  });

  test('by QMTP', async () => {
    const body = Buffer.from('Subject: relay\n\nrelay\n');
    const mails = ['friend@example.com', 'farid@example.org'].map((from) => ({ from, to: TRICKS, body }));
    const answers = await sendQmtp(hub.daemon.address('qmtp'), mails);
    expect(answers.filter((answer) => !answer.startsWith('D'))).toEqual([]);
  });

  test('nothing waits, and nothing has gone', async () => {
    expect(await waiting('internet')).toEqual([]);
    expect(sink.mails).toEqual([]);
  });
});

describe('one office and another', () => {
  let counter = 100;
  const hello = (instance: string): Hello => ({
    version: 1,
    instance,
    counter: ++counter,
    up: true,
    down: true,
    codecs: CODECS_KNOWN,
    directory: '',
    mailBytesMax: 0,
    floor: 1,
  });
  const READY = encodeRecord(RECORD.ready);
  const ALL = Array.from({ length: 200 }, (_, index) => index + 1);
  const open = (token: Token): Promise<RawTrip> =>
    RawTrip.open({ ...hub.daemon.address('sync'), identity: token.identity, key: token.key });
  const instanceOf = async (site: OfficeSite): Promise<string> =>
    (JSON.parse(await readFile(join(site.data, 'trip'), 'utf8')) as { instance: string }).instance;

  test("mazar's key opens nothing of herat: not by its instance, its answers or its refusals", async () => {
    await post('farid@example.org', 'for herat alone');
    expect(await waiting('office/herat')).toHaveLength(1);
    const stranger = await open(keyOf('mazar'));
    stranger.say(encodeHello(hello(await instanceOf(herat))));
    expect((await stranger.heard((_, status) => status !== '')).status).toBe('403');
    stranger.hangUp();

    const trip = await open(keyOf('mazar'));
    const refused = ALL.map((seq) => encodeAnswer(seq, [{ letter: 'D', text: 'gone (#5.1.1)' }]));
    trip.say(encodeHello(hello(await instanceOf(mazar))), encodeAccepted(ALL), READY, ...refused);
    trip.say(encodeDone({ mails: 0, bytes: 0 }));
    const { types } = await trip.heard((all) => all.includes(RECORD.done));
    // The directory is for everybody; no mail is.
    expect(types).toContain(RECORD.done);
    trip.hangUp();
    expect(await waiting('office/herat')).toHaveLength(1);
    done(await herat.command(['sync']));
    const [mail] = await herat.mailbox('farid');
    expect(mail?.bytes.toString()).toContain('for herat alone');
    expect(await waiting('office/herat')).toEqual([]);
  });

  test("mazar cannot take herat's key: neither by name nor by identity", async () => {
    const [own, other] = [keyOf('mazar'), keyOf('herat')];
    await expect(open({ ...own, identity: other.identity })).rejects.toThrow();
    await expect(open({ ...own, identity: `${other.identity.split('.')[0]}.2` })).rejects.toThrow();
    await expect(open({ ...own, identity: 'herat' })).rejects.toThrow();
  });

  test('a stick opens only for whom it is for, and not after the key has changed or the office was shut out', async () => {
    await post('farid@example.org', 'on a stick');
    const stick = join(folder, 'herat.batch');
    done(await hub.command(['export', 'herat', stick]));
    expect((await readFile(stick)).includes('on a stick')).toBe(false);
    expect(await mazar.command(['import', stick])).toMatchObject({ code: 77 });
    expect(await hub.command(['import', stick])).toMatchObject({ code: 65 });
    done(await herat.command(['import', stick]));
    expect((await herat.mailbox('farid')).filter(({ bytes }) => bytes.includes('on a stick'))).toHaveLength(1);

    await mazar.command(['send', '-f', 'nadia@example.org', 'akbar@example.org'], { input: 'Subject: up\n\nup\n' });
    const up = join(folder, 'mazar.batch');
    done(await mazar.command(['export', up]));
    done(await hub.command(['office', 'revoke', 'mazar']));
    expect(await hub.command(['import', up])).toMatchObject({ code: 77 });
    done(await hub.command(['office', 'rekey', 'mazar']));
    done(await hub.command(['office', 'readmit', 'mazar']));
    expect(await hub.command(['import', up])).toMatchObject({ code: 77 });
    expect(await waiting('mailbox/akbar')).toEqual([]);
  });

  test('who is shut out is shut out within one connection: the running one', async () => {
    const trip = await open(keyOf('herat'));
    const instance = await instanceOf(herat);
    const state = JSON.parse(await readFile(join(herat.data, 'trip'), 'utf8')) as { counter: number };
    trip.say(encodeHello({ ...hello(instance), counter: state.counter + 1 }), READY);
    expect((await trip.heard((all) => all.includes(RECORD.ready))).types).toContain(RECORD.welcome);
    done(await hub.command(['office', 'revoke', 'herat']));
    const { types, payloads } = await trip.heard((all) => all.includes(RECORD.refused));
    const refusal = decodeRefusal(payloads[types.indexOf(RECORD.refused)] ?? Buffer.alloc(2));
    expect(refusal).toMatchObject({ exit: 77, text: expect.stringContaining('herat has been revoked') });
    trip.hangUp();
    const next = await herat.command(['sync']);
    expect(next).toMatchObject({ code: 77, err: expect.stringContaining('has been revoked') });
    done(await hub.command(['office', 'readmit', 'herat']));
  });
});

describe('secrets', () => {
  /** Forms in which somebody may have written a secret down. */
  const forms = (name: string, secret: Uint8Array): readonly (readonly [string, string])[] =>
    (['hex', 'base64', 'base64url', 'latin1'] as const).map((form) => [
      `${name} as ${form}`,
      Buffer.from(secret).toString(form).replace(/=+$/, ''),
    ]);

  async function* filesBelow(path: string): AsyncGenerator<string> {
    for (const entry of await readdir(path, { withFileTypes: true, recursive: true }))
      if (entry.isFile()) yield join(entry.parentPath, entry.name);
  }

  test('stand in files for their owner alone, and nowhere else: no log, no command line, no environment, no store', async () => {
    done(await herat.command(['user', 'add', 'farid', '--password-stdin'], { input: `${PASSWORD}\n` }));
    await herat.start();
    await herat.command(['sync']);
    const master = await readFile(join(hub.folder, 'hub.secret'));
    const secrets = [
      ...forms('the master secret', master),
      ...['herat', 'mazar'].flatMap((name) => forms(`the key of ${name}`, keyOf(name).key)),
      ...[...tokens].map(([name, token]) => [`the token of ${name}`, token.slice(0, 60)] as const),
      ['the password', PASSWORD] as const,
    ];
    const owned = [join(hub.folder, 'hub.secret'), join(herat.folder, 'agent.key'), join(mazar.folder, 'agent.key')];
    for (const path of owned) expect([path, ((await stat(path)).mode & 0o777).toString(8)]).toEqual([path, '600']);

    // What is looked for is found where it is.
    for (const path of owned) {
      const text = await readFile(path, 'latin1');
      expect(secrets.filter(([, secret]) => text.includes(secret)).length).toBeGreaterThan(0);
    }
    const places: (readonly [string, string])[] = [];
    for await (const path of filesBelow(folder))
      if (!owned.includes(path)) places.push([path, await readFile(path, 'latin1')]);
    for (const { pid } of [hub.daemon, herat.daemon])
      for (const name of ['cmdline', 'environ'])
        places.push([`${name} of process ${pid}`, await readFile(`/proc/${pid}/${name}`, 'latin1')]);
    expect(places.filter(([path]) => path.endsWith('/log')).length).toBe(2);
    const found = places.flatMap(([where, text]) =>
      secrets.filter(([, secret]) => text.includes(secret)).map(([what]) => `${what} in ${where}`),
    );
    expect(found).toEqual([]);
  });

  test('a key that others can read is not used', async () => {
    const file = join(mazar.folder, 'agent.key');
    await chmod(file, 0o644);
    expect(await mazar.command(['sync'])).toMatchObject({ code: 78, err: expect.stringContaining('chmod 600') });
    await chmod(file, 0o600);
  });

  test('what is on a stick says nothing without its key', async () => {
    const stick = join(folder, 'again.batch');
    await post('farid@example.org', 'sealed away');
    done(await hub.command(['export', 'herat', stick, '--again']));
    const bytes = await readFile(stick);
    for (const text of ['sealed away', 'farid', 'example', 'herat']) expect(bytes.includes(text)).toBe(false);
  });
});

test('a mail that means to end early on its way out goes as one, with its dots stuffed, or not at all', async () => {
  const before = sink.mails.length;
  const inner = 'MAIL FROM:<evil@example.com>\nRCPT TO:<victim@example.net>\nDATA\nSubject: inner\n\nx\n.\nQUIT\n';
  const body = (end: string): string => `Subject: outer\nMessage-ID: <${end.length}@x>\n\ntext${end}${inner}`;
  for (const end of ['\n.\n', '\n.\r\n', '\r.\r', '\r\n.\r\n'])
    done(await herat.command(['send', '-f', 'farid@example.org', 'friend@example.com'], { input: body(end) }));
  done(await herat.command(['sync']));
  const mails = (await sink.until(before + 1)).slice(before);
  expect(mails.map(({ from, to }) => `${from} ${to}`)).toEqual(['farid@example.org friend@example.com']);
  expect(mails[0]?.wire.toString().replace(/^(?:Received|From|Date)[^\n]*\n/gm, '')).toBe(
    body('\n.\n').replaceAll('\n', '\r\n'),
  );
});
