import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { EXIT } from '../../shared/io/command-line.ts';
import { ConfigError, splitHostAddress } from '../../shared/io/config.ts';
import { DialError, dial } from '../../shared/io/dial.ts';
import { type Listener, type ListenOptions, listen } from '../../shared/io/listen.ts';
import type { Log } from '../../shared/io/log.ts';
import { pskIdentityOf, pskServerOptions } from '../../shared/io/psk.ts';

const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const LIMITS = { connectionsMax: 10, perAddressMax: 10, log: SILENT };

const listeners: Listener[] = [];
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close(0);
});

async function start(
  options: Partial<ListenOptions> & Pick<ListenOptions, 'connected'>,
): Promise<{ host: string; port: number }> {
  const listener = await listen({ field: 'listen.qmtp', address: '127.0.0.1:0', ...LIMITS, ...options });
  listeners.push(listener);
  return splitHostAddress(listener.address) as { host: string; port: number };
}

const heard = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });

describe('binding', () => {
  test('port 0 is a free one, and said', async () => {
    const { port } = await start({ connected: (socket) => socket.end('hello') });
    expect(port).toBeGreaterThan(0);
    expect(await heard(connect(port, '127.0.0.1'))).toBe('hello');
  });

  test('IPv6 is said in brackets', async () => {
    const listener = await listen({ field: 'f', address: '[::1]:0', ...LIMITS, connected: () => {} });
    listeners.push(listener);
    expect(listener.address).toMatch(/^\[::1\]:\d+$/);
  });

  test('a port that is taken', async () => {
    const { port } = await start({ connected: () => {} });
    const address = `127.0.0.1:${port}`;
    await expect(start({ address, connected: () => {} })).rejects.toMatchObject({
      code: EXIT.unavailable,
      message: `listen.qmtp = "${address}": another program listens there; stop it, or choose another port`,
    });
  });

  test.each([
    ['an address of another machine', '192.0.2.1:0', 'this machine has no such address'],
    ['no port', '127.0.0.1', 'expected host:port'],
    ['a name that does not exist', 'no-such-host.invalid:0', 'the name has no address'],
  ])('%s', async (_, address, text) => {
    const starting = start({ address, connected: () => {} });
    await expect(starting).rejects.toThrow(ConfigError);
    await expect(starting).rejects.toThrow(text);
  });
});

test('no more connections than the bound', async () => {
  const { port } = await start({ connectionsMax: 2, connected: (socket) => socket.write('in') });
  const sockets = [1, 2].map(() => connect(port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('data', resolve))));
  expect(await heard(connect(port, '127.0.0.1'))).toBe('');
  for (const socket of sockets) socket.destroy();
});

test('close waits for what is in hand, then cuts', async () => {
  const { promise: inHand, resolve } = Promise.withResolvers<Socket>();
  const listener = await listen({
    ...LIMITS,
    field: 'f',
    address: '127.0.0.1:0',
    connectionsMax: 5,
    connected: resolve,
    closing: () => inHand.then((socket) => socket.end('finished')),
  });
  const { port } = splitHostAddress(listener.address) as { port: number };
  const text = heard(connect(port, '127.0.0.1'));
  await inHand;
  await listener.close(30);
  expect(await text).toBe('finished');

  const stubborn = await listen({
    ...LIMITS,
    field: 'f',
    address: '127.0.0.1:0',
    connectionsMax: 5,
    connected: (socket) => socket.write('x'),
  });
  const socket = connect((splitHostAddress(stubborn.address) as { port: number }).port, '127.0.0.1');
  const cut = heard(socket);
  await new Promise((done) => socket.once('data', done));
  await stubborn.close(0.05);
  expect(await cut).toBe('x');
});

describe('TLS by key', () => {
  const key = randomBytes(32);
  const tls = pskServerOptions((identity) => (identity.startsWith('herat') ? key : undefined));
  const connected = (socket: Socket): void => {
    socket.on('error', () => {});
    socket.end(`${pskIdentityOf(socket as TLSSocket)} ${(socket as TLSSocket).getProtocol()}`);
  };

  test('the right key', async () => {
    const where = await start({ tls, connected });
    const socket = await dial({ ...where, seconds: 10, psk: { identity: 'herat.1', key } });
    expect(await heard(socket)).toBe('herat.1 TLSv1.3');
  });

  test.each([
    ['another key', { identity: 'herat.1', key: randomBytes(32) }],
    ['an unknown identity', { identity: 'mazar.1', key }],
  ])('%s', async (_, psk) => {
    const where = await start({ tls, connected });
    await expect(dial({ ...where, seconds: 10, psk })).rejects.toThrow(DialError);
    await expect(dial({ ...where, seconds: 10, psk })).rejects.toThrow('does not accept the key');
  });

  test('no TLS at all never reaches the program', async () => {
    let reached = false;
    const where = await start({ tls, connected: () => (reached = true) });
    const socket = connect(where.port, where.host);
    socket.end('19:\nSubject: t\n\nhello\n,0:,5:2:ab,,');
    await heard(socket);
    expect(reached).toBe(false);
  });
});

describe('dialling', () => {
  test('nothing listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await expect(dial({ host: '127.0.0.1', port, seconds: 10 })).rejects.toThrow(
      `no connection to 127.0.0.1:${port}: nothing listens there`,
    );
  });

  test('no such name', async () => {
    await expect(dial({ host: 'no-such-host.invalid', port: 9, seconds: 10 })).rejects.toThrow(
      /the name (has no address|could not be looked up)/,
    );
  });

  test('a handshake that never comes ends in time', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).pause());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const psk = { identity: 'herat.1', key: randomBytes(32) };
    await expect(dial({ host: '127.0.0.1', port, seconds: 0.2, psk })).rejects.toThrow('no answer within 0.2 s');
    server.close();
  });
});
