import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { loadAgentConfig } from '../../agent/config.ts';
import { chooseLink, parseRoutes } from '../../agent/link.ts';
import { runSync } from '../../agent/run-sync.ts';
import { statusReport } from '../../agent/status-report.ts';
import { budgetLeft, lastTrips, moneyLeft, recordTrip, usedOf } from '../../agent/trips.ts';
import { type BareAgent, bareAgent } from '../support/bare-agent.ts';
import { postUp } from '../support/sync-office.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function office(toml: string): Promise<BareAgent> {
  const agent = await bareAgent({ toml });
  closing.push(() => agent.close());
  return agent;
}

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const route = (device: string, destination: string, gateway: string, metric: number, mask: string): string =>
  `${device}\t${destination}\t${gateway}\t0003\t0\t0\t${metric}\t${mask}\t0\t0\t0`;
const LAN = route('eth0', '0007A8C0', '00000000', 0, '00FFFFFF');

test.each<[what: string, lines: string[], found: unknown]>([
  ['no route', [], undefined],
  ['none by default', [LAN], undefined],
  [
    'a gateway',
    [LAN, route('eth0', '00000000', '0107A8C0', 0, '00000000')],
    { device: 'eth0', gateway: '192.168.7.1' },
  ],
  ['a line', [route('ppp0', '00000000', '00000000', 0, '00000000')], { device: 'ppp0', gateway: '' }],
  [
    'the smallest metric',
    [route('wlan0', '00000000', '0100A8C0', 600, '00000000'), route('ppp0', '00000000', '00000000', 50, '00000000')],
    { device: 'ppp0', gateway: '' },
  ],
])('the way out: %s', (_, lines, found) => {
  expect(parseRoutes([HEAD, ...lines, ''].join('\n'))).toEqual(found);
});

const LINKS = (first: string, second: string): string =>
  `[[link]]\nname = "one"\nmatch = { command = ["${first}"] }\n[[link]]\nname = "two"\nmatch = { command = ["${second}"] }\n`;

test.each([
  ['true', 'true', 'one'],
  ['false', 'true', 'two'],
  ['false', 'false', 'default'],
  ['/no/such/program', 'true', 'two'],
])('the first link that matches is used: %s, %s: %s', async (first, second, name) => {
  expect((await chooseLink((await office(LINKS(first, second))).config)).name).toBe(name);
});

test('all that match names must hold; a link without match is only used by name', async () => {
  const { config } = await office(
    '[[link]]\nname = "both"\nmatch = { command = ["true"], interface = "nosuch9" }\n[[link]]\nname = "stick"\n',
  );
  expect((await chooseLink(config)).name).toBe('default');
  expect((await chooseLink(config, 'stick')).name).toBe('stick');
  await expect(chooseLink(config, 'moon')).rejects.toThrow(/no link "moon" in .*there are: both, stick/);
});

const IRIDIUM =
  '[[link]]\nname = "iridium"\nmatch = { command = ["true"] }\nprice_per_minute = 1.2\nprice_per_mb = 10\nmax_mail = "2 KB"\nbudget = "5 KB/day"\n';

const trip = (bytes: number, seconds = 60) => ({
  ok: true,
  exit: 0,
  up: { mails: 1, bytesRaw: bytes, bytesWire: bytes },
  down: { mails: 0, bytesRaw: 0, bytesWire: 0 },
  roundTrips: 3,
  seconds,
  resumed: 0,
  waiting: { up: { mails: 0, bytes: 0 } },
  link: 'iridium',
  cost: 0.5,
});

test("a day's budget: counted over trips, kept over a restart, and the end of it is said with 75", async () => {
  const agent = await office(IRIDIUM);
  const [link] = agent.config.link;
  if (!link) throw new Error('no link');
  expect(await budgetLeft(agent, link)).toBe(5_000);
  await Promise.all([recordTrip(agent, trip(2_000)), recordTrip(agent, trip(1_000))]);
  expect(await budgetLeft(agent, link)).toBe(2_000);
  await recordTrip(agent, trip(4_000));
  expect(await runSync(agent)).toMatchObject({
    ok: false,
    exit: 75,
    error: expect.stringMatching(/budget of link iridium.*5000 bytes a day.*used up/),
  });
  const tomorrow = { ...agent, now: () => agent.now() + 86_400 };
  expect(await budgetLeft(tomorrow, link)).toBe(5_000);
  expect((await lastTrips(agent)).map(({ bytesWire }) => bytesWire).toSorted()).toEqual([1_000, 2_000, 4_000]);
});

test('a day and a month, bytes and money, each have their limit, and the narrowest holds', async () => {
  const agent = await office(
    '[[link]]\nname = "iridium"\nmatch = { command = ["true"] }\nprice_per_minute = 1\nbudget = ["5 KB/day", "8 KB/month"]\nmoney = "2/month"\n',
  );
  const [link] = agent.config.link;
  if (!link) throw new Error('no link');
  expect([await budgetLeft(agent, link), await moneyLeft(agent, link)]).toEqual([5_000, 2]);
  await recordTrip(agent, trip(4_500));
  const at = (seconds: number) => ({ ...agent, now: () => agent.now() + seconds });
  // The 15th of a month is as far from its ends as a day can be.
  expect([await budgetLeft(agent, link), await moneyLeft(agent, link)]).toEqual([500, 1.5]);
  expect(await runSync(agent)).toMatchObject({ exit: 75, error: expect.stringContaining('5000 bytes a day, 8000') });
  const later = at(35 * 86_400);
  expect([await budgetLeft(later, link), await moneyLeft(later, link)]).toEqual([5_000, 2]);
  for (let times = 0; times < 4; times += 1) await recordTrip(later, trip(10, 1));
  expect((await usedOf(later, 'iridium')).thisMonth).toEqual({ bytes: 40, seconds: 4, money: 2 });
  expect(await runSync(later)).toMatchObject({
    exit: 75,
    cost: 0,
    error: expect.stringMatching(/money for link iridium/),
  });
});

test('outside of its hours a link is not used, unless it is forced', async () => {
  const minute = new Date().getHours() * 60 + new Date().getMinutes();
  const clock = (at: number): string =>
    `${String(Math.floor((at % 1_440) / 60)).padStart(2, '0')}:${String(at % 60).padStart(2, '0')}`;
  const opens = clock(minute + 300);
  const agent = await office(
    `[[link]]\nname = "hf"\nmatch = { command = ["true"] }\nhours = ["${opens}-${clock(minute + 360)}"]\n`,
  );
  expect(await runSync(agent)).toMatchObject({ exit: 75, error: expect.stringContaining(`not used before ${opens}`) });
  expect(await runSync(agent, { force: true })).toMatchObject({
    exit: 75,
    error: expect.stringContaining('no connection'),
  });
});

test('a record of the first version is read', async () => {
  const agent = await office('');
  const old = { time: 5, link: 'x', seconds: 1, mailsUp: 1, mailsDown: 0, bytesWire: 9 };
  await writeFile(join(agent.folder, 'data/trips'), JSON.stringify({ last: [old], day: 1, bytesToday: [['x', 9]] }));
  expect(await lastTrips(agent)).toMatchObject([old]);
});

test('what sending would cost: larger mail is not counted, the price needs a speed', async () => {
  const agent = await office(IRIDIUM);
  await postUp(agent, Buffer.from(`Message-ID: <1@x>\n\n${'x'.repeat(1_000)}\n`));
  await postUp(agent, Buffer.from(`Message-ID: <2@x>\n\n${'x'.repeat(9_000)}\n`));
  const [before] = (await statusReport(agent)).links;
  expect(before).toMatchObject({ name: 'iridium', inUse: true, mails: 1, pricePerMinute: 1.2 });
  expect(before).not.toHaveProperty('cost');
  // 20 bytes a second.
  await recordTrip(agent, trip(1_200));
  const [after] = (await statusReport(agent)).links;
  const bytes = after?.bytes ?? 0;
  expect(bytes).toBeGreaterThan(1_000);
  expect(bytes).toBeLessThan(2_000);
  expect(after?.cost).toBeCloseTo((bytes / 20 / 60) * 1.2 + (bytes / 1e6) * 10, 1);
});

test('a damaged record of trips is told', async () => {
  const agent = await office('');
  await writeFile(join(agent.folder, 'data/trips'), '{"last":');
  await expect(lastTrips(agent)).rejects.toThrow(/trips in the data folder is damaged: remove it/);
});

test('a call that fails in the same way again and again fills no record', async () => {
  const agent = await office('');
  for (let times = 0; times < 3; times++) expect(await runSync(agent)).toMatchObject({ ok: false, exit: 75 });
  expect(await lastTrips(agent)).toHaveLength(1);
  expect(loadAgentConfig(agent.config.file).link).toEqual([]);
});
