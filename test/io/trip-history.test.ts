import { randomBytes } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { CODEC } from '../../shared/core/trip-message.ts';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import { readMails } from '../support/mails.ts';
import { TripPair } from '../support/trip-pair.ts';

let pair: TripPair;
afterEach(() => pair.close());

const mails = (await readMails(new URL('../corpus/office-day', import.meta.url).pathname))
  .map(({ bytes }) => bytes)
  .filter(({ length }) => length < 10_000);
const [first = [], second = []] = [mails.slice(0, 8), mails.slice(8, 16)];
const texts = (...parts: readonly (readonly Uint8Array[])[]): readonly string[] =>
  parts
    .flat()
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
    .sort();

async function carry(up: readonly Uint8Array[], down: readonly Uint8Array[] = []): Promise<number> {
  for (const body of up) await pair.agent.post(body);
  for (const body of down) await pair.hub.post(body);
  const { agent, hub, bytesUp, bytesDown } = await pair.trip();
  expect([agent.error, agent.complete, hub.complete]).toEqual([undefined, true, true]);
  return bytesUp + bytesDown;
}

const pieces = async (way: 'in' | 'out', side: 'agent' | 'hub'): Promise<readonly string[]> =>
  (await pair[side].store.list(`history/${way}/`)).map(({ key }) => key);

test('mail that came before makes what comes cheaper, in both directions, and what is sent again almost free', async () => {
  pair = await TripPair.make();
  const alone = await carry(second);
  await pair.close();
  pair = await TripPair.make();
  await carry(first, second);
  expect(await carry(second)).toBeLessThan(alone * 0.97);
  expect(await carry(first.map((body) => Buffer.concat([body, Buffer.from('again\n')])))).toBeLessThan(600);
  expect(await pair.agent.bodies('arrived')).toEqual(texts(second));
});

/** What happens to the history at one end between two trips. */
const harms: readonly (readonly [string, (keys: readonly string[]) => Promise<void>])[] = [
  ['is lost at the hub', (keys) => remove('hub', keys)],
  [
    'is altered at the hub',
    async (keys) => {
      for (const key of keys) await alter('hub', key);
    },
  ],
  [
    'is cut short at the hub',
    async (keys) => {
      for (const key of keys) {
        const body = await pair.hub.store.get(key);
        if (body) await pair.hub.store.put(key, bytesBody((await readBody(body)).subarray(0, -5)));
      }
    },
  ],
  ['is rubbish at the hub', async (keys) => pair.hub.store.put(keys[0] ?? '', bytesBody(randomBytes(500)))],
];

async function remove(side: 'agent' | 'hub', keys: readonly string[]): Promise<void> {
  for (const key of keys) await pair[side].store.remove(key);
}

async function alter(side: 'agent' | 'hub', key: string): Promise<void> {
  const body = await pair[side].store.get(key);
  if (!body) return;
  const bytes = await readBody(body, 10_000_000);
  bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1;
  await pair[side].store.put(key, bytesBody(bytes));
}

test.each(harms)('a history that %s: said, and every mail comes once in the same session', async (_, harm) => {
  pair = await TripPair.make();
  await carry(first);
  await harm(await pieces('in', 'hub'));
  await carry(second);
  expect(await pair.hub.bodies('internet')).toEqual(texts(first, second));
  expect(await pair.agent.bodies('out')).toEqual([]);
  expect(pair.agent.logged).toContain('the other side has another history; a mail is sealed anew');
  const cheap = await carry(second.map((body) => Buffer.concat([body, Buffer.from('again\n')])));
  expect(cheap).toBeLessThan(600);
});

test('a history that is lost at its sender, or older than the receiver has it', async () => {
  pair = await TripPair.make();
  await carry(first.slice(0, 4));
  await carry(first.slice(4));
  await remove('agent', (await pieces('out', 'agent')).slice(1));
  await carry(second.slice(0, 4));
  await remove('agent', await pieces('out', 'agent'));
  await carry(second.slice(4));
  expect(await pair.hub.bodies('internet')).toEqual(texts(first, second));
});

const attachment = randomBytes(300_000);
const withAttachment = (subject: string): Buffer =>
  Buffer.from(
    `Subject: ${subject}\nContent-Transfer-Encoding: base64\n\n${attachment.toString('base64').replace(/.{76}/g, '$&\n')}\n`,
  );

/** As after months: nothing is left of the history at either end. */
async function carryAttachmentLongAgo(): Promise<void> {
  pair = await TripPair.make();
  expect(await carry([withAttachment('one')], [withAttachment('two')])).toBeGreaterThan(600_000);
  for (const side of ['agent', 'hub'] as const)
    for (const way of ['in', 'out'] as const) await remove(side, await pieces(way, side));
}

test('an attachment that came long ago is named by its hash, in both directions', async () => {
  await carryAttachmentLongAgo();
  expect(await carry([withAttachment('three')], [withAttachment('four')])).toBeLessThan(600);
  expect(await pair.hub.bodies('internet')).toEqual(texts([withAttachment('one'), withAttachment('three')]));
  expect(await pair.agent.bodies('arrived')).toEqual(texts([withAttachment('four'), withAttachment('two')]));
});

test.each([
  ['has lost', async (key: string) => pair.hub.store.remove(key)],
  ['holds altered', (key: string) => alter('hub', key)],
] as const)(
  'an attachment that its receiver %s travels whole in the same session, and is named the next time',
  async (_, harm) => {
    await carryAttachmentLongAgo();
    for (const { key } of await pair.hub.store.list('parts/in/')) await harm(key);
    expect(await carry([withAttachment('three'), ...first])).toBeGreaterThan(300_000);
    expect(await pair.hub.bodies('internet')).toEqual(texts([withAttachment('one'), withAttachment('three')], first));
    for (const side of ['agent', 'hub'] as const)
      for (const way of ['in', 'out'] as const) await remove(side, await pieces(way, side));
    expect(await carry([withAttachment('five')])).toBeLessThan(600);
  },
);

test('a frame with a remembered attachment goes on where it was cut', async () => {
  await carryAttachmentLongAgo();
  const fresh = randomBytes(40_000).toString('base64').replace(/.{76}/g, '$&\n');
  const mail = Buffer.concat([withAttachment('three'), Buffer.from(`\n--\n\n${fresh}\n`)]);
  await pair.agent.post(mail);
  const cut = await pair.trip({ up: 20_000 });
  expect(cut.agent.complete).toBe(false);
  const { agent, bytesUp } = await pair.trip();
  expect([agent.complete, agent.resumed]).toEqual([true, 1]);
  expect(bytesUp).toBeLessThan(24_000);
  expect(await pair.hub.bodies('internet')).toEqual(texts([withAttachment('one'), mail]));
});

test('an end that is stale by a trip says which point it has, and little is sent in vain', async () => {
  pair = await TripPair.make();
  await carry(first);
  const before = await pieces('in', 'hub');
  await carry(second.slice(0, 4));
  await remove('hub', (await pieces('in', 'hub')).slice(before.length));
  await carry(second.slice(4));
  expect(await pair.hub.bodies('internet')).toEqual(texts(first, second));
});

test('many small trips leave few pieces', async () => {
  pair = await TripPair.make();
  for (let n = 0; n < 40; n += 1) await carry([Buffer.from(`Subject: ${n}\n\nmail ${n}\n`)]);
  expect((await pieces('out', 'agent')).length).toBeLessThan(20);
  expect((await pieces('in', 'hub')).length).toBeLessThan(20);
});

test.each(['agent', 'hub'] as const)('mail of a group that the %s answers in different ways', async (to) => {
  const from = to === 'hub' ? 'agent' : 'hub';
  const verdict = (recipient: string) =>
    ({ letter: (recipient[0] ?? 'k').toUpperCase() as 'K' | 'Z' | 'D', text: `for ${recipient}` }) as const;
  pair = await TripPair.make({ [to]: { verdict } });
  const [one, two, three] = ['one\n\n1\n', 'two\n\n2\n', 'three\n\n3\n'].map((text) => Buffer.from(`Subject: ${text}`));
  await pair[from].post(one ?? Buffer.alloc(0), ['k1@there', 'd1@there']);
  await pair[from].post(two ?? Buffer.alloc(0), ['z@there']);
  await pair[from].post(three ?? Buffer.alloc(0), ['k2@there']);
  await pair.trip();
  expect(await pair[to].bodies(to === 'hub' ? 'internet' : 'arrived')).toEqual(
    texts([one, three].map((b) => b ?? Buffer.alloc(0))),
  );
  expect(await pair[from].bodies(pair[from].maildir)).toEqual(texts([two ?? Buffer.alloc(0)]));
  expect((await pair[from].bodies(pair[from].arrived)).join()).toContain('for d1@there');
});

test.each(['agent', 'hub'] as const)('a peer of the %s that reads single mails only gets them so', async (from) => {
  pair = await TripPair.make();
  const to = from === 'agent' ? pair.hub : pair.agent;
  for (const body of first) await pair[from].post(body);
  const older = { peerCodecs: () => 1 << CODEC.zstd };
  const { agent, hub } = await pair.trip(from === 'agent' ? { agentSide: older } : { hubSide: older });
  expect([agent.complete, hub.complete]).toEqual([true, true]);
  expect(await to.bodies(to.arrived)).toEqual(texts(first));
  expect(await pieces('out', from)).toEqual([]);
});
