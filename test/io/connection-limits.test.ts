/** Who floods a listener keeps nobody else out, and fills no log. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { limitConnections } from '../../shared/io/connection-limits.ts';
import { Repeats } from '../../shared/io/repeats.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

const logged: { readonly event: string; readonly fields: object }[] = [];
const warn = (event: string, fields: object = {}): void => void logged.push({ event, fields });
const log = { info: warn, warn, error: warn };

async function start(connectionsMax: number, perAddressMax: number): Promise<number> {
  logged.length = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (!socket.destroyed) socket.write('hello');
  });
  servers.push(server);
  limitConnections(server, { field: 'listen.smtp', connectionsMax, perAddressMax, log });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

/** Whether it is greeted, or hung up on. */
function greeted(port: number, localAddress: string): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  sockets.push(socket);
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.once('data', () => resolve(true));
    socket.once('close', () => resolve(false));
  });
}

const many = async (port: number, count: number, addressOf: (index: number) => string): Promise<number> => {
  const all = await Promise.all(Array.from({ length: count }, (_, index) => greeted(port, addressOf(index))));
  return all.filter(Boolean).length;
};

test('one host has its share, and the others theirs; it is said once', async () => {
  const port = await start(50, 20);
  expect(await many(port, 300, () => '127.0.0.1')).toBe(20);
  expect(await many(port, 20, (index) => `127.0.1.${index + 1}`)).toBe(20);
  expect(logged).toEqual([
    {
      event: 'a host has too many connections at once: more are closed',
      fields: { listener: 'listen.smtp', open: 20, address: '127.0.0.1' },
    },
  ]);
});

test('a place that is given back is free again', async () => {
  const port = await start(10, 2);
  expect(await many(port, 2, () => '127.0.0.1')).toBe(2);
  for (const socket of sockets.splice(0)) socket.destroy();
  let again = false;
  for (let tries = 0; tries < 50 && !again; tries += 1) {
    again = await greeted(port, '127.0.0.1');
    if (!again) await sleep(20);
  }
  expect(again).toBe(true);
});

test('when all places are taken, who says nothing gives way, and who has spoken stays', async () => {
  const port = await start(30, 5);
  const speaker = connect({ port, host: '127.0.0.1', localAddress: '127.0.2.1' });
  sockets.push(speaker);
  const heard = new Promise((resolve) => speaker.once('data', resolve));
  speaker.write('EHLO');
  await heard;
  expect(await many(port, 29, (index) => `127.0.3.${index + 1}`)).toBe(29);
  // At once all are new.
  expect(await greeted(port, '127.0.4.1')).toBe(false);
  const now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now + 20_000);
  try {
    expect(await many(port, 10, (index) => `127.0.5.${index + 1}`)).toBe(10);
  } finally {
    vi.restoreAllMocks();
  }
  expect(speaker.destroyed).toBe(false);
  expect(logged.map(({ event }) => event)).toEqual([
    'there are too many connections at once: more are closed',
    'all connections are taken: those that say nothing are closed',
  ]);
});

test('what repeats itself is said once, and counted', () => {
  vi.useFakeTimers();
  logged.length = 0;
  const repeats = new Repeats(log, 1_000);
  for (let times = 0; times < 500; times += 1) repeats.warn('an office was refused', 'herat', { office: 'herat' });
  repeats.warn('an office was refused', 'mazar', { office: 'mazar' });
  expect(logged.map(({ fields }) => fields)).toEqual([{ office: 'herat' }, { office: 'mazar' }]);
  vi.advanceTimersByTime(1_000);
  expect(logged.slice(2)).toEqual([{ event: 'an office was refused', fields: { office: 'herat', again: 499 } }]);
  repeats.warn('an office was refused', 'herat', { office: 'herat' });
  expect(logged).toHaveLength(4);
  for (let key = 0; key < 5_000; key += 1) repeats.warn('not QMTP', String(key));
  expect(logged.length).toBeLessThan(1_010);
});
