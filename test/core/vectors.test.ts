/** The vectors of test/vectors are what PROTOCOL.md says in words; another program can be tried on them. */
import { createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { brotliDecompressSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { BatchReader, batchFileBytes, decodeBatchHead } from '../../shared/core/batch.ts';
import { decodeFrameHead } from '../../shared/core/frame.ts';
import { decodeGroup, encodeGroup } from '../../shared/core/group.ts';
import { EMPTY_POINT, History, pointAfter } from '../../shared/core/history.ts';
import { decodeOffer } from '../../shared/core/trip-message.ts';
import { FieldReader } from '../../shared/core/trip-record.ts';

const vector = (name: string): Buffer => readFileSync(new URL(`../vectors/${name}`, import.meta.url));

interface Frame {
  readonly base: string;
  readonly point: string;
  /** The OFFER's payload, hex. */
  readonly offer: string;
  readonly mails: readonly {
    readonly sender: string;
    readonly recipients: readonly string[];
    readonly hops: number;
    readonly urgency: number;
    readonly body: string;
  }[];
}
const frames = JSON.parse(vector('frames.json').toString()) as readonly Frame[];

test('contents, points, sealed frames and their offers', () => {
  const history = new History(vector('dictionary.bin'));
  for (const [index, { base, point, offer, mails }] of frames.entries()) {
    const content = vector(`frame-${index + 1}.content`);
    const sealed = vector(`frame-${index + 1}.sealed`);
    const read = decodeGroup(content).map(({ head, body }) => ({ ...head, body: body.toString('base64') }));
    expect(read).toEqual(mails);
    expect(encodeGroup(decodeGroup(content)).equals(content)).toBe(true);
    const dictionary = history.dictionary(base);
    const parts = Array.from({ length: sealed[0] ?? 0 }, (_, n) =>
      vector(`${sealed.subarray(1 + n * 32, 33 + n * 32).toString('hex')}.part`),
    );
    const against = { dictionary: Buffer.concat([...parts, dictionary ?? Buffer.alloc(0)]) } as object;
    expect(brotliDecompressSync(sealed.subarray(1 + parts.length * 32), against).equals(content)).toBe(true);
    expect(pointAfter(base, content)).toBe(point);
    expect(history.append({ base, bytes: content })).toBe(point);
    expect(decodeOffer(Buffer.from(offer, 'hex'))).toMatchObject({
      base,
      length: sealed.length,
      packed: content.length,
    });
  }
  expect(frames.at(-1)?.base).toBe(EMPTY_POINT);
});

interface Batch {
  readonly keyId: string;
  readonly generation: number;
  readonly key: string;
  readonly salt: string;
  readonly mail: Frame['mails'][number];
}

/** As PROTOCOL.md says it, by Node's own means. */
function opened(file: Buffer, { key, salt }: Batch): Buffer {
  const head = file.subarray(0, 47);
  const batchKey = hkdfSync('sha256', Buffer.from(key, 'hex'), Buffer.from(salt, 'hex'), 'fieldpost batch up', 32);
  const chunks: Buffer[] = [];
  for (let at = 47; at < file.length; at += 4_112) {
    const chunk = file.subarray(at, at + 4_112);
    const nonce = Buffer.alloc(12);
    nonce.writeUIntBE(chunks.length, 5, 6);
    nonce[11] = at + 4_112 >= file.length ? 1 : 0;
    const decipher = createDecipheriv('chacha20-poly1305', Buffer.from(batchKey), nonce, { authTagLength: 16 });
    decipher.setAAD(head, { plaintextLength: chunk.length - 16 }).setAuthTag(chunk.subarray(-16));
    chunks.push(Buffer.concat([decipher.update(chunk.subarray(0, -16)), decipher.final()]));
  }
  return Buffer.concat(chunks);
}

test('a batch, its records, and the mail in it', () => {
  const file = vector('up.batch');
  const records = vector('up.records');
  const batch = JSON.parse(vector('batch.json').toString()) as Batch;
  expect(decodeBatchHead(file)).toMatchObject({ keyId: batch.keyId, generation: batch.generation, way: 'up' });
  expect(file.length).toBe(batchFileBytes(records.length));
  expect(records.length).toBeGreaterThan(4_096);
  expect(opened(file, batch).equals(records)).toBe(true);
  const events = [...new BatchReader('up').push(records)];
  expect(events.map(({ type }) => type)).toEqual(['greeting', 'offer', 'data', 'arrived', 'done']);
  const frame = Buffer.concat(events.flatMap((event) => (event.type === 'data' ? [event.bytes] : [])));
  expect(frame[0]).toBe(0);
  const content = brotliDecompressSync(frame.subarray(1), { dictionary: vector('dictionary.bin') } as object);
  const [mail] = decodeGroup(content);
  expect({ ...mail?.head, body: mail?.body.toString('base64') }).toEqual(batch.mail);
});

test('a mail in pieces', async () => {
  const { packed, sha256 } = JSON.parse(vector('pieces.json').toString()) as { packed: number; sha256: string };
  const read = new FieldReader(zstdDecompressSync(vector('pieces.sealed')));
  const pieces: Buffer[] = [];
  while (read.left > 0) {
    const length = read.varint();
    pieces.push(length === 0 ? vector(`${read.hex(32)}.part`) : read.bytes(length));
  }
  const plain = Buffer.concat(pieces);
  expect(plain.length).toBe(packed);
  expect(createHash('sha256').update(plain).digest('hex')).toBe(sha256);
  const found = decodeFrameHead(plain);
  expect(found?.head).toMatchObject({ sender: 'holly@example.org', recipients: ['farid@herat.example.org'] });
  expect(plain.subarray(found?.length).toString('latin1')).toMatch(
    /^Subject: log\n\n[0-9a-f]{128}\n[\s\S]*\nat four\n$/,
  );
});
