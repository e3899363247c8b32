/** Floods at the hub's ports, from one host: idle connections, and clients that say a byte now and then. The others are served, and the log stays short. */
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sync } from '../../agent/sync.ts';
import type { Service } from '../../hub/hub.ts';
import { startQmtp } from '../../hub/qmtp.ts';
import { startSmtp } from '../../hub/smtp.ts';
import { flood, slowly } from '../support/flood.ts';
import { sendQmtp } from '../support/qmtp-client.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { type SyncPair, syncPair } from '../support/sync-office.ts';

const CONNECTIONS = 500;
const FROM = '127.0.0.66';

let pair: SyncPair;
let services: readonly Service[];
const sockets: Socket[] = [];

beforeAll(async () => {
  pair = await syncPair({
    toml: 'smtp = "127.0.0.1:0"\nqmtp = "127.0.0.1:0"\n[limits]\nconnections = 60\nper_address = 15\n',
  });
  services = [...(await startSmtp(pair.hub)), ...(await startQmtp(pair.hub)), pair.service];
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  pair.hub.logged.length = 0;
});
afterAll(async () => {
  for (const service of services.slice(0, 2)) await service.close(0);
  await pair.close();
});

const addressOf = (name: string): { host: string; port: number } => {
  const [host = '', port] = (services.find((service) => service.name === name)?.address ?? '').split(':');
  return { host, port: Number(port) };
};

/** What an honest client hears at each port. */
const SERVED: readonly (readonly [string, () => Promise<unknown>, unknown])[] = [
  [
    'smtp',
    async () => {
      const { host, port } = addressOf('smtp');
      const client = await RawSmtp.open(`${host}:${port}`);
      const reply = await client.say('EHLO client.test');
      client.hangUp();
      return reply.slice(0, 3);
    },
    '250',
  ],
  [
    'qmtp',
    async () =>
      (
        await sendQmtp(addressOf('qmtp'), [{ from: 'a@b', to: ['herat.x@example.org'], body: Buffer.from('hi') }])
      )[0]?.[0],
    'K',
  ],
  ['sync', async () => (await sync(pair.agent)).ok, true],
];

describe.each(SERVED)('%s', (name, serve, answer) => {
  test(`${CONNECTIONS} connections that say nothing`, async () => {
    const open = await flood({ ...addressOf(name), from: FROM, count: CONNECTIONS, sockets });
    expect(open).toBe(15);
    expect(await serve()).toBe(answer);
    expect(pair.hub.logged.filter(({ level }) => level !== 'info').map(({ event }) => event)).toEqual([
      'a host has too many connections at once: more are closed',
    ]);
  });

  test('clients that say a byte now and then', async () => {
    const said = slowly({ ...addressOf(name), from: FROM, count: 30, sockets });
    try {
      expect(await serve()).toBe(answer);
    } finally {
      said.stop();
    }
  });

  test('garbage from the same host, again and again, fills no log', async () => {
    for (let times = 0; times < 40; times += 1) {
      const socket = connect({ ...addressOf(name), localAddress: FROM });
      socket.on('error', () => undefined);
      socket.end(Buffer.from('GET / HTTP/1.0\r\n\r\n\u0000\u00ff:::,,,'));
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect(await serve()).toBe(answer);
    expect(pair.hub.logged.filter(({ level }) => level !== 'info').length).toBeLessThan(4);
  });
});

test('a laptop that was shut out and calls again and again is named once', async () => {
  pair.change({ revoked: true });
  for (let times = 0; times < 25; times += 1) expect(await sync(pair.agent)).toMatchObject({ exit: 77 });
  pair.change({ revoked: false });
  expect(pair.hub.logged.filter(({ event }) => event === 'an office was refused')).toHaveLength(1);
  expect((await sync(pair.agent)).ok).toBe(true);
});

test('enrolments with a key that nobody gave out end in the handshake, and are not worth a line', async () => {
  const stranger = await pair.another({ key: Buffer.alloc(32, 9) });
  for (let times = 0; times < 25; times += 1) expect((await sync(stranger)).ok).toBe(false);
  expect(pair.hub.logged.filter(({ level }) => level !== 'info')).toEqual([]);
  expect((await sync(pair.agent)).ok).toBe(true);
});
