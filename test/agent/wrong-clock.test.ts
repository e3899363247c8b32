/** Laptops wake up in 1970, or far ahead. Mail goes all the same, and what has to last days goes by the hub's clock. */
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Agent } from '../../agent/agent.ts';
import type { LinkConfig } from '../../agent/config.ts';
import { parseHours } from '../../agent/hours.ts';
import { reckonTime } from '../../agent/hub-time.ts';
import { runSync } from '../../agent/run-sync.ts';
import { lastTrips, usedOf } from '../../agent/trips.ts';
import { mailbox, post } from '../support/held-mail.ts';
import { readMaildir } from '../support/sites.ts';
import { postDown, postUp, type SyncPair, syncPair } from '../support/sync-office.ts';

let pair: SyncPair;
afterEach(() => pair?.close());

/** And how many seconds it says that a day of the hub has: one without a battery begins anew with each start. */
const YEARS: readonly (readonly [string, number, number])[] = [
  ['1970', 5_000, 0],
  ['2040', Date.UTC(2040, 5, 1) / 1_000, 86_400],
];

let starts = 0;

/** The same data folder, on a laptop that has just started with this clock. */
async function start(seconds: number): Promise<Agent> {
  const begun = performance.now();
  starts += 1;
  const agent = await pair.another({ folder: join(pair.agent.config.data, '..') });
  agent.config.link.push(...pair.agent.config.link);
  return {
    ...agent,
    boot: `start-${starts}`,
    now: () => seconds + Math.floor((performance.now() - begun) / 1_000),
  };
}

const text = (name: string): Buffer => Buffer.from(`Message-ID: <${name}@x>\nSubject: ${name}\n\n${name}\n`);

describe.each(YEARS)('a laptop in %s', (_, seconds, day) => {
  test('carries mail both ways, first and later, and its record has the times of the hub', async () => {
    pair = await syncPair();
    const agent = await start(seconds);
    for (const name of ['one', 'two']) {
      await postUp(agent, text(`up-${name}`));
      await postDown(pair.hub, text(`down-${name}`));
      expect(await runSync(agent)).toMatchObject({ ok: true, up: { mails: 1 }, down: { mails: 1 } });
    }
    expect((await pair.hub.entries('internet')).length).toBe(2);
    expect((await readMaildir(join(agent.config.data, 'users/farid'))).length).toBe(2);
    for (const { time } of await lastTrips(agent)) expect(Math.abs(time - pair.hub.now())).toBeLessThan(120);
  });

  test('gets the summary of a held mail, dated by the hub, and keeps it', async () => {
    pair = await syncPair({ tables: true });
    const link: LinkConfig = { name: 'iridium', max_mail: 20_000 };
    pair.agent.config.link.push(link);
    const agent = await start(seconds);
    await post(pair);
    expect(await runSync(agent, { linkName: 'iridium' })).toMatchObject({ ok: true, down: { mails: 1 } });
    const [summary = ''] = await mailbox(pair);
    const [, date = ''] = /^Date: (.*)$/m.exec(summary) ?? [];
    expect(Math.abs(Date.parse(date) / 1_000 - pair.hub.now())).toBeLessThan(120);
  });

  test('has no new budget with each start; on the next day of the hub it has', async () => {
    pair = await syncPair();
    const link: LinkConfig = { name: 'iridium', budget: [{ amount: 4_000, per: 'day' }] };
    pair.agent.config.link.push(link);
    const used = async (agent: Agent): Promise<number> => (await usedOf(agent, 'iridium')).today.bytes;
    // With the right clock nearly all of it is used.
    do await runSync(pair.agent, { linkName: 'iridium' });
    while ((await used(pair.agent)) < 2_800);
    const before = await used(pair.agent);

    const agent = await start(seconds);
    await postUp(agent, text('waits'));
    const result = await runSync(agent, { linkName: 'iridium' });
    expect(result).toMatchObject({ ok: false, exit: 75, error: expect.stringContaining('the budget of link iridium') });
    expect(await used(agent)).toBeLessThanOrEqual(before + 1_300);
    expect(await used(agent)).toBeGreaterThanOrEqual(before);

    pair.hub.wait(86_400);
    const next = await start(seconds + day);
    expect(await runSync(next, { linkName: 'iridium' })).toMatchObject({ ok: true, up: { mails: 1 } });
    expect(await used(next)).toBeLessThan(4_000);
  });

  test('asks for the time where hours depend on it: neither shut out nor let in by its own clock', async () => {
    pair = await syncPair();
    const at = (hours: number): string => {
      const date = new Date((pair.hub.now() + hours * 3_600) * 1_000);
      return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
    };
    const hours = (from: number, to: number) => [parseHours(`${at(from)}-${at(to)}`)].flatMap((one) => one ?? []);
    pair.agent.config.link.push({ name: 'open', hours: hours(-1, 1) }, { name: 'shut', hours: hours(2, -2) });
    const agent = await start(seconds);
    await postUp(agent, text('first'));
    expect(await runSync(agent, { linkName: 'open' })).toMatchObject({ ok: true, up: { mails: 1 } });
    const again = await start(seconds);
    await postUp(again, text('second'));
    expect(await runSync(again, { linkName: 'shut' })).toMatchObject({
      ok: false,
      error: expect.stringContaining('link shut is not used before'),
    });
  });
});

test('a clock that is put right is believed at once', async () => {
  pair = await syncPair();
  const wrong = await start(5_000);
  expect(await reckonTime(wrong)).toMatchObject({ isKnown: false });
  await runSync(wrong);
  expect((await reckonTime(wrong)).isKnown).toBe(true);
  const right = await start(Math.floor(Date.now() / 1_000));
  const { now, isKnown } = await reckonTime(right);
  expect(isKnown).toBe(true);
  expect(Math.abs(now - pair.hub.now())).toBeLessThan(120);
});
