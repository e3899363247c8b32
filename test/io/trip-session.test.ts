import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
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
