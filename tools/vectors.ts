/** `node tools/vectors.ts` writes test/vectors: frames, and a batch, as PROTOCOL.md describes them, for whoever writes another end. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, zstdCompressSync } from 'node:zlib';
import { encodeBatchMark } from '../shared/core/batch.ts';
import { encodeFrameHead } from '../shared/core/frame.ts';
import { encodeGroup, type GroupMail, partsOf } from '../shared/core/group.ts';
import { EMPTY_POINT, History } from '../shared/core/history.ts';
import { SHIPPED_DICTIONARY } from '../shared/core/shipped-dictionary.ts';
import { encodeHello, type Hello } from '../shared/core/trip-greeting.ts';
import { CODECS_KNOWN, encodeDone, encodeOffer } from '../shared/core/trip-message.ts';
import { encodeRecord, encodeVarint, RECORD } from '../shared/core/trip-record.ts';
import { sealBatch } from '../shared/io/batch-file.ts';
import { bytesBody, readBody } from '../shared/io/body.ts';
import { sealGroup } from '../shared/io/group-seal.ts';
import { partHash } from '../shared/io/parts.ts';
import { ROOT } from './project.ts';

const folder = join(ROOT, 'test/vectors');
const dictionary = brotliDecompressSync(Buffer.from(SHIPPED_DICTIONARY, 'base64'));
const history = new History(dictionary);

const mail = (sender: string, recipients: readonly string[], body: string): GroupMail => ({
  head: { sender, recipients, hops: 1, urgency: 5 },
  body: Buffer.from(body, 'latin1'),
});
const noise = createHash('sha512').update('a vector').digest().toString('base64');
const attached = Buffer.concat(
  Array.from({ length: 40 }, (_, index) => createHash('sha512').update(`a part ${index}`).digest()),
);
interface Frame {
  readonly base?: string;
  /** Whether it builds on the parts of its mails, which came before. */
  readonly again?: boolean;
  readonly mails: readonly GroupMail[];
}
const frames: readonly Frame[] = [
  { mails: [mail('holly@example.org', ['farid@herat.example.org'], 'Subject: one\n\nat four\n')] },
  {
    mails: [
      mail('', ['a@example.org', 'b@example.org'], `Subject: two\n\n${noise.slice(0, 60)}\n${noise.slice(60)}\n`),
      mail('farid@herat.example.org', ['holly@example.org'], 'Subject: \x01 three\r\n\r\nat four\r\n\xe9'),
    ],
  },
  {
    mails: [
      mail(
        'holly@example.org',
        ['farid@herat.example.org'],
        `Content-Transfer-Encoding: quoted-printable\n\n${'caf=C3=A9 =3D four '.repeat(4)}=\n${'at four=2E '.repeat(6)}\nlast=20\n`,
      ),
    ],
  },
  {
    again: true,
    mails: [
      mail(
        'holly@example.org',
        ['farid@herat.example.org'],
        `Content-Transfer-Encoding: base64\n\n${attached.toString('base64').replace(/.{76}/g, '$&\n')}\n`,
      ),
    ],
  },
  { base: EMPTY_POINT, mails: [mail('holly@example.org', ['farid@herat.example.org'], 'Subject: one\n\nat four\n')] },
];

mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'dictionary.bin'), dictionary);
const described: unknown[] = [];
for (const [index, frame] of frames.entries()) {
  const { mails, base = history.tip, again } = frame;
  const content = encodeGroup(mails);
  const parts = again ? partsOf(content) : [];
  const sealed = await sealGroup({
    base,
    quality: 11,
    dictionary: history.dictionary(base) ?? Buffer.alloc(0),
    content,
    parts: new Map(parts.map((part) => [partHash(part), part])),
    carried: [],
  });
  const record = encodeOffer({
    seq: index + 1,
    ...sealed,
    start: 0,
  });
  writeFileSync(join(folder, `frame-${index + 1}.content`), content);
  writeFileSync(join(folder, `frame-${index + 1}.sealed`), await readBody(sealed.body));
  for (const part of parts) writeFileSync(join(folder, `${partHash(part)}.part`), part);
  described.push({
    base,
    point: history.append({ base, bytes: content }),
    offer: Buffer.from(record).subarray(2).toString('hex'),
    mails: mails.map(({ head, body }) => ({ ...head, body: body.toString('base64') })),
  });
}

/** A mail in pieces, of which the receiver has the one in the middle. */
const lines = Array.from({ length: 520 }, (_, n) => createHash('sha512').update(`a line ${n}`).digest('hex'));
const piece = Buffer.from(`${lines.join('\n')}\n`);
const { head, body } = mail('holly@example.org', ['farid@herat.example.org'], 'Subject: log\n\n');
const [start, end] = [Buffer.concat([encodeFrameHead(head), body]), Buffer.from('at four\n')];
const pieces = [
  ...[encodeVarint(start.length), start],
  ...[encodeVarint(0), Buffer.from(partHash(piece), 'hex')],
  ...[encodeVarint(end.length), end],
];
const packed = Buffer.concat([start, piece, end]);
writeFileSync(join(folder, 'pieces.sealed'), zstdCompressSync(Buffer.concat(pieces)));
writeFileSync(join(folder, `${partHash(piece)}.part`), piece);
const pieced = { packed: packed.length, sha256: createHash('sha256').update(packed).digest('hex') };
writeFileSync(join(folder, 'pieces.json'), `${JSON.stringify(pieced, null, 2)}\n`);

/** An office's batch of one frame, long enough for several chunks. */
const batchMail = mail(
  'farid@herat.example.org',
  ['holly@example.org'],
  `Subject: photo\nContent-Transfer-Encoding: base64\n\n${Buffer.concat([attached, attached.toReversed()]).toString('base64')}\n`,
);
const base = new History(dictionary).tip;
const content = encodeGroup([batchMail]);
const apart = await sealGroup({ base, apart: true, quality: 5, dictionary, content, parts: new Map(), carried: [] });
const instance = '0011223344556677';
const greeting: Hello = {
  ...{ version: 1, instance, counter: 2, up: true, down: true, codecs: CODECS_KNOWN },
  ...{ directory: '', mailBytesMax: 0, floor: 1 },
};
const records = Buffer.concat([
  encodeBatchMark({ instance, point: base, settled: 1 }),
  encodeHello(greeting),
  encodeRecord(RECORD.ready),
  encodeOffer({ seq: 1, ...apart, start: 0 }),
  encodeRecord(RECORD.data, await readBody(apart.body)),
  encodeDone({ mails: 0, bytes: 0 }),
]);
const whose = { keyId: '0123456789abcdef', generation: 1, way: 'up' } as const;
const [key, salt] = [createHash('sha256').update('a key').digest(), '00112233445566778899aabbccddeeff'];
const chunks: Uint8Array[] = [];
for await (const chunk of sealBatch(bytesBody(records).read(), { ...whose, key, salt })) chunks.push(chunk);
writeFileSync(join(folder, 'up.batch'), Buffer.concat(chunks));
writeFileSync(join(folder, 'up.records'), records);
const batch = {
  ...whose,
  key: key.toString('hex'),
  salt,
  mail: { ...batchMail.head, body: batchMail.body.toString('base64') },
};
writeFileSync(join(folder, 'batch.json'), `${JSON.stringify(batch, null, 2)}\n`);
writeFileSync(join(folder, 'frames.json'), `${JSON.stringify(described, null, 2)}\n`);
