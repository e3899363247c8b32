import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pushCommands } from '../../hub/commands/push.ts';
import type { Hub, Service } from '../../hub/hub.ts';
import { writeOfficeTrips } from '../../hub/instance.ts';
import { type PushResult, push } from '../../hub/push.ts';
import { startQmtp } from '../../hub/qmtp.ts';
import { DEFAULT_LIMITS, type Office } from '../../shared/core/directory.ts';
import { EXIT } from '../../shared/io/command-line.ts';
import { splitHostAddress } from '../../shared/io/config.ts';
import { readNote } from '../../shared/io/note.ts';
import { newTripState } from '../../shared/io/trip-state.ts';
import { type BareHub, bareHub } from '../support/bare-hub.ts';
import { NO_FILES } from '../support/no-files.ts';
import { sendQmtp } from '../support/qmtp-client.ts';
import { type PeerOptions, type QmtpPeer, startQmtpPeer } from '../support/qmtp-peer.ts';

const office = (name: string, revoked = false): Office => ({
  name,
  domains: [`${name}.example.org`],
  keyId: '0123456789abcdef',
  generation: 1,
  revoked,
  limits: DEFAULT_LIMITS,
});

let hub: BareHub & { folder: string };
let door: Service;
const closers: (() => Promise<void>)[] = [];

async function openHub(
  offices: readonly Office[],
): Promise<{ opened: BareHub & { folder: string }; service: Service }> {
  const opened = await bareHub({ toml: '[listen]\nqmtp = "127.0.0.1:0"\n', offices });
  const [service] = await startQmtp(opened);
  closers.push(async () => {
    await service?.close(1);
    await opened.close();
  });
  return { opened, service: service as Service };
}

beforeEach(async () => {
  ({ opened: hub, service: door } = await openHub([office('farah'), office('mazar', true)]));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function peer(options: PeerOptions): Promise<QmtpPeer> {
  const started = await startQmtpPeer(options);
  closers.push(started.close);
  return started;
}

const where = (service: Service) => splitHostAddress(service.address ?? '') as { host: string; port: number };

/** Mails to people in farah, through the hub's own door. */
async function arrive(
  ...mails: readonly { readonly body: string; readonly to: readonly string[]; readonly from?: string }[]
): Promise<void> {
  const sent = mails.map(({ body, to, from = 'friend@example.com' }) => ({
    from,
    to: to.map((name) => `farah.${name}@example.org`),
    body: Buffer.from(body, 'latin1'),
  }));
  for (const answer of await sendQmtp(where(door), sent)) expect(answer).toMatch(/^K/);
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, number) => ({ body: `Subject: ${number}\n\n\r\0\xff\n`, to: ['holly'] }));
const pushTo = ({ port }: { readonly port: number }, host = '127.0.0.1'): Promise<PushResult> =>
  push(hub, { office: 'farah', host, port });
const withoutTrace = (text: Buffer): string => text.toString('latin1').replace(/^Received: .*\n/, '');
const name = (recipient: string): string => recipient.replace(/^farah\.(.*)@example\.org$/, '$1');

test('everything that waits arrives as qmail wants it: one package a mail, all its recipients in it', async () => {
  await arrive(
    ...numbered(450),
    { body: 'to two\n', to: ['holly', 'farid'] },
    { body: 'bounce\n', to: ['farid'], from: '' },
  );
  const qmail = await peer({ answer: () => 'Kok 1795471464 qp 7560', bunch: 7 });
  const result = await pushTo(qmail);
  expect(result).toMatchObject({ mails: 452, accepted: 453, refused: 0, deferred: 0, unconfirmed: 0, damaged: 0 });
  expect(result.cut).toBeUndefined();
  expect(qmail.faults).toEqual([]);
  const got = qmail.mails.map(({ text, sender, recipients }) =>
    [withoutTrace(text), sender, recipients.map(name).toSorted().join()].join('|'),
  );
  expect(got.toSorted()).toEqual(
    [
      ...numbered(450).map(({ body }) => `${body}|friend@example.com|holly`),
      'bounce\n||farid',
      'to two\n|friend@example.com|farid,holly',
    ].toSorted(),
  );
  expect(await hub.entries('office/farah')).toEqual([]);
  expect(await hub.store.list('office/farah/')).toEqual([]);
});

test('K, Z and D of one mail: the sender hears of the D once, and only the Z goes again', async () => {
  await arrive({ body: 'Subject: three\n\nx\n', to: ['kay', 'zoe', 'dan'] });
  const answers: Record<string, string> = { kay: 'Kok', zoe: 'Zdisk full (#4.3.0)', dan: 'Dno mailbox here (#5.1.1)' };
  const qmail = await peer({ answer: (recipient) => answers[name(recipient)] });
  expect(await pushTo(qmail)).toMatchObject({ mails: 0, accepted: 1, refused: 1, deferred: 1 });
  const [entry] = await hub.entries('office/farah');
  expect(await readNote(hub.store, 'office/farah', entry?.name.id ?? '')).toMatchObject({
    attempts: 1,
    lastError: 'disk full (#4.3.0)',
  });
  const bounce = await hub.only('internet');
  expect(bounce).toMatchObject({ sender: '', recipients: ['friend@example.com'] });
  expect(bounce.body.toString()).toContain('no mailbox here (#5.1.1)');
  expect(bounce.body.toString()).not.toContain('farah.zoe');

  answers.zoe = 'Kok';
  expect(await pushTo(qmail)).toMatchObject({ mails: 1, accepted: 1, refused: 0, deferred: 0 });
  expect(qmail.mails.at(-1)?.recipients.map(name)).toEqual(['zoe']);
  expect(await hub.store.list('office/farah/')).toEqual([]);
  expect(await hub.entries('internet')).toHaveLength(1);
});

test('a cut: what was answered is done, the rest waits, and what may arrive twice is counted', async () => {
  await arrive(...numbered(10));
  let left = 4;
  const qmail = await peer({ answer: () => (left-- > 0 ? 'Kok' : undefined) });
  const result = await pushTo(qmail);
  expect(result).toMatchObject({ mails: 4, accepted: 4, cut: expect.stringMatching(/hung up|broke/) });
  expect(result.unconfirmed).toBeGreaterThan(0);
  expect(await hub.entries('office/farah')).toHaveLength(6);
  left = 100;
  expect(await pushTo(qmail)).toMatchObject({ mails: 6, unconfirmed: 0 });
  expect(await hub.entries('office/farah')).toEqual([]);
});

test('a second push for the same office is refused while the first goes on, and not after', async () => {
  await arrive(...numbered(1));
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const qmail = await peer({ answer: () => 'Kok', answersAfter: held });
  const first = pushTo(qmail);
  await expect(pushTo(qmail)).rejects.toThrow('another push for farah goes on');
  release();
  expect((await first).mails).toBe(1);
  expect((await pushTo(qmail)).mails).toBe(0);
});

test('to our own server', async () => {
  const { opened: farah, service } = await openHub([office('farah')]);
  await arrive(...numbered(60));
  expect(await pushTo(where(service))).toMatchObject({ mails: 60, accepted: 60 });
  expect(await farah.entries('office/farah')).toHaveLength(60);
});

test('a damaged entry stays, is said, and stops nothing', async () => {
  await arrive(...numbered(3));
  const [entry] = await hub.entries('office/farah');
  await writeFile(join(hub.folder, 'store', entry?.key ?? ''), 'not an entry\n');
  const qmail = await peer({ answer: () => 'Kok' });
  expect(await pushTo(qmail)).toMatchObject({ mails: 2, damaged: 1 });
  expect(hub.logged).toContainEqual(expect.objectContaining({ level: 'error', event: 'an entry cannot be pushed' }));
  expect(await hub.entries('office/farah')).toHaveLength(1);
});

test('what a trip has offered is left to the trip, and said', async () => {
  await arrive(...numbered(3));
  const [entry] = await hub.entries('office/farah');
  const state = newTripState('00112233aabbccdd');
  await writeOfficeTrips(hub, 'farah', {
    ...state,
    ledger: { ...state.ledger, open: [[1, { keys: [entry?.key ?? ''] }]] },
  });
  const qmail = await peer({ answer: () => 'Kok' });
  expect(await pushTo(qmail)).toMatchObject({ mails: 2, offered: 1 });
  expect((await hub.entries('office/farah')).map(({ key }) => key)).toEqual([entry?.key]);
});

test('a mail above the limit of the office goes back without crossing the link', async () => {
  await arrive({ body: 'x'.repeat(5000), to: ['holly', 'farid'] }, { body: 'small\n', to: ['holly'] });
  Object.assign(hub.directory.office('farah') as Office, { limits: { ...DEFAULT_LIMITS, mailBytesMax: 1000 } });
  const qmail = await peer({ answer: () => 'Kok' });
  expect(await pushTo(qmail)).toMatchObject({ mails: 2, accepted: 1, refused: 2 });
  expect(qmail.mails).toHaveLength(1);
  expect((await hub.only('internet')).body.toString()).toContain('larger than its office takes (#5.3.4)');
});

describe('the command', () => {
  const [command] = pushCommands;
  const lines: string[] = [];
  const run = (positionals: readonly string[], { json = false, on = hub as Hub } = {}) => {
    lines.length = 0;
    const readFile = async (): Promise<Buffer> => expect.fail('no file is named');
    return command?.run(on, { positionals, options: {}, json, out: (line) => lines.push(line), ...NO_FILES, readFile });
  };

  test.each([
    ['in the order of maildirqmtp', ['10.1.0.2', 'farah'], EXIT.usage, 'hub push farah 10.1.0.2'],
    ['an unknown office', ['herat', '10.1.0.2'], EXIT.usage, 'there is no office "herat"'],
    ['a revoked office', ['mazar', '10.1.0.2'], EXIT.refused, 'readmit mazar'],
    ['a bare IPv6 address', ['farah', '2001:db8::2'], EXIT.usage, 'not HOST[:PORT]'],
    ['port 0', ['farah', '10.1.0.2:0'], EXIT.usage, 'not HOST[:PORT]'],
    ['a port that is none', ['farah', '10.1.0.2:99999'], EXIT.usage, 'not HOST[:PORT]'],
    ['nobody there', ['farah', '127.0.0.1:1'], EXIT.later, 'no connection to 127.0.0.1:1: nothing listens there'],
  ])('%s', async (_, positionals, code, message) => {
    await expect(run(positionals)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('says what it did, for people and as JSON', async () => {
    await arrive({ body: 'x\n', to: ['kay', 'zoe'] });
    const qmail = await peer({ answer: (recipient) => (name(recipient) === 'zoe' ? 'Zlater' : 'Kok') });
    expect(await run(['farah', `127.0.0.1:${qmail.port}`])).toBe(EXIT.later);
    expect(lines).toEqual([
      expect.stringMatching(/^farah: 0 mails done; recipients: 1 accepted, 0 refused, 1 later; \d+ bytes$/),
    ]);
    expect(await run(['farah', `127.0.0.1:${qmail.port}`], { json: true })).toBe(EXIT.later);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      office: 'farah',
      host: '127.0.0.1',
      port: qmail.port,
      deferred: 1,
    });
  });
});
