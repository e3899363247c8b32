import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { LinkConfig } from '../../agent/config.ts';
import { closedUntil, parseHours } from '../../agent/hours.ts';
import { priceOf } from '../../agent/price.ts';
import { progressLine } from '../../agent/progress.ts';
import { sync } from '../../agent/sync.ts';
import { postDown, postUp, type SyncPair, syncPair } from '../support/sync-office.ts';

let pair: SyncPair | undefined;
afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

const IRIDIUM: LinkConfig = { name: 'iridium', price_per_minute: 1.44, price_step: 20, price_minimum: 0.48 };

test.each<[string, LinkConfig, number, number, number]>([
  ['a call of 1 s is charged as 20 s', IRIDIUM, 500, 1, 0.48],
  ['one of 21 s as 40 s', IRIDIUM, 500, 21, 0.96],
  ['one of which nothing came about is free', IRIDIUM, 0, 70, 0],
  ['bytes from their least amount on', { name: 'x', price_per_mb: 10, bytes_minimum: 5_000 }, 900, 9, 0.05],
  ['bytes and time together', { name: 'x', price_per_mb: 10, price_per_minute: 1 }, 100_000, 30, 1.5],
  ['without prices nothing costs', { name: 'x' }, 1e9, 1e6, 0],
])('%s', (_, link, bytes, seconds, money) => {
  expect(priceOf(link, { bytes, seconds })).toBeCloseTo(money, 10);
});

test('more bytes or more time never cost less', () => {
  const amount = fc.double({ min: 0, max: 1_000, noNaN: true });
  const use = fc.record({ bytes: fc.nat(1e9), seconds: fc.double({ min: 0, max: 1e5, noNaN: true }) });
  const link = fc.record({
    name: fc.constant('x'),
    price_per_mb: amount,
    price_per_minute: amount,
    price_step: fc.nat(120),
    price_minimum: amount,
    bytes_minimum: fc.nat(100_000),
  });
  fc.assert(
    fc.property(link, use, use, (tariff, one, more) => {
      const both = { bytes: one.bytes + more.bytes, seconds: one.seconds + more.seconds };
      expect(priceOf(tariff, both)).toBeGreaterThanOrEqual(priceOf(tariff, one));
    }),
  );
});

test('hours hold, also over midnight, and the next opening is told', () => {
  const night = parseHours('22:00-06:00');
  const noon = parseHours('12:00-13:30');
  if (!night || !noon) throw new Error('these are hours');
  const at = (hour: number, minute = 0): string | undefined => closedUntil([night, noon], hour * 60 + minute);
  expect([at(23), at(0), at(5, 59), at(12), at(13, 29)]).toEqual(Array(5).fill(undefined));
  expect([at(6), at(11, 59), at(13, 30), at(21, 59)]).toEqual(['12:00', '12:00', '22:00', '22:00']);
  expect(closedUntil([], 0)).toBeUndefined();
  for (const text of ['24:00-01:00', '1:00-2:00', '05:00-05:00', '', 'always'])
    expect(parseHours(text)).toBeUndefined();
});

test('the line of progress says bytes, speed, time left and money', () => {
  const progress = {
    sent: { mails: 3, bytesRaw: 5_000 },
    received: { mails: 1, bytesRaw: 900 },
    resumed: 0,
    bytesUp: 2_000,
    bytesDown: 400,
  };
  expect(progressLine({ progress, link: IRIDIUM, seconds: 10, bytesWaiting: 20_000 })).toBe(
    '[####            ] sent 3, received 1, 2 KB, 240 B/s, 25 s left, 0.48',
  );
  expect(progressLine({ progress, link: { name: 'lan' }, seconds: 1, bytesWaiting: 0 })).toBe(
    '[################] sent 3, received 1, 2 KB',
  );
});

/** What does not compress. */
const noise = (blocks: number): Buffer =>
  Buffer.from(
    `Message-ID: <n@x>\nSubject: large\n\n${Array.from({ length: blocks }, (_, n) =>
      createHash('sha512').update(`block ${n}`).digest('base64'),
    ).join('\n')}\n`,
  );

test.each(['up', 'down'] as const)(
  'a budget that is reached in mid-mail (%s) ends the sync; the next goes on at that byte',
  async (way) => {
    pair = await syncPair({ idle: '1 min' });
    const mail = noise(700);
    if (way === 'up') await postUp(pair.agent, mail);
    else await postDown(pair.hub, mail);
    pair.proxy.pace = { bitsPerSecond: 160_000, delayMs: 10 };
    const link = { name: 'iridium', price_per_mb: 100 };
    const first = await sync(pair.agent, { link, allowance: { bytes: 20_000 } });
    const reason = way === 'up' ? 'budget of link iridium is used up' : 'what this sync may bring is used up';
    expect(first).toMatchObject({ ok: false, exit: 75, error: expect.stringContaining(reason) });
    const used = first.up.bytesWire + first.down.bytesWire;
    expect(used).toBeGreaterThan(8_000);
    expect(first.cost).toBeCloseTo((used / 1e6) * 100, 6);
    // What had been handed to the line still arrives, at its pace.
    await sleep(2_000);
    pair.proxy.pace = undefined;
    const second = await sync(pair.agent, { link });
    expect(second).toMatchObject({ ok: true, resumed: 1, [way]: { mails: 1 } });
    expect(second[way].bytesWire).toBeLessThan(mail.length * 0.8);
  },
);

test('money is never spent beyond its limit, though time passes while nothing comes', async () => {
  pair = await syncPair({ idle: '1 min' });
  await postUp(pair.agent, noise(700));
  pair.proxy.pace = { bitsPerSecond: 16_000, delayMs: 10 };
  const link = { name: 'iridium', price_per_minute: 6, price_step: 1 };
  const result = await sync(pair.agent, { link, allowance: { money: 0.5 } });
  expect(result).toMatchObject({ ok: false, exit: 75, error: expect.stringContaining('money for link iridium') });
  expect(result.cost).toBeGreaterThan(0.2);
  expect(result.cost).toBeLessThanOrEqual(0.5);
});
