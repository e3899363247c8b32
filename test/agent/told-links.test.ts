import { afterEach, expect, test } from 'vitest';
import type { LinkConfig } from '../../agent/config.ts';
import { sync } from '../../agent/sync.ts';
import { linksToTell } from '../../agent/told-links.ts';
import { recordTrip } from '../../agent/trips.ts';
import { readOfficeLinks } from '../../hub/office-links.ts';
import { textBody } from '../../shared/io/body.ts';
import { type SyncPair, syncPair } from '../support/sync-office.ts';

let pair: SyncPair | undefined;
afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

const IRIDIUM: LinkConfig = {
  name: 'iridium',
  price_per_minute: 1.44,
  price_step: 20,
  price_minimum: 0.48,
  max_mail: 20_000,
  currency: 'USD',
};

test('the hub is told of the links once, and again when they have changed', async () => {
  pair = await syncPair();
  const { agent, hub } = pair;
  expect(await sync(agent)).toMatchObject({ ok: true });
  const without = await sync(agent);
  expect(await readOfficeLinks(hub, 'herat')).toEqual([]);

  agent.config.link.push(IRIDIUM, { name: 'vsat' });
  const told = await sync(agent);
  expect(told.up.bytesWire).toBeGreaterThan(without.up.bytesWire + 50);
  expect(await readOfficeLinks(hub, 'herat')).toEqual([
    {
      name: 'iridium',
      pricePerMinute: 1.44,
      priceStep: 20,
      priceMinimum: 0.48,
      mailBytesMax: 20_000,
      currency: 'USD',
    },
    { name: 'vsat' },
  ]);
  const after = await sync(agent);
  expect([after.up.bytesWire, after.down.bytesWire]).toEqual([without.up.bytesWire, without.down.bytesWire]);

  agent.config.link.splice(0, 2);
  await sync(agent);
  expect(await readOfficeLinks(hub, 'herat')).toEqual([]);
});

test('a speed is told again when it is twice or half of what was told, and only where time costs', async () => {
  pair = await syncPair();
  const { agent } = pair;
  agent.config.link.push(IRIDIUM, { name: 'vsat', price_per_mb: 1 });
  const trip = async (link: string, seconds: number): Promise<void> => {
    const way = { mails: 1, bytesRaw: 5_000, bytesWire: 1_000 };
    const nothing = { roundTrips: 3, resumed: 0, cost: 0, waiting: { up: { mails: 0, bytes: 0 } } };
    await recordTrip(agent, { ok: true, exit: 0, up: way, down: way, link, seconds, ...nothing });
  };
  await trip('iridium', 7);
  await trip('vsat', 1);
  const told = await linksToTell(agent);
  expect(told).toContain('bps=290 max=20000');
  expect(told).toContain('vsat mb=1');
  await trip('iridium', 9);
  expect(await linksToTell(agent, told)).toBeUndefined();
  await trip('iridium', 60);
  expect(await linksToTell(agent, told)).toContain('bps=79');
});

test('what is damaged of it, here or at the hub, holds up nothing, and is told again', async () => {
  pair = await syncPair();
  const { agent, hub } = pair;
  agent.config.link.push({ name: 'vsat', price_per_mb: 1 });
  expect(await linksToTell(agent, '\u0000 no list\n\n')).toBe('vsat mb=1');
  await hub.store.put('office/herat/links', textBody('no list\n\n'));
  expect(await readOfficeLinks(hub, 'herat')).toEqual([]);
  expect(hub.logged.map(({ event }) => event).join()).toContain('what an office told of its links is damaged');
  await sync(agent);
  expect(await readOfficeLinks(hub, 'herat')).toEqual([{ name: 'vsat', pricePerMb: 1 }]);
});
