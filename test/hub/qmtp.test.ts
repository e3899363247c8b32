import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Service } from '../../hub/hub.ts';
import { deriveOfficeKey } from '../../hub/office-key.ts';
import { startQmtp } from '../../hub/qmtp.ts';
import { DEFAULT_LIMITS, type Office } from '../../shared/core/directory.ts';
import { NetstringCollector } from '../../shared/core/netstring.ts';
import { ConfigError, splitHostAddress } from '../../shared/io/config.ts';
import { DialError, dial } from '../../shared/io/dial.ts';
import { type BareHub, bareHub } from '../support/bare-hub.ts';
import { qmtpPackage } from '../support/qmtp-client.ts';

const KEY_ID = '0123456789abcdef';

function farah(changes: Partial<Office> = {}): { -readonly [K in keyof Office]: Office[K] } {
  return {
    name: 'farah',
    domains: ['farah.example.org'],
    keyId: KEY_ID,
    generation: 2,
    revoked: false,
    limits: DEFAULT_LIMITS,
    ...changes,
  };
}

let hub: BareHub;
let services: Service[];
const open = async (toml: string, office = farah()): Promise<void> => {
  hub = await bareHub({ toml: `[listen]\n${toml}`, offices: [office] });
  services = await startQmtp(hub);
};
afterEach(async () => {
  for (const service of services) await service.close(1);
  await hub.close();
});

const PLAIN = 'qmtp = "127.0.0.1:0"\n';
const TLS = 'qmtps = "127.0.0.1:0"\n';
const where = (): { host: string; port: number } =>
  splitHostAddress(services[0]?.address ?? '') as { host: string; port: number };
const mail = (to: string, size = 1) =>
  qmtpPackage({ from: 'farid@example.org', to: [to], body: Buffer.alloc(size, 'x') });

/** All that a server says to these packages. */
async function answersTo(socket: Socket, ...packages: readonly Buffer[]): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.end(Buffer.concat(packages));
  await new Promise((resolve) => socket.once('close', resolve));
  const answers = new NetstringCollector({ bytesMax: 1000 }).receive(Buffer.concat(chunks));
  return [...answers].map(({ content }) => `${content}\n`).join('');
}

const byKey = (identity: string, key: Uint8Array) => dial({ ...where(), seconds: 10, psk: { identity, key } });

describe('without TLS', () => {
  test('strangers reach our own recipients only', async () => {
    await open(PLAIN);
    const text = await answersTo(
      connect(where()),
      mail('herat.a@example.org'),
      mail('friend@example.com'),
      mail('nobody@example.org'),
    );
    expect(text).toMatch(/^Kok .*\nDthat domain isn't .*\(#5\.7\.1\)\nDthere is no such user \(#5\.1\.1\)\n$/);
    expect(await hub.entries('office/herat')).toHaveLength(1);
  });

  test('a host of [[allow]] relays, within the limits of its office', async () => {
    const limits = { ...DEFAULT_LIMITS, mailBytesMax: 100 };
    await open(`${PLAIN}[[allow]]\naddress = "127.0.0.0/8"\noffice = "farah"\n`, farah({ limits }));
    const text = await answersTo(connect(where()), mail('friend@example.com'), mail('friend@example.com', 101));
    expect(text).toMatch(/^Kok .*\nDsorry, that message size exceeds/);
    expect(await hub.only('internet')).toMatchObject({
      sender: 'farid@example.org',
      recipients: ['friend@example.com'],
    });
  });

  test('the limit of the office that a mail is for, at the door', async () => {
    await open(PLAIN, farah({ limits: { ...DEFAULT_LIMITS, mailBytesMax: 1000 } }));
    const both = qmtpPackage({
      from: '',
      to: ['farah.a@example.org', 'herat.a@example.org'],
      body: Buffer.alloc(2000),
    });
    const text = await answersTo(connect(where()), both, mail('farah.a@example.org', 10));
    expect(text).toMatch(/^Doffice farah takes mails of up to 1000 bytes \(#5\.3\.4\)\nKok .*\nKok .*\n$/);
    expect([await hub.entries('office/farah'), await hub.entries('office/herat')].map(({ length }) => length)).toEqual([
      1, 1,
    ]);
  });

  test('an exception from a network', async () => {
    await open(
      `${PLAIN}[[allow]]\naddress = "127.0.0.0/8"\noffice = "farah"\n[[allow]]\naddress = "127.0.0.1"\noffice = "farah"\nrelay = false\n`,
    );
    expect(await answersTo(connect(where()), mail('friend@example.com'))).toMatch(/^Dthat domain/);
    expect(await answersTo(connect({ ...where(), localAddress: '127.0.0.2' }), mail('friend@example.com'))).toMatch(
      /^Kok/,
    );
  });

  test('an office that is revoked, even in mid-connection', async () => {
    const office = farah();
    await open(`${PLAIN}[[allow]]\naddress = "127.0.0.1"\noffice = "farah"\n`, office);
    const socket = connect(where());
    const first = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    socket.write(mail('friend@example.com'));
    expect(await first).toContain(':Kok');
    office.revoked = true;
    expect(await answersTo(socket, mail('friend@example.com'))).toContain('Doffice farah has been revoked at this hub');
    expect(await hub.entries('internet')).toHaveLength(1);
  });

  test.each([
    ['10.1.0.0/8', 'farah', 'allow[0].address: "10.1.0.0/8" has bits set behind its prefix'],
    ['10.0.0.0/8', 'herat', `allow[0].office: there is no office "herat": 'hub office add herat' makes it`],
  ])('a line that could never match: %s for %s', async (address, office, text) => {
    services = [];
    hub = await bareHub({
      toml: `[[allow]]\naddress = "${address}"\noffice = "${office}"\n[listen]\n${PLAIN}`,
      offices: [farah()],
    });
    await expect(startQmtp(hub)).rejects.toThrow(ConfigError);
    await expect(startQmtp(hub)).rejects.toThrow(text);
  });
});

describe("with an office's key", () => {
  const key = (generation = 2) => deriveOfficeKey(hub.secret, KEY_ID, generation);

  test('it relays, and its mails say QMTPS', async () => {
    await open(TLS);
    expect(await answersTo(await byKey(`${KEY_ID}.2`, key()), mail('friend@example.com'))).toMatch(/^Kok/);
    expect((await hub.only('internet')).body.toString()).toMatch(/^Received: .* with QMTPS /);
  });

  test.each([
    ['a wrong key', `${KEY_ID}.2`, randomBytes(32)],
    ['an identity of another form', 'farah', randomBytes(32)],
    ['no identity', '', randomBytes(32)],
  ])('%s: no connection', async (_, identity, wrong) => {
    await open(TLS);
    await expect(byKey(identity, wrong)).rejects.toThrow(DialError);
    expect(await hub.store.list('seen/')).toEqual([]);
  });

  test('a key that this hub made for an office that is gone: hung up without a word', async () => {
    await open(TLS);
    const gone = 'ffffffffffffffff';
    const socket = await byKey(`${gone}.1`, deriveOfficeKey(hub.secret, gone, 1));
    expect(await answersTo(socket, mail('herat.a@example.org'))).toBe('');
  });

  test.each([
    ['revoked', farah({ revoked: true }), 'Doffice farah has been revoked at this hub'],
    ['changed', farah({ generation: 3 }), 'Dthe key of office farah has been changed; enrol again'],
  ])('%s: the handshake succeeds, and a sentence says so', async (_, office, text) => {
    await open(TLS, office);
    expect(await answersTo(await byKey(`${KEY_ID}.2`, key()), mail('herat.a@example.org'))).toContain(text);
    expect(await hub.entries('office/herat')).toEqual([]);
  });

  test('many mails through TLS', async () => {
    await open(TLS);
    const packages = Array.from({ length: 100 }, (_, number) => mail('herat.a@example.org', number * 1000));
    const text = await answersTo(await byKey(`${KEY_ID}.2`, key()), ...packages);
    expect(text.match(/^K/gm)).toHaveLength(100);
    expect(await hub.entries('office/herat')).toHaveLength(100);
  });
});
