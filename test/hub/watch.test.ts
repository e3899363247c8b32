/** What a hub tells those who watch it: metrics, alerts to postmaster, the month's report. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { startAdmin } from '../../hub/admin.ts';
import { findAlerts, sayAlerts } from '../../hub/alerts.ts';
import { noteTrip } from '../../hub/contact.ts';
import { monthBefore, monthOfOffices, reportLines, sendMonthReport } from '../../hub/month-report.ts';
import { writeOfficeLinks } from '../../hub/office-links.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import { openEntry } from '../../shared/io/maildir.ts';
import { type BareHub, bareHub } from '../support/bare-hub.ts';
import { HERAT } from '../support/sync-office.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** 15 November 2026, noon. */
const NOON = Date.UTC(2026, 10, 15, 12) / 1_000;

async function watched(): Promise<BareHub> {
  const hub = await bareHub({ postmaster: 'farah.post@example.org', offices: [HERAT], clock: NOON });
  closing.push(() => hub.close());
  return hub;
}

const TRIP = {
  trips: 1,
  mailsUp: 2,
  mailsDown: 3,
  bytesRawUp: 400_000,
  bytesRawDown: 600_000,
  bytesWireUp: 50_000,
  bytesWireDown: 150_000,
  seconds: 600,
  resumed: 1,
  trouble: undefined,
};

async function mail(hub: BareHub, recipient: string): Promise<void> {
  const bytes = Buffer.from('Subject: t\n\nhello\n');
  const bodyHash = createHash('sha256').update(bytes).digest('hex');
  const one = {
    sender: 's@example.com',
    recipients: [recipient],
    hops: 0,
    urgency: 5,
    body: bytesBody(bytes),
    bodyHash,
  };
  await accept(hub.place, { peer: { name: 'send', relays: true }, id: bodyHash, mail: one }, hub.now());
}

async function told(hub: BareHub): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const { key } of await hub.entries('office/farah')) {
    const entry = await openEntry(hub.store, key);
    if (entry) texts.push((await readBody(entry.body)).toString());
  }
  return texts;
}

describe('metrics', () => {
  test('say what waits and what the line carried, in a form that Prometheus reads', async () => {
    const hub = await watched();
    await noteTrip(hub, 'herat', TRIP);
    await noteTrip(hub, 'herat', { ...TRIP, trouble: 'the link was cut' });
    await mail(hub, 'herat.farid@example.org');
    hub.wait(60);
    const admin = await startAdmin(hub, [], '127.0.0.1:0');
    closing.push(() => admin.close(0));
    const answer = await fetch(`http://${admin.address}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    const lines = (await answer.text()).trimEnd().split('\n');
    const samples = new Map(
      lines.filter((line) => !line.startsWith('#')).map((line) => line.split(/ (?=\S+$)/) as [string, string]),
    );
    expect(samples.get('fieldpost_waiting_mails{queue="herat"}')).toBe('1');
    expect(Number(samples.get('fieldpost_waiting_oldest_seconds{queue="herat"}'))).toBeGreaterThanOrEqual(60);
    expect(samples.get('fieldpost_waiting_mails{queue="internet"}')).toBe('0');
    expect(samples.get('fieldpost_office_line_bytes_total{office="herat",direction="down"}')).toBe('300000');
    expect(samples.get('fieldpost_office_trips_total{office="herat"}')).toBe('2');
    expect(samples.get('fieldpost_office_last_trip_ok{office="herat"}')).toBe('0');
    const grammar = /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"\\\n]*"(,[a-z]+="[^"\\\n]*")*\})? [0-9.e+-]+)$/;
    expect(lines.filter((line) => !grammar.test(line))).toEqual([]);
  });

  test('the dashboard asks only for what there is', async () => {
    const source = await readFile('hub/metrics.ts', 'utf8');
    const dashboard = await readFile('infra/examples/grafana/fieldpost.json', 'utf8');
    const names = [...new Set(dashboard.match(/fieldpost_[a-z_]+/g))];
    expect(names.filter((name) => !source.includes(name))).toEqual([]);
    expect(names.length).toBeGreaterThan(8);
  });
});

describe('alerts', () => {
  test('an office that calls each day may be silent for a day and a half; then postmaster hears of it, once', async () => {
    const hub = await watched();
    for (let day = 0; day < 4; day++) {
      await noteTrip(hub, 'herat', TRIP);
      hub.wait(DAY);
    }
    hub.wait(DAY / 2 - 60);
    await sayAlerts(hub);
    expect(await told(hub)).toEqual([]);
    hub.wait(120);
    await sayAlerts(hub);
    await sayAlerts(hub);
    const [text, ...more] = await told(hub);
    expect(more).toEqual([]);
    expect(text).toContain('Subject: Office herat has not called for 37 hours\n');
    expect(text).toContain('Its longest silence of late was 24 hours.');
    hub.wait(7 * DAY);
    await sayAlerts(hub);
    expect(await told(hub)).toHaveLength(2);
    await noteTrip(hub, 'herat', TRIP);
    expect(await findAlerts(hub)).toEqual([]);
  });

  test('mail for the Internet that does not move is told of', async () => {
    const hub = await watched();
    await mail(hub, 'friend@example.com');
    hub.wait(6 * HOUR + 1);
    expect((await findAlerts(hub)).map(({ subject }) => subject)).toEqual(['1 mail waits for the Internet']);
  });
});

describe('the month', () => {
  test('what it was, what the line carried, and what that saved', async () => {
    const hub = await watched();
    await noteTrip(hub, 'herat', TRIP);
    await writeOfficeLinks(hub, 'herat', [
      { name: 'gprs', pricePerMb: 2, currency: 'USD' },
      { name: 'iridium', pricePerMinute: 1.5, currency: 'USD' },
    ]);
    const [herat] = await monthOfOffices(hub, '2026-11');
    // 800 KB less; at the pace of the trip, 200 KB in 10 minutes, that is 40 minutes.
    expect(herat).toMatchObject({ bytesSaved: 800_000, moneySaved: { link: 'iridium', money: 60, currency: 'USD' } });
    expect(reportLines([herat].filter((one) => one !== undefined))).toEqual([
      'herat            1 trips, 2 mails up, 3 down, 1000 KB of mail in 200 KB on the line: 800 KB saved, 60.00 USD saved at the price of iridium',
    ]);
  });

  test('is told to postmaster when it is over, once', async () => {
    const hub = await watched();
    await noteTrip(hub, 'herat', TRIP);
    await sendMonthReport(hub);
    expect(await told(hub)).toEqual([]);
    hub.wait(16 * DAY);
    await sendMonthReport(hub);
    await sendMonthReport(hub);
    const [text, ...more] = await told(hub);
    expect(more).toEqual([]);
    expect(text).toContain('Subject: Field mail in 2026-11\n');
    expect(monthBefore('2026-01')).toBe('2025-12');
  });
});
