import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accepted } from '../../shared/core/verdict.ts';
import { accept, HOPS_MAX } from '../../shared/io/accept.ts';
import { type Body, readBody } from '../../shared/io/body.ts';
import { openFsStore } from '../../shared/io/fs-store.ts';
import { Intake } from '../../shared/io/intake.ts';
import type { Arrival } from '../../shared/io/mail.ts';
import { listEntries, openEntry, removeEntry } from '../../shared/io/maildir.ts';
import { SpoolFull } from '../../shared/io/spool.ts';
import type { Store } from '../../shared/io/store.ts';
import { placeOf } from '../support/accept-world.ts';
import { readMails } from '../support/mails.ts';

const NOW = 1_795_471_464;
const CORPUS = join(import.meta.dirname, '..', 'corpus');
const ODD: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  'one line end': Buffer.from('\n'),
  'no line end': Buffer.from('Subject: x\n\nend'),
  'CR and LF in every order': Buffer.from('A: b\r\n\r\n\n\r\r\n\n\n\rx\r'),
  'all bytes': Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  NUL: Buffer.from('Subject: a\0b\n\n\0\0\n'),
  'a line of 1,000,000 bytes': Buffer.concat([
    Buffer.from('S: x\n\n'),
    Buffer.alloc(1_000_000, 'y'),
    Buffer.from('\n'),
  ]),
  'our own block': Buffer.from('Return-Path: <x>\nDelivered-To: y\nFieldpost-Entry: hops=1\n\nbody\n'),
  '5 MB': Buffer.alloc(5_000_000, 'Zürich\r'),
};

let folder: string;
let spool: string;
let store: Store;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-'));
  spool = join(folder, 'spool');
  store = await openFsStore(join(folder, 'store'), { owner: 'hub' });
});
afterAll(() => rm(folder, { recursive: true }));

const intake = (bytesMax = 100_000_000): Intake =>
  new Intake({ spool, bytesMax, trace: { protocol: 'QMTP', hostname: 'kabul.example.org', now: NOW } });

const ENVELOPE = { peer: { name: 'qmtp', relays: true }, sender: 's@example.net', recipients: ['r@example.org'] };

/** Chunks of growing length, as no wire would cut them. */
async function arrive(bytes: Uint8Array, envelope: Parameters<Intake['finish']>[0] = ENVELOPE): Promise<Arrival> {
  const door = intake();
  let length = 1;
  for (let at = 0; at < bytes.length; at += length, length = length * 2 + 1)
    await door.write(bytes.subarray(at, at + length));
  return door.finish(envelope);
}

/** Through accept and out of the Maildir. */
async function carry(arrival: Arrival): Promise<Buffer> {
  const place = placeOf(store, (_peer, sender, recipient) => ({
    verdict: accepted('ok'),
    deliveries: [{ maildir: 'internet', form: 'entry', sender, recipient }],
  }));
  const [verdict] = await accept(place, arrival, NOW);
  expect(verdict?.letter).toBe('K');
  const [listed, ...more] = await listEntries(store, 'internet');
  expect(more).toEqual([]);
  const entry = listed && (await openEntry(store, listed.key));
  if (!entry) throw new Error('the mail is not in its maildir');
  const bytes = await readBody(entry.body, 100_000_000);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(entry.head.bodyHash);
  await removeEntry(store, entry);
  return bytes;
}

describe('every byte arrives, after one line of ours', () => {
  const carried = async (bytes: Buffer): Promise<void> => {
    const whole = await carry(await arrive(bytes));
    const line = whole.subarray(0, whole.indexOf(10) + 1);
    expect(line.toString()).toMatch(/^Received: by kabul\.example\.org with QMTP id [0-9a-f]{12}; .*\n$/);
    expect(whole.subarray(line.length).equals(bytes)).toBe(true);
  };

  test.each(Object.entries(ODD))('%s', (_name, bytes) => carried(bytes));

  test('the corpus', async () => {
    for (const { bytes } of await readMails(CORPUS)) await carried(bytes);
  });
});

describe('the id', () => {
  const withId = Buffer.from('Message-ID: <1@x>\nSubject: tea\n\nat four\n');
  const withoutId = Buffer.from('Subject: tea\n\nat four\n');
  const idOf = async (...args: Parameters<typeof arrive>): Promise<string> => (await arrive(...args)).id;

  test('is the same for a retry, although our line differs', async () => {
    const [one, two] = [await arrive(withId), await arrive(withId)];
    expect(two.id).toBe(one.id);
    expect(two.mail.bodyHash).not.toBe(one.mail.bodyHash);
  });

  test('is the same for some of the recipients: the others have been answered, or are refused by now', async () => {
    const both = await idOf(withId, { ...ENVELOPE, recipients: ['r@example.org', 'q@example.org'] });
    expect(await idOf(withId)).toBe(both);
  });

  test('differs for other bytes, another sender', async () => {
    const ids = [
      await idOf(withId),
      await idOf(Buffer.from(`${withId} `)),
      await idOf(withId, { ...ENVELOPE, sender: 't@example.net' }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('is drawn when nothing tells a retry from a second mail with the same words', async () => {
    expect(await idOf(withoutId)).not.toBe(await idOf(withoutId));
  });

  test('is made of the file for a mail that stands in one', async () => {
    const file = (name: string) => ({ ...ENVELOPE, file: name });
    expect(await idOf(withoutId, file('1.2.x'))).toBe(await idOf(withoutId, file('1.2.x')));
    expect(await idOf(withoutId, file('1.2.x'))).not.toBe(await idOf(withoutId, file('1.3.x')));
  });
});

describe('what accept has to know', () => {
  test('a mail that has passed a hundred servers is in a circle', async () => {
    const received = (count: number): Buffer => Buffer.from(`${'Received: by x; y\n'.repeat(count)}\n`);
    expect((await arrive(received(100))).mail.hops).toBe(0);
    expect((await arrive(received(101))).mail.hops).toBe(HOPS_MAX);
  });

  test('how urgent it is', async () => {
    expect((await arrive(Buffer.from('Importance: high\n\n'))).mail.urgency).toBe(1);
    expect((await arrive(Buffer.from('List-Id: <x>\n\n'))).mail.urgency).toBe(8);
  });
});

describe('the spool', () => {
  const left = (): Promise<readonly string[]> => readdir(spool).catch(() => []);

  test('is empty again after a mail was taken, given up, or found too large', async () => {
    const before = await left();
    const taken = intake();
    await taken.write(Buffer.alloc(600_000, 'a'));
    const { mail } = await taken.finish(ENVELOPE);
    expect((await left()).length).toBe(before.length + 1);
    expect((await readBody(mail.body as Body)).length).toBe(mail.body.size);
    await taken.discard();
    const given = intake();
    await given.write(Buffer.alloc(600_000, 'a'));
    await given.discard();
    await given.discard();
    const large = intake(500_000);
    await large.write(Buffer.alloc(500_000, 'a'));
    await expect(large.write(Buffer.alloc(1))).rejects.toThrow(SpoolFull);
    await large.discard();
    expect(await left()).toEqual(before);
  });
});
