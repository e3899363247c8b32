/** Half duplex: who has the line, how often it turns, and what a side does that hears nothing for long. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Hello, Welcome } from '../../shared/core/trip-greeting.ts';
import type { TripSide } from '../../shared/io/trip-side.ts';
import { unacknowledged } from '../../shared/io/unacknowledged.ts';
import { TripPair } from '../support/trip-pair.ts';

let pair: TripPair;
afterEach(() => pair.close());

const noise = (subject: string, blocks = 4): Buffer =>
  Buffer.from(
    `Message-ID: <${subject}@x>\nSubject: ${subject}\n\n${Array.from({ length: blocks }, (_, n) =>
      createHash('sha512').update(`${subject} ${n}`).digest('base64'),
    ).join('\n')}\n`,
  );

/** Both sides of a trip in turns; `hubKnows`: whether the hub is new enough for them. */
async function inTurns(hubKnows = true): Promise<{ agentSide: Partial<TripSide>; hubSide: Partial<TripSide> }> {
  const agent = (await pair.agent.side()).greeting as Hello;
  const hub = (await pair.hub.side()).greeting as Welcome;
  return {
    agentSide: { greeting: { ...agent, halfDuplex: true } },
    hubSide: { greeting: hubKnows ? { ...hub, halfDuplex: true } : hub },
  };
}

async function postBothWays(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await pair.agent.post(noise(`up ${n}`));
    await pair.hub.post(noise(`down ${n}`));
  }
}

async function expectAllThere(count: number): Promise<void> {
  const all = (way: string): string[] =>
    Array.from({ length: count }, (_, n) => noise(`${way} ${n}`).toString()).sort();
  expect(await pair.hub.bodies('internet')).toEqual(all('up'));
  expect(await pair.agent.bodies('arrived')).toEqual(all('down'));
}

test('in turns: mail both ways, and nobody speaks while the other does', async () => {
  pair = await TripPair.make();
  await postBothWays(700);
  const log: string[] = [];
  const turns = await inTurns();
  const { agent, hub } = await pair.trip({ ...turns, talk: (who) => log.at(-1) !== who && log.push(who) });
  expect([agent.error, hub.error, agent.complete, hub.complete]).toEqual([undefined, undefined, true, true]);
  await expectAllThere(700);
  expect(log).toEqual(['agent', 'hub', 'agent']);
});

test('a trip that was cut goes on in turns: the agent hears first how far the hub got', async () => {
  pair = await TripPair.make();
  await postBothWays(3);
  for (const cut of [{ up: 300 }, { up: 700 }, { down: 200 }, { down: 500 }])
    await pair.trip({ ...(await inTurns()), ...cut });
  const log: string[] = [];
  const { agent } = await pair.trip({ ...(await inTurns()), talk: (who) => log.at(-1) !== who && log.push(who) });
  expect([agent.error, agent.complete]).toEqual([undefined, true]);
  await expectAllThere(3);
  expect(log.length).toBeLessThanOrEqual(4);
});

test('with a hub that knows nothing of turns the trip is as any other', async () => {
  pair = await TripPair.make();
  await postBothWays(20);
  const { agentSide } = await inTurns();
  const plain = (await pair.agent.side()).greeting as Hello;
  // An older hub reads HELLO without that flag.
  const { agent, hub } = await pair.trip({ agentSide: { greeting: { ...plain, halfDuplex: false } } });
  expect([agent.complete, hub.complete]).toEqual([true, true]);
  await postBothWays(0);
  const old = await pair.trip({ agentSide, hubIgnoresTurns: true });
  expect([old.agent.error, old.agent.complete]).toEqual([undefined, true]);
  await expectAllThere(20);
});

test('a line that takes what is said is not given up, however long the other side is silent', async () => {
  pair = await TripPair.make();
  await pair.agent.post(noise('up 0'));
  let left = 1_000_000;
  const slowHub: Partial<TripSide> = {
    admit: () => new Promise((resolve) => setTimeout(resolve, 9_000)),
  };
  const impatient = { agentSide: { idleSeconds: 7 }, hubSide: slowHub };
  const dead = await pair.trip(impatient);
  expect(dead.agent.error?.message).toContain('the link is dead');
  const slow = await pair.trip({
    ...impatient,
    agentWire: { unacknowledged: async () => (left -= 1_000) },
  });
  expect([slow.agent.error, slow.agent.complete]).toEqual([undefined, true]);
});

test('what the other end has not confirmed is known from the system', async () => {
  pair = await TripPair.make();
  const server = createServer((socket) => socket.pause());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  await once(socket, 'connect');
  expect(await unacknowledged(socket)).toBe(0);
  socket.write(Buffer.alloc(20_000_000));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await unacknowledged(socket)).toBeGreaterThan(5_000_000);
  socket.destroy();
  server.close();
});
