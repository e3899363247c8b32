/** The measuring instrument itself: what the bench and the tests of the link believe. */
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import type { Pace } from '../support/line.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** Says back what it hears, twice if told so, and hangs up when its caller does. */
async function echo(times = 1): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => {
      for (let n = 0; n < times; n += 1) socket.write(chunk);
    });
    socket.on('end', () => socket.end()).on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(server);
  return server;
}

async function proxyTo(server: Server, pace?: Pace): Promise<CuttingProxy> {
  const proxy = await CuttingProxy.open(`127.0.0.1:${(server.address() as { port: number }).port}`);
  proxy.pace = pace;
  opened.push(proxy);
  return proxy;
}

/** One connection that says the words, each after an answer to the one before, and hears until the end. */
async function talk({ port }: CuttingProxy, ...words: readonly Buffer[]): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => socket.destroy());
  const heard: Buffer[] = [];
  let due = 0;
  const next = (): void => {
    const word = words[due];
    due += 1;
    if (word) socket.write(word);
    else socket.end();
  };
  next();
  socket.on('data', (chunk: Buffer) => {
    heard.push(chunk);
    const answered = words.slice(0, due).reduce((sum, { length }) => sum + length, 0);
    if (Buffer.concat(heard).length === answered) next();
  });
  await once(socket, 'end');
  socket.destroy();
  return Buffer.concat(heard);
}

const bytes = (length: number): Buffer => Buffer.alloc(length, 7);

test('it counts the bytes of each direction, the connections and the turns', async () => {
  const proxy = await proxyTo(await echo());
  expect((await talk(proxy, bytes(100), bytes(200), bytes(300))).length).toBe(600);
  expect((await talk(proxy, bytes(1))).length).toBe(1);
  const { bytesUp, bytesDown, connections, turns } = proxy;
  expect({ bytesUp, bytesDown, connections, turns }).toEqual({
    bytesUp: 601,
    bytesDown: 601,
    connections: 2,
    turns: 7,
  });
});

test('a cut lets exactly so many bytes through, both directions together, and counts each connection anew', async () => {
  const proxy = await proxyTo(await echo());
  proxy.every = 1_000;
  // 600 go up, so 400 of the answer come down.
  expect((await talk(proxy, bytes(600))).length).toBe(400);
  expect(proxy.bytesUp + proxy.bytesDown).toBe(1_000);
  expect((await talk(proxy, bytes(600))).length).toBe(400);
  expect((await talk(proxy, bytes(5_000))).length).toBe(0);
  expect(proxy.bytesUp + proxy.bytesDown).toBe(3_000);
});

test('what is dropped gets nothing through', async () => {
  const proxy = await proxyTo(await echo());
  proxy.drop();
  expect((await talk(proxy, bytes(10))).length).toBe(0);
  expect(proxy.bytesUp + proxy.bytesDown).toBe(0);
  proxy.up();
  expect((await talk(proxy, bytes(10))).length).toBe(10);
});

test('a slow line carries every byte, at its rate and with its delay', async () => {
  const proxy = await proxyTo(await echo(), { bitsPerSecond: 80_000, delayMs: 100 });
  const started = performance.now();
  const heard = await talk(proxy, Buffer.from('abcdefghij'.repeat(500)));
  const elapsedMs = performance.now() - started;
  expect(heard.toString()).toBe('abcdefghij'.repeat(500));
  // 5,000 bytes take 500 ms; a round trip for the call, one for the words; the answer follows piece by piece. Both ends say goodbye.
  expect(elapsedMs).toBeGreaterThan(890);
  expect(elapsedMs).toBeLessThan(2_500);
});

test('a half-duplex line sends one way at a time and pays for each turn', async () => {
  const [full, half] = [
    { bitsPerSecond: 80_000, delayMs: 0 },
    { bitsPerSecond: 80_000, delayMs: 0, turnMs: 150 },
  ];
  const seconds: number[] = [];
  for (const pace of [full, half]) {
    const proxy = await proxyTo(await echo(), pace);
    const started = performance.now();
    expect((await talk(proxy, bytes(2_000), bytes(2_000))).length).toBe(4_000);
    if (pace === half) expect(proxy.turns).toBe(3);
    seconds.push(performance.now() - started);
  }
  // Full: 2 x 2,000 bytes and the answers behind them. Half: the answers wait for the line, and three turns.
  expect(seconds[0]).toBeGreaterThan(390);
  expect(seconds[1]).toBeGreaterThan(800 + 3 * 150 - 20);
});

test('a cut on a slow line comes behind what was let through', async () => {
  const proxy = await proxyTo(await echo(2), { bitsPerSecond: 800_000, delayMs: 20 });
  proxy.every = 1_000;
  expect((await talk(proxy, bytes(400))).length).toBe(600);
});

test('what was said before a connection broke off arrives before the end, on a slow line too', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('the last word', () => setTimeout(() => socket.resetAndDestroy(), 50));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(server);
  const proxy = await proxyTo(server, { bitsPerSecond: 8_000, delayMs: 200 });
  expect((await talk(proxy, bytes(1))).toString()).toBe('the last word');
});
