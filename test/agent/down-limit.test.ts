import { createHash } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { LinkConfig } from '../../agent/config.ts';
import { bytesLeft } from '../../agent/down-limit.ts';
import { priceOf } from '../../agent/price.ts';
import { type SyncResult, sync } from '../../agent/sync.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { readMaildir } from '../support/sites.ts';
import { postDown, postUp, type SyncPair, syncPair } from '../support/sync-office.ts';

let pair: SyncPair | undefined;
afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

/** Base64 of what nobody can compress. */
const noise = (name: string, blocks: number): Buffer =>
  Buffer.from(
    `Message-ID: <${name}@x>\nSubject: ${name}\n\n${Array.from({ length: blocks }, (_, n) =>
      createHash('sha512').update(`${name} ${n}`).digest('base64'),
    ).join('\n')}\n`,
  );

const wire = ({ up, down }: SyncResult): number => up.bytesWire + down.bytesWire;

async function arrived({ agent }: SyncPair): Promise<readonly string[]> {
  const files = await readMaildir(join(agent.config.data, 'users/farid'));
  return files.map(({ bytes }) => bytes.toString());
}

/** What one sync without any limit carries. */
async function unlimited(mails: readonly Buffer[]): Promise<number> {
  const free = await syncPair({ idle: '1 min' });
  for (const mail of mails) await postDown(free.hub, mail);
  const result = await sync(free.agent);
  await free.close();
  expect(result).toMatchObject({ ok: true });
  return wire(result);
}

test.each([
  ['a large mail', [noise('large', 700)]],
  ['a dozen of mails', Array.from({ length: 12 }, (_, n) => noise(`mail${n}`, 40))],
])('day after day a budget brings %s, never more than it has, and no byte twice', async (_, mails) => {
  const whole = await unlimited(mails);
  pair = await syncPair({ idle: '1 min' });
  for (const mail of mails) await postDown(pair.hub, mail);
  const link = { name: 'iridium', price_per_mb: 100 };
  const budget = 12_000;
  const days: SyncResult[] = [];
  do days.push(await sync(pair.agent, { link, allowance: { bytes: budget } }));
  while (!days.at(-1)?.ok && days.length < 20);
  expect(days.at(-1)?.ok).toBe(true);
  expect(days.length).toBeGreaterThan(3);
  for (const day of days) expect(wire(day)).toBeLessThanOrEqual(budget);
  for (const day of days.slice(0, -1)) {
    expect(day).toMatchObject({ exit: 75, error: expect.stringContaining('what this sync may bring is used up') });
    expect(wire(day)).toBeGreaterThan(budget - 2_500);
    expect(day.cost).toBeLessThanOrEqual(1.2);
  }
  // A session of its own a day, with what it says of answers and frames, and nothing of the mails again.
  expect(days.reduce((sum, day) => sum + wire(day), 0)).toBeLessThan(whole + days.length * 1_600);
  expect(new Set(await arrived(pair)).size).toBe(mails.length);
  expect(await arrived(pair)).toHaveLength(mails.length);
});

test('money ends a sync that receives likewise, and never more of it is spent', async () => {
  pair = await syncPair({ idle: '1 min' });
  await postDown(pair.hub, noise('large', 500));
  const link = { name: 'iridium', price_per_mb: 100, price_minimum: 0.2 };
  const first = await sync(pair.agent, { link, allowance: { money: 1.5 } });
  expect(first).toMatchObject({ ok: false, error: expect.stringContaining('what this sync may bring is used up') });
  expect(first.cost).toBeLessThanOrEqual(1.5);
  expect(first.cost).toBeGreaterThan(1.2);
  expect(await sync(pair.agent, { link })).toMatchObject({ ok: true, resumed: 1, down: { mails: 1 } });
});

test('what goes up meanwhile arrives all the same, and is answered in the same sync', async () => {
  pair = await syncPair({ idle: '1 min' });
  await postDown(pair.hub, noise('large', 700));
  await postUp(pair.agent, bytesBody(Buffer.from('Message-ID: <up@x>\nSubject: up\n\nhello\n')));
  const link = { name: 'iridium' };
  const result = await sync(pair.agent, { link, allowance: { bytes: 15_000 } });
  expect(result).toMatchObject({ ok: false, up: { mails: 1 }, waiting: { up: { mails: 0 } } });
});

test('in half duplex too', async () => {
  pair = await syncPair({ idle: '1 min' });
  await postDown(pair.hub, noise('large', 300));
  const link = { name: 'hf', half_duplex: true };
  const first = await sync(pair.agent, { link, allowance: { bytes: 12_000 } });
  expect(first).toMatchObject({ ok: false, error: expect.stringContaining('what this sync may bring is used up') });
  expect(wire(first)).toBeLessThanOrEqual(12_000);
  expect(await sync(pair.agent, { link })).toMatchObject({ ok: true, resumed: 1, down: { mails: 1 } });
});

test('the bytes that money buys cost no more than it, and one more would', () => {
  const amount = fc.double({ min: 0.001, max: 1_000, noNaN: true });
  const tariff = fc.record({
    price_per_mb: amount,
    price_per_minute: amount,
    price_step: fc.nat(60),
    price_minimum: amount,
    bytes_minimum: fc.nat(50_000),
  });
  fc.assert(
    fc.property(tariff, amount, fc.integer({ min: 1, max: 1e6 }), (prices, money, speed) => {
      const link: LinkConfig = { name: 'x', ...prices };
      const used = { bytes: 900, seconds: 2 };
      const left = bytesLeft(link, { allowance: { money }, used, speed });
      if (left === undefined) return;
      const costs = (more: number): number =>
        priceOf(link, { bytes: used.bytes + more, seconds: used.seconds + more / speed });
      if (left > 0) expect(costs(left)).toBeLessThanOrEqual(money);
      expect(costs(left + 1)).toBeGreaterThan(money);
    }),
  );
});

test('nothing is said where nothing is limited', () => {
  const used = { bytes: 900, seconds: 2 };
  const link = { name: 'x', price_per_minute: 1 };
  expect(bytesLeft(link, { allowance: {}, used, speed: 100 })).toBeUndefined();
  // Of a link whose speed is not known yet, money by the minute says nothing of bytes.
  expect(bytesLeft(link, { allowance: { money: 5 }, used, speed: undefined })).toBeUndefined();
  expect(bytesLeft(link, { allowance: { bytes: 500 }, used, speed: undefined })).toBe(0);
});
