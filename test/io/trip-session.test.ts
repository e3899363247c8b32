import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { BULK, NORMAL, URGENT } from '../../shared/core/entry.ts';
import { accepted, deferred, refused, type Verdict } from '../../shared/core/verdict.ts';
import { readBody } from '../../shared/io/body.ts';
import type { TripSide } from '../../shared/io/trip-side.ts';
import { TripPair } from '../support/trip-pair.ts';

let pair: TripPair;
afterEach(() => pair.close());

const mail = (subject: string, size = 0): Buffer =>
  Buffer.from(`Message-ID: <${subject}@x>\nSubject: ${subject}\n\nat four${'.'.repeat(size)}\n`);

test('a trip with nothing to do is a few dozen bytes', async () => {
  pair = await TripPair.make();
  const { agent, hub, bytesUp, bytesDown } = await pair.trip();
  expect(agent).toMatchObject({ complete: true, sent: { mails: 0 }, received: { mails: 0 } });
  expect(hub.complete).toBe(true);
  expect(bytesUp).toBeLessThan(40);
  expect(bytesDown).toBeLessThan(40);
});

test('mail goes both ways in one trip, and leaves its queue', async () => {
  pair = await TripPair.make();
  await pair.agent.post(mail('up'), ['a@there', 'b@there']);
  await pair.hub.post(mail('down'));
  const { agent, hub } = await pair.trip();
  expect(agent).toMatchObject({ complete: true, sent: { mails: 1 }, received: { mails: 1 } });
  expect(hub.complete).toBe(true);
  expect(await pair.hub.bodies('internet')).toEqual([mail('up').toString()]);
  expect(await pair.agent.bodies('arrived')).toEqual([mail('down').toString()]);
  expect(await pair.agent.bodies('out')).toEqual([]);
  expect(await pair.hub.bodies('office/herat')).toEqual([]);
});

/** What does not compress, so that its bytes on the wire are known; the same each time. */
const noise = (subject: string): Buffer =>
  Buffer.concat([
    mail(subject),
    createHash('sha512').update(subject).digest(),
    createHash('sha512').update(`${subject}!`).digest(),
  ]);

/** Two mails each way; one trip is cut after so many bytes of a direction, then trips go on until nothing is left. */
async function cutAndFinish(cut: { up?: number; down?: number }): Promise<{ whole: boolean; wire: number }> {
  const pair = await TripPair.make();
  for (const n of [1, 2]) {
    await pair.agent.post(noise(`up ${n}`));
    await pair.hub.post(noise(`down ${n}`));
  }
  const first = await pair.trip(cut);
  const second = await pair.trip();
  const third = await pair.trip();
  for (const { agent, hub } of [second, third])
    expect([agent.error, agent.complete, hub.complete]).toEqual([undefined, true, true]);
  expect(third.bytesUp + third.bytesDown).toBeLessThan(80);
  expect(await pair.hub.bodies('internet')).toEqual([1, 2].map((n) => noise(`up ${n}`).toString('latin1')));
  expect(await pair.agent.bodies('arrived')).toEqual([1, 2].map((n) => noise(`down ${n}`).toString('latin1')));
  expect(await pair.agent.bodies('out')).toEqual([]);
  expect(await pair.hub.bodies('office/herat')).toEqual([]);
  await pair.close();
  const wire = first.bytesUp + first.bytesDown + second.bytesUp + second.bytesDown;
  return { whole: first.agent.complete && first.hub.complete, wire };
}

test.each(['up', 'down'] as const)(
  'a session cut after any byte that goes %s: each mail once, and no whole mail travels twice',
  async (way) => {
    pair = await TripPair.make();
    const clean = await cutAndFinish({});
    expect(clean.whole).toBe(true);
    let bytes = 0;
    const worker = async (): Promise<void> => {
      for (let whole = false; !whole || bytes < 100; ) {
        bytes += 1;
        const cut = bytes;
        const result = await cutAndFinish({ [way]: cut });
        // Two greetings and the head of an offer come on top; a mail that went twice would add its 200 bytes.
        expect(result.wire, `cut after ${cut} bytes ${way}`).toBeLessThan(clean.wire + 150);
        whole = result.whole;
      }
    };
    await Promise.all(Array.from({ length: 40 }, worker));
  },
  120_000,
);

test('a refused recipient is reported to the sender, and one who has to wait keeps the mail', async () => {
  let later = true;
  const verdict = (recipient: string): Verdict => {
    if (recipient === 'nobody@there') return refused('no such user (#5.1.1)');
    if (recipient === 'later@there' && later) return deferred('not now (#4.2.1)');
    return accepted('ok');
  };
  pair = await TripPair.make({ hub: { verdict } });
  await pair.agent.post(mail('up'), ['a@there', 'nobody@there', 'later@there']);
  expect((await pair.trip()).agent.complete).toBe(true);
  expect(await pair.hub.bodies('internet')).toEqual([mail('up').toString()]);
  const [report, ...others] = await pair.agent.bodies('arrived');
  expect(others).toEqual([]);
  expect(report).toContain('nobody@there');
  expect(report).not.toContain('later@there');
  expect(await pair.agent.bodies('out')).toEqual([mail('up').toString()]);

  later = false;
  expect((await pair.trip()).agent).toMatchObject({ complete: true, sent: { mails: 0 } });
  pair.agent.now += 86_400;
  expect((await pair.trip()).agent).toMatchObject({ complete: true, sent: { mails: 1 } });
  expect((await pair.hub.bodies('internet')).length).toBe(2);
  expect((await pair.agent.bodies('arrived')).length).toBe(1);
  expect(await pair.agent.bodies('out')).toEqual([]);
});

test('a mail that the other side finds too large is refused at its offer, and hardly travels', async () => {
  pair = await TripPair.make({ hub: { mailBytesMax: 100_000 } });
  const large = Buffer.concat([mail('large'), randomBytes(3_000_000)]);
  await pair.agent.post(large);
  await pair.agent.post(mail('small'));
  const { agent, bytesUp } = await pair.trip();
  expect(agent.complete).toBe(true);
  expect(bytesUp).toBeLessThan(1_500_000);
  expect(await pair.hub.bodies('internet')).toEqual([mail('small').toString()]);
  expect((await pair.agent.bodies('arrived'))[0]).toContain('size exceeds the limit');
  expect(await pair.agent.bodies('out')).toEqual([]);
});

test('a partial frame that was damaged on the disk is sent again from its first byte', async () => {
  pair = await TripPair.make();
  const body = Buffer.concat([mail('up'), randomBytes(2_000)]);
  await pair.agent.post(body);
  await pair.trip({ up: 1_000 });
  const folder = join(pair.hub.folder, 'partial');
  const [name = ''] = await readdir(folder);
  const held = await readFile(join(folder, name));
  await writeFile(join(folder, name), Buffer.alloc(held.length));
  const { agent, hub } = await pair.trip();
  expect([agent.complete, hub.complete, agent.resumed]).toEqual([true, true, 1]);
  expect(await pair.hub.bodies('internet')).toEqual([body.toString('latin1')]);
  expect(await readdir(folder)).toEqual([]);
});

test('mail that is published while the trip runs goes with it, urgent before the rest of the queue', async () => {
  pair = await TripPair.make();
  for (let n = 0; n < 100; n += 1) await pair.agent.post(noise(`up ${n}`));
  const order: number[] = [];
  let batches = 0;
  const agentSide: Partial<TripSide> = {
    delivered: async ({ head }) => void order.push(head.urgency),
    exclusively: async (work) => {
      batches += 1;
      if (batches === 2) await pair.agent.post(noise('urgent'), ['reader@there'], 1);
      return work();
    },
  };
  const { agent } = await pair.trip({ agentSide });
  expect(agent).toMatchObject({ complete: true, sent: { mails: 101 } });
  expect(order.indexOf(1)).toBeLessThan(60);
});

test('urgent mail goes first, then the small before the large, and what machines send in bulk last', async () => {
  pair = await TripPair.make();
  const post = (name: string, size: number, urgency: number) =>
    pair.agent.post(mail(name, size), ['reader@there'], urgency);
  await post('bulk', 10, BULK);
  await post('large', 60_000, NORMAL);
  await post('small', 10, NORMAL);
  await post('urgent', 30_000, URGENT);
  const order: string[] = [];
  const delivered: TripSide['delivered'] = async ({ body }) => {
    order.push(/Subject: (\w+)/.exec((await readBody(body, 100_000)).toString())?.[1] ?? '');
  };
  expect((await pair.trip({ agentSide: { delivered } })).agent.complete).toBe(true);
  expect(order).toEqual(['urgent', 'small', 'large', 'bulk']);
});

test('of a queue of 5,000 mails the start of a trip lists one page, and a cut costs no more', async () => {
  pair = await TripPair.make();
  for (let n = 0; n < 5_000; n += 1) await pair.agent.post(noise(`up ${n}`));
  const pages: number[] = [];
  const { store } = pair.agent;
  const list = store.list.bind(store);
  store.list = async (prefix, page) => {
    const found = await list(prefix, page);
    pages.push(found.length);
    return found;
  };
  await pair.trip({ up: 600 });
  expect(pages.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(200);
});
