/** Files and frames that claim, or hold, far more than they may. */

import { createHash } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeBatchMark } from '../../shared/core/batch.ts';
import { encodeGroup } from '../../shared/core/group.ts';
import { decodeToken, type Token } from '../../shared/core/token.ts';
import { encodeHello } from '../../shared/core/trip-greeting.ts';
import {
  CODEC,
  CODECS_KNOWN,
  decodeAnswer,
  encodeDone,
  encodeOffer,
  type Offer,
} from '../../shared/core/trip-message.ts';
import { encodeRecord, RECORD } from '../../shared/core/trip-record.ts';
import { sealBatch } from '../../shared/io/batch-file.ts';
import { frameHash } from '../../shared/io/seal.ts';
import { done } from '../support/program.ts';
import { RawTrip } from '../support/raw-trip.ts';
import { filesOf, HubSite } from '../support/sites.ts';

let folder: string;
let hub: HubSite;
let token: Token;
let counter = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-bombs-'));
  hub = await HubSite.make({
    folder: join(folder, 'kabul'),
    smarthost: '127.0.0.1:1',
    more: '[limits]\nmail = "1 MB"\n',
  });
  await hub.start();
  token = decodeToken(await hub.addOffice('herat'));
});
afterAll(async () => {
  await hub?.stop();
  await rm(folder, { recursive: true, force: true });
});

const MB = 1_000_000;
const hello = () =>
  encodeHello({
    version: 1,
    instance: '0011223344556677',
    counter: ++counter,
    up: true,
    down: true,
    codecs: CODECS_KNOWN,
    directory: '',
    mailBytesMax: 0,
    floor: 1,
  });
const hashOf = (bytes: Uint8Array): string => frameHash(createHash('sha256').update(bytes).digest('hex'));
const dataOf = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes.length / 60_000) }, (_, index) =>
      encodeRecord(RECORD.data, bytes.subarray(index * 60_000, (index + 1) * 60_000)),
    ),
  );

const ZEROS = Buffer.alloc(200 * MB);
const zstd = zstdCompressSync(ZEROS);
const brotli = Buffer.concat([
  Uint8Array.of(0),
  brotliCompressSync(ZEROS, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
]);
const many = brotliCompressSync(
  encodeGroup(
    Array.from({ length: 100 }, () => ({
      head: { sender: '', recipients: ['a'], hops: 0, urgency: 5 },
      body: Buffer.alloc(39_000),
    })),
  ),
);

/** What it is, the frame, and what it says of itself. */
const BOMBS: readonly (readonly [string, Buffer, Partial<Offer>])[] = [
  ['200 MB of zeros by zstd, announced as 1 KB', zstd, { codec: CODEC.zstd, packed: 1_000 }],
  ['the same, announced as 900 KB', zstd, { codec: CODEC.zstd, packed: 900_000 }],
  ['the same, announced as it is', zstd, { codec: CODEC.zstd, packed: ZEROS.length }],
  [
    '200 MB of zeros by brotli, announced as 5 MB',
    brotli,
    { codec: CODEC.brotli, base: '00'.repeat(8), packed: 5 * MB },
  ],
  [
    'more mails than a frame may have',
    Buffer.concat([Uint8Array.of(0), many]),
    { codec: CODEC.brotli, base: '00'.repeat(8), packed: 3_910_000 },
  ],
  [
    'a name of a part that is none',
    Buffer.concat([Uint8Array.of(16), Buffer.alloc(512, 7)]),
    { codec: CODEC.brotli, base: '00'.repeat(8), packed: 50 },
  ],
];

test.each(BOMBS)('%s: refused or asked for again, in the memory of one frame', async (_, sealed, said) => {
  const before = await hub.daemon.memoryPeakBytes();
  const trip = await RawTrip.open({ ...hub.daemon.address('sync'), identity: token.identity, key: token.key });
  const offer = {
    seq: 1,
    hash: hashOf(sealed),
    codec: CODEC.zstd,
    base: '',
    length: sealed.length,
    packed: 0,
    start: 0,
    ...said,
  };
  trip.say(hello(), encodeRecord(RECORD.ready), encodeOffer(offer), dataOf(sealed), encodeDone({ mails: 0, bytes: 0 }));
  const { types, payloads } = await trip.heard((all) =>
    [RECORD.answer, RECORD.repeat, RECORD.refused].some((type) => all.includes(type as never)),
  );
  const answer = payloads[types.indexOf(RECORD.answer)];
  if (answer) expect(decodeAnswer(answer).verdicts.map(({ letter }) => letter)).toEqual(['D']);
  else expect(types.some((type) => type === RECORD.repeat || type === RECORD.refused)).toBe(true);
  trip.hangUp();
  expect((await hub.daemon.memoryPeakBytes()) - before).toBeLessThan(120 * MB);
  expect(await filesOf(join(hub.folder, 'store/internet/new'))).toEqual([]);
});

test.each([
  ['a type that ends in zeros for ever', [Buffer.concat([Uint8Array.of(RECORD.offer), Buffer.alloc(300, 0x80)])]],
  [
    'a frame of 2^53 bytes',
    [
      encodeOffer({
        seq: 2,
        hash: '00'.repeat(8),
        codec: CODEC.zstd,
        base: '',
        length: 2 ** 53 - 1,
        packed: 2 ** 53 - 1,
        start: 0,
      }),
    ],
  ],
  [
    'a frame far ahead',
    [encodeOffer({ seq: 2 ** 52, hash: '00'.repeat(8), codec: CODEC.zstd, base: '', length: 5, packed: 5, start: 0 })],
  ],
])('%s ends the trip with a sentence', async (_, records) => {
  const trip = await RawTrip.open({ ...hub.daemon.address('sync'), identity: token.identity, key: token.key });
  trip.say(hello(), encodeRecord(RECORD.ready), ...records);
  const { types, payloads } = await trip.heard((all) => all.includes(RECORD.refused));
  expect(payloads[types.indexOf(RECORD.refused)]?.toString()).toContain('broke the protocol');
  trip.hangUp();
});

async function stickOf(...records: readonly Uint8Array[]): Promise<string> {
  const [keyId = '', generation] = token.identity.split('.');
  const path = join(folder, `${++counter}.batch`);
  const source = async function* () {
    yield Buffer.concat([
      encodeBatchMark({ instance: '0011223344556677', point: '00'.repeat(8), settled: 1 }),
      hello(),
      encodeRecord(RECORD.ready),
      ...records,
    ]);
  };
  const parts: Uint8Array[] = [];
  for await (const part of sealBatch(source(), { keyId, generation: Number(generation), way: 'up', key: token.key }))
    parts.push(part);
  await writeFile(path, Buffer.concat(parts));
  return path;
}

test.each([
  ['claims 2^53 bytes', { codec: CODEC.zstd, length: 2 ** 53 - 1, packed: 2 ** 53 - 1 }],
  ['claims 2^53 bytes that unpack to few', { codec: CODEC.zstd, length: 2 ** 53 - 1, packed: 10 }],
  [
    'claims a group of 2^53 bytes',
    { codec: CODEC.brotli, base: '00'.repeat(8), length: 2 ** 53 - 1, packed: 2 ** 53 - 1 },
  ],
])('a stick that %s: said in words, nothing taken, and the hub goes on', async (_, said) => {
  const before = await hub.daemon.memoryPeakBytes();
  const offer = { seq: 3, hash: '11'.repeat(8), base: '', start: 0, ...said };
  const outcome = await hub.command(['import', await stickOf(encodeOffer(offer), dataOf(Buffer.alloc(100_000, 1)))]);
  expect(outcome.out + outcome.err).toContain('is not possible');
  expect(outcome.err).not.toContain(' at ');
  expect(await filesOf(join(hub.folder, 'store/internet/new'))).toEqual([]);
  expect((await hub.daemon.memoryPeakBytes()) - before).toBeLessThan(60 * MB);
  done(await hub.command(['status']));
});

test('a stick with a bomb in it', async () => {
  const offer = {
    seq: 4,
    hash: hashOf(zstd),
    codec: CODEC.zstd,
    base: '',
    length: zstd.length,
    packed: 500_000,
    start: 0,
  };
  const path = await stickOf(encodeOffer(offer), dataOf(zstd), encodeDone({ mails: 0, bytes: 0 }));
  expect((await stat(path)).size).toBeLessThan(100_000);
  expect(done(await hub.command(['import', path])).out).toContain('0 mails taken');
  expect(await filesOf(join(hub.folder, 'store/internet/new'))).toEqual([]);
  expect((await hub.command(['status'])).code).toBe(0);
});
