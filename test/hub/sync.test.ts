import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import type { Agent } from '../../agent/agent.ts';
import { hubVersion } from '../../agent/dial-hub.ts';
import { sync } from '../../agent/sync.ts';
import { readContact } from '../../hub/contact.ts';
import { readmit } from '../../hub/instance.ts';
import { pskClientOptions } from '../../shared/io/psk.ts';
import { makeCertificate } from '../support/certificate.ts';
import { HERAT, postDown, postUp, type SyncPair, syncPair } from '../support/sync-office.ts';
import { until } from '../support/until.ts';

let pair: SyncPair;
afterEach(() => pair.close());

const mail = (subject: string, text = 'at four'): Buffer =>
  Buffer.from(`Message-ID: <${subject}@x>\nSubject: ${subject}\n\n${text}\n`);

/** Subjects in the mailbox of farid. */
async function mailbox(agent: Agent): Promise<readonly string[]> {
  const folder = join(agent.config.data, 'users/farid/new');
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.map((text) => /^Subject: (.*)$/m.exec(text)?.[1] ?? '').sort();
}

test('a sync with nothing to do: 0.85 KB in three round trips, and the count is what the wire carried', async () => {
  pair = await syncPair();
  expect(await sync(pair.agent)).toMatchObject({ ok: true, exit: 0 });
  const { bytesUp, bytesDown } = pair.proxy;
  const again = await sync(pair.agent);
  expect(again).toMatchObject({ ok: true, roundTrips: 3, waiting: { up: { mails: 0 }, down: { mails: 0 } } });
  expect(again.up.bytesWire).toBe(pair.proxy.bytesUp - bytesUp);
  expect(again.down.bytesWire).toBe(pair.proxy.bytesDown - bytesDown);
  expect(again.up.bytesWire + again.down.bytesWire).toBeLessThan(850);
});

test('mail goes both ways in one exchange, byte for byte', async () => {
  pair = await syncPair();
  const odd = Buffer.concat([mail('up'), Buffer.from([0, 13, 10, 13, 255, 10, 13])]);
  await postUp(pair.agent, odd);
  await postDown(pair.hub, mail('down'));
  const result = await sync(pair.agent);
  expect(result).toMatchObject({ ok: true, up: { mails: 1, bytesRaw: odd.length }, down: { mails: 1 } });
  expect((await pair.hub.only('internet')).body.equals(odd)).toBe(true);
  expect(await mailbox(pair.agent)).toEqual(['down']);
  expect(await pair.hub.entries('office/herat')).toEqual([]);
});

test('many mails in one exchange, with floors told on the way, end well', async () => {
  pair = await syncPair();
  for (let n = 0; n < 150; n += 1) {
    await postUp(pair.agent, mail(`up ${n}`));
    await postDown(pair.hub, mail(`down ${n}`));
  }
  expect(await sync(pair.agent)).toMatchObject({ ok: true, up: { mails: 150 }, down: { mails: 150 } });
  for (let n = 150; n < 300; n += 1) await postUp(pair.agent, mail(`up ${n}`));
  expect(await sync(pair.agent)).toMatchObject({ ok: true, up: { mails: 150 }, down: { mails: 0 } });
  expect((await pair.hub.entries('internet')).length).toBe(300);
});

test('the hub counts for each office what its trips carried, by month, and what the line took for it', async () => {
  pair = await syncPair();
  await postUp(pair.agent, mail('up', noise('up', 40)));
  await postDown(pair.hub, mail('down', noise('down', 20)));
  const first = await sync(pair.agent);
  const second = await sync(pair.agent);
  await until(
    async () => ((await readContact(pair.hub, 'herat'))?.months[0]?.[1].trips === 2 ? true : undefined),
    async () => 'the hub has not noted two trips',
  );
  const contact = await readContact(pair.hub, 'herat');
  expect(contact?.last).toMatchObject({ trips: 1, mailsUp: 0, mailsDown: 0 });
  const [[month, sums] = []] = contact?.months ?? [];
  expect(month).toMatch(/^\d{4}-\d\d$/);
  expect(sums).toMatchObject({ trips: 2, mailsUp: 1, mailsDown: 1, bytesRawUp: first.up.bytesRaw, resumed: 0 });
  // The last bytes of hanging up may not be counted on either side.
  expect(sums?.bytesWireUp).toBeGreaterThan(first.up.bytesWire + second.up.bytesWire - 100);
  expect(sums?.bytesWireUp).toBeLessThanOrEqual(pair.proxy.bytesUp);
  expect(sums?.bytesWireDown).toBeGreaterThan(first.down.bytesWire + second.down.bytesWire - 100);
  expect(sums?.bytesWireDown).toBeLessThanOrEqual(pair.proxy.bytesDown + 100);
});

test('in half duplex mail goes both ways in three round trips, the handshakes included', async () => {
  pair = await syncPair();
  await postUp(pair.agent, mail('first'));
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  for (let n = 0; n < 40; n += 1) {
    await postUp(pair.agent, mail(`up ${n}`, noise(`up ${n}`, 20)));
    await postDown(pair.hub, mail(`down ${n}`, noise(`down ${n}`, 20)));
  }
  const link = { name: 'hf', half_duplex: true };
  expect(await sync(pair.agent, { link })).toMatchObject({
    ok: true,
    roundTrips: 3,
    up: { mails: 40 },
    down: { mails: 40 },
  });
  expect(await sync(pair.agent, { link })).toMatchObject({ ok: true, roundTrips: 3, up: { mails: 0 } });
});

test('--up and --down carry one direction', async () => {
  pair = await syncPair();
  await postUp(pair.agent, mail('up'));
  await postDown(pair.hub, mail('down'));
  expect(await sync(pair.agent, { up: true })).toMatchObject({ ok: true, up: { mails: 1 }, down: { mails: 0 } });
  expect(await mailbox(pair.agent)).toEqual([]);
  expect(await sync(pair.agent, { down: true })).toMatchObject({ ok: true, up: { mails: 0 }, down: { mails: 1 } });
});

test('a mail above the limit of the link waits, and is counted', async () => {
  pair = await syncPair();
  await postUp(pair.agent, mail('up', 'x'.repeat(5_000)));
  await postDown(pair.hub, mail('down', 'y'.repeat(5_000)));
  const link = { name: 'iridium', max_mail: 2_000 };
  const result = await sync(pair.agent, { link });
  expect(result).toMatchObject({ ok: true, link: 'iridium', waiting: { up: { mails: 1 }, down: { mails: 1 } } });
  expect(await sync(pair.agent)).toMatchObject({ ok: true, up: { mails: 1 }, down: { mails: 1 } });
});

/** What does not compress. */
const noise = (name: string, blocks: number): string =>
  Array.from({ length: blocks }, (_, n) => createHash('sha512').update(`${name} ${n}`).digest('base64')).join('\n');

/** Twelve mails each way, one of them large, over a link that is cut every so many bytes; bytes on the wire. */
async function carryAll(every: number): Promise<number> {
  pair = await syncPair();
  const names = Array.from({ length: 12 }, (_, n) => `mail ${String(n).padStart(2, '0')}`);
  for (const [n, name] of names.entries()) {
    await postUp(pair.agent, mail(`up ${name}`, noise(`up ${name}`, n === 3 ? 400 : 10)));
    await postDown(pair.hub, mail(`down ${name}`, noise(`down ${name}`, n === 5 ? 400 : 10)));
  }
  pair.proxy.every = every;
  let calls = 0;
  for (let ok = false; !ok && calls < 100; calls += 1) ({ ok } = await sync(pair.agent));
  expect((await pair.hub.entries('internet')).length).toBe(names.length);
  expect(await mailbox(pair.agent)).toEqual(names.map((name) => `down ${name}`));
  return pair.proxy.bytesUp + pair.proxy.bytesDown;
}

// A reset can cost what the other side had not read yet, so the bound is wide; a mail that goes whole again would break it.
test.each([4_096, 16_384])(
  'a link that is cut every %i bytes carries all, each once, and hardly a byte twice',
  async (every) => {
    const clean = await carryAll(Number.POSITIVE_INFINITY);
    await pair.close();
    expect(await carryAll(every)).toBeLessThan(clean * 1.9);
  },
  60_000,
);

test('who has another key, or none, is told so and gets nothing', async () => {
  pair = await syncPair();
  const wrong = await pair.another({ key: Buffer.alloc(32, 9) });
  const unknown = await pair.another({ identity: 'ffffffffffffffff.1' });
  const odd = await pair.another({ identity: 'herat' });
  for (const agent of [wrong, unknown, odd]) expect(await sync(agent)).toMatchObject({ ok: false, exit: 77 });
  expect((await sync(wrong)).error).toContain('does not accept the key of this office');
});

test('an id that the hub has never heard of shuts out also one who can derive its key', async () => {
  pair = await syncPair({ office: { ...HERAT, keyId: 'aaaaaaaaaaaaaaaa' } });
  const stranger = await pair.another({ identity: 'aaaaaaaaaaaaaaaa.1' });
  pair.change({ keyId: 'bbbbbbbbbbbbbbbb' });
  expect(await sync(stranger)).toMatchObject({ exit: 77, error: expect.stringContaining('does not know this office') });
});

test('a hub that falls back to its certificate is not trusted by an agent', async () => {
  const certificate = makeCertificate();
  if (!certificate) throw new Error('this test needs openssl');
  pair = await syncPair({ toml: `[tls]\ncert = "${certificate.certFile}"\nkey = "${certificate.keyFile}"\n` });
  const odd = await pair.another({ identity: 'herat' });
  await postUp(odd, mail('secret'));
  expect(await sync(odd)).toMatchObject({ exit: 77, error: expect.stringContaining('certificate'), up: { mails: 0 } });
  const web = await fetchPage(pair.service.address ?? '');
  expect(web).toContain('401');
});

/** What a browser would get, whatever it thinks of the certificate. */
function fetchPage(address: string): Promise<string> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () =>
      socket.write('GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n'),
    );
    let text = '';
    socket
      .on('data', (chunk) => (text += String(chunk)))
      .on('end', () => resolve(text))
      .on('error', reject);
  });
}

test('a session cannot be resumed without the key', async () => {
  pair = await syncPair();
  const [host = '', port] = (pair.service.address ?? '').split(':');
  const { identity, key } = pair.agent.key;
  const sessions: Buffer[] = [];
  const first = connect({ host, port: Number(port), ...pskClientOptions({ identity, key }) });
  first.on('session', (session) => sessions.push(session));
  await new Promise((resolve) => first.once('secureConnect', resolve));
  first.end('GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n');
  await new Promise((resolve) => first.resume().once('close', resolve));
  for (const session of [...sessions, first.getSession()]) {
    const { pskCallback: _, ...keyless } = pskClientOptions({ identity, key });
    const second = connect({ host, port: Number(port), ...keyless, ...(session ? { session } : {}) });
    const connected = await new Promise((resolve) => {
      second.once('secureConnect', () => resolve(true)).once('error', () => resolve(false));
    });
    second.destroy();
    expect(connected).toBe(false);
  }
});

test('revoked or with another key: 77 and a sentence', async () => {
  pair = await syncPair();
  pair.change({ revoked: true });
  expect(await sync(pair.agent)).toMatchObject({ exit: 77, error: expect.stringContaining('herat has been revoked') });
  pair.change({ revoked: false, generation: 2 });
  expect(await sync(pair.agent)).toMatchObject({
    exit: 77,
    error: expect.stringContaining('key of herat was changed'),
  });
});

test('revoked in mid-trip: nothing more of it is accepted', async () => {
  pair = await syncPair();
  for (let n = 0; n < 30; n += 1) await postUp(pair.agent, mail(`up ${n}`, noise(`up ${n}`, 40)));
  const result = await sync(pair.agent, { onProgress: () => pair.change({ revoked: true }) });
  expect(result).toMatchObject({ ok: false, exit: 77, error: expect.stringContaining('herat has been revoked') });
  expect((await pair.hub.entries('internet')).length).toBeLessThan(30);
  pair.change({ revoked: false });
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  expect((await pair.hub.entries('internet')).length).toBe(30);
});

test('two data folders with one key: the second is stopped until it is readmitted, and gets what it lacks', async () => {
  pair = await syncPair();
  await postDown(pair.hub, mail('old'));
  expect(await sync(pair.agent)).toMatchObject({ ok: true, down: { mails: 1 } });
  const other = await pair.another();
  await postDown(pair.hub, mail('new'));
  expect(await sync(other)).toMatchObject({ exit: 77, error: expect.stringContaining('hub office readmit herat') });
  await readmit(pair.hub, 'herat');
  expect(await sync(other)).toMatchObject({ ok: true, down: { mails: 2 } });
  expect(await mailbox(other)).toEqual(['new', 'old']);
  expect(await sync(pair.agent)).toMatchObject({ exit: 77 });
});

test('a data folder from a backup is stopped; readmitted, it gets what came since, and what it has not again', async () => {
  pair = await syncPair();
  await postDown(pair.hub, mail('before'));
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  const backup = await mkdtemp(join(tmpdir(), 'fieldpost-backup-'));
  await cp(dirname(pair.agent.config.file), backup, { recursive: true });
  await postDown(pair.hub, mail('since'));
  expect(await sync(pair.agent)).toMatchObject({ ok: true, down: { mails: 1 } });
  const restored = await pair.another({ folder: backup });
  expect(await sync(restored)).toMatchObject({ exit: 77, error: expect.stringContaining('from a backup') });
  await readmit(pair.hub, 'herat');
  expect(await sync(restored)).toMatchObject({ ok: true, down: { mails: 1 } });
  expect(await mailbox(restored)).toEqual(['before', 'since']);
});

test('a laptop whose clock stands in 1970', async () => {
  pair = await syncPair();
  const agent = { ...pair.agent, now: () => 17 };
  await postUp(agent, mail('up'));
  await postDown(pair.hub, mail('down'));
  expect(await sync(agent)).toMatchObject({ ok: true, up: { mails: 1 }, down: { mails: 1 } });
});

test('a second sync of the data folder says that one is running; without a hub it says so', async () => {
  pair = await syncPair();
  const both = await Promise.all([sync(pair.agent), sync(pair.agent)]);
  expect(both.map(({ exit }) => exit).sort()).toEqual([0, 75]);
  expect(both.find(({ ok }) => !ok)?.error).toContain('another sync is running');
  const lost = { ...pair.agent, config: { ...pair.agent.config, hub: '127.0.0.1:1' } };
  expect(await sync(lost)).toMatchObject({ exit: 75, error: expect.stringContaining('nothing listens there') });
});

test('the directory comes before mail, once, and then only what changed', async () => {
  pair = await syncPair();
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  expect(pair.agent.directory().offices.get('herat')?.domains).toEqual(['herat.example.org']);
});

test('an office asks which version the hub is, without a trip; one that is shut out hears that instead', async () => {
  pair = await syncPair();
  const [host = '', port = ''] = pair.proxy.address.split(':');
  const ask = () => hubVersion({ host, port: Number(port), key: pair.agent.key, seconds: 10 });
  // From the sources a program has none.
  expect(await ask()).toBe('');
  expect(await readContact(pair.hub, 'herat')).toBeUndefined();
  pair.change({ revoked: true });
  await expect(ask()).rejects.toThrow('has been revoked');
});
