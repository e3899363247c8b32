import { afterEach, expect, test } from 'vitest';
import type { LinkConfig } from '../../agent/config.ts';
import { sync } from '../../agent/sync.ts';
import { mailbox, post } from '../support/held-mail.ts';
import { type SyncPair, syncPair } from '../support/sync-office.ts';

let pair: SyncPair;
afterEach(() => pair?.close());

test('a summary says what each choice costs on each link, and over which link the mail comes by itself', async () => {
  pair = await syncPair({ tables: true });
  const { link } = pair.agent.config;
  link.push(
    { name: 'iridium', price_per_mb: 100, price_minimum: 0.48, max_mail: 20_000, currency: 'USD' },
    { name: 'gprs', price_per_minute: 0.6, max_mail: 40_000 },
    { name: 'vsat' },
  );
  await post(pair);
  expect(await sync(pair.agent, { link: link[0] as LinkConfig })).toMatchObject({ ok: true, down: { mails: 1 } });
  const [summary = ''] = await mailbox(pair);
  expect(summary).toContain('\nIt comes by itself over vsat.\n');
  expect(summary).toContain('1  bridge.jpg  image/jpeg  30 KB  3.09 / 0.6 a minute / free\n');
  // 9,000 bytes of text/csv: 3,150 on the line.
  expect(summary).toContain('2  länge.csv  text/csv  9 KB  0.48 / 0.6 a minute / free\n');
  expect(summary).toMatch(/^all {6}the whole mail {2}3\.4\d \/ 0\.6 a minute \/ free$/m);
  expect(summary).toContain('text     its text alone  0.48 / 0.6 a minute / free\n');
  expect(summary).toContain('Prices are about those of a call of its own over iridium (USD) / gprs / vsat.\n');
  // Over the better link it does come by itself.
  expect(await sync(pair.agent, { link: { name: 'vsat' } })).toMatchObject({ ok: true, down: { mails: 1 } });
});
