/** Large mail in pieces: what an office's link has carried once is named, whatever stands around it. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CODECS_FIRST } from '../../shared/core/trip-message.ts';
import { encodeVarint, TripError } from '../../shared/core/trip-record.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { HeldParts, KnownParts, partHash } from '../../shared/io/parts.ts';
import { PieceMissing, sealPieces, unsealPieces } from '../../shared/io/piece-seal.ts';
import { Disk, Session } from '../support/faulty-store.ts';
import { TripPair } from '../support/trip-pair.ts';

/** Bytes that do not compress, the same each time. */
function noise(name: string, size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 64) }, (_, n) =>
    createHash('sha512').update(`${name} ${n}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, size);
}

const report = noise('report', 4_000_000).toString('base64').replace(/.{76}/g, '$&\n');
const mailOf = (text: string, attached = report): Buffer =>
  Buffer.from(`Subject: the report\n\n${text}\nContent-Transfer-Encoding: base64\n\n${attached}\n`, 'latin1');

let pair: TripPair;
beforeEach(async () => {
  pair = await TripPair.make();
});
afterEach(() => pair.close());

/** One mail up; the bytes that the line carried, once it has arrived as it is. */
async function carry(mail: Buffer, cuts: Parameters<TripPair['trip']>[0] = {}): Promise<number> {
  await pair.agent.post(mail);
  const { agent, bytesUp } = await pair.trip(cuts);
  expect([agent.error, agent.complete]).toEqual([undefined, true]);
  expect((await pair.hub.bodies('internet')).includes(mail.toString('latin1'))).toBe(true);
  return bytesUp;
}

test('a report of 5 MB goes once; sent again with other words it costs a few pieces at most', async () => {
  expect(await carry(mailOf('first'))).toBeGreaterThan(4_000_000);
  expect(await carry(mailOf('again, with more words than the first time'))).toBeLessThan(400_000);
  const changed = `${report.slice(0, 2_000_000)}\n\nother\n\n${report.slice(2_000_000)}`;
  expect(await carry(mailOf('changed in the middle', changed))).toBeLessThan(1_500_000);
});

test('what the other side has lost is asked for again, in the same trip', async () => {
  await carry(mailOf('first'));
  const parts = [...pair.hub.disk.files.keys()].filter((key) => key.startsWith('parts/in/'));
  expect(parts.length).toBeGreaterThan(4);
  for (const key of parts.slice(2)) pair.hub.disk.files.delete(key);
  expect(await carry(mailOf('second'))).toBeGreaterThan(4_000_000);
  expect(await carry(mailOf('third'))).toBeGreaterThan(4_000_000);
});

test('a cut in the middle goes on at its byte, with pieces and without', async () => {
  await pair.agent.post(mailOf('cut'));
  await pair.trip({ up: 2_000_000 });
  const { agent, bytesUp } = await pair.trip();
  expect(agent).toMatchObject({ complete: true, resumed: 1 });
  expect(bytesUp).toBeLessThan(2_300_000);
  expect(await carry(mailOf('again'))).toBeLessThan(400_000);
});

test('an older peer gets what it reads', async () => {
  const older = { agentSide: { peerCodecs: () => CODECS_FIRST } };
  expect(await carry(mailOf('first'), older)).toBeGreaterThan(4_000_000);
  expect(await carry(mailOf('second'), older)).toBeGreaterThan(4_000_000);
  expect([...pair.hub.disk.files.keys()].some((key) => key.startsWith('parts/'))).toBe(false);
});

/** Unsealed, of what a peer may have made up. */
async function unsealed(content: Buffer, packed: number, held = heldParts()): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of unsealPieces(bytesBody(zstdCompressSync(content)), packed, held)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
const heldParts = (): HeldParts => new HeldParts({ store: new Session(new Disk('apart')), prefix: 'parts/in' });

test('pieces that nobody can have made are refused, and no more is taken than was announced', async () => {
  const piece = noise('piece', 100_000);
  const literal = Buffer.concat([encodeVarint(piece.length), piece]);
  const name = Buffer.concat([Buffer.from([0]), Buffer.from(partHash(piece), 'hex')]);
  expect(await unsealed(Buffer.concat([literal, name]), 200_000)).toEqual(Buffer.concat([piece, piece]));
  await expect(unsealed(name, 100_000)).rejects.toThrow(PieceMissing);
  for (const [content, packed] of [
    [literal.subarray(0, -1), 100_000],
    [Buffer.concat([literal, name]), 199_999],
    [Buffer.concat([literal, name]), 200_001],
    [Buffer.concat([literal, ...Array<Buffer>(1_000).fill(name)]), 300_000],
    [Buffer.from([0, 1, 2]), 100],
    [Buffer.concat([encodeVarint(1_000_001), Buffer.alloc(1_000_001)]), 1_000_001],
    [Buffer.from([255, 255, 255, 255, 1]), 100],
    [Buffer.alloc(3_000_000, 1), 1_000],
  ] as const)
    await expect(unsealed(content, packed)).rejects.toThrow(TripError);
  const small = heldParts();
  await small.keep([Buffer.alloc(1_500_000, 7)]);
  const large = Buffer.concat([Buffer.from([0]), Buffer.from(partHash(Buffer.alloc(1_500_000, 7)), 'hex')]);
  await expect(unsealed(large, 1_500_000, small)).rejects.toThrow(TripError);
});

test('the same mail seals to the same bytes, however it is read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-pieces-'));
  try {
    const mail = mailOf('twice');
    const known = new KnownParts({ store: new Session(new Disk('apart')), prefix: 'parts/out' });
    const sliced = {
      size: mail.length,
      async *read() {
        for (let at = 0; at < mail.length; at += 777) yield mail.subarray(at, at + 777);
      },
    };
    const [one, other] = [bytesBody(mail), sliced].map((body) => sealPieces(body, { folder, known }));
    const sealed = await Promise.all([one, other]);
    expect(sealed[0]?.carried.length).toBeGreaterThan(4);
    expect(sealed[1]?.sealed.hash).toBe(sealed[0]?.sealed.hash);
    const body = sealed[0]?.sealed.body ?? bytesBody(Buffer.alloc(0));
    const chunks: Uint8Array[] = [];
    for await (const chunk of unsealPieces(body, mail.length, heldParts())) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(mail)).toBe(true);
    for (const pieced of sealed) await pieced?.sealed.discard();
  } finally {
    await rm(folder, { recursive: true });
  }
});
