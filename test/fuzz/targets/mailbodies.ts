/** What mail is packed into on the way: groups, lifted base64, quoted-printable, histories, sealed frames, batch files. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, zstdCompressSync } from 'node:zlib';
import { decodeBatchHead, encodeBatchHead } from '../../../shared/core/batch.ts';
import { decodeGroup, encodeGroup, GROUP_BYTES_MAX, partsOf } from '../../../shared/core/group.ts';
import { lift, lower, runsOf } from '../../../shared/core/lift.ts';
import { decodeQuoted, encodeQuoted, findQuoted } from '../../../shared/core/quoted.ts';
import { encodeVarint, TripError } from '../../../shared/core/trip-record.ts';
import { BatchError, openBatch, readBatchHead, sealBatch } from '../../../shared/io/batch-file.ts';
import { bytesBody } from '../../../shared/io/body.ts';
import { unsealGroup } from '../../../shared/io/group-seal.ts';
import { HistoryLog } from '../../../shared/io/history-log.ts';
import { HeldParts } from '../../../shared/io/parts.ts';
import { unseal } from '../../../shared/io/seal.ts';
import { Broken, type FuzzTarget, must, none, only, text } from '../target.ts';
import { storeOf } from './store-of.ts';

const TEST = join(import.meta.dirname, '../..');
const filesIn = (folder: string, matches: RegExp): readonly Buffer[] =>
  readdirSync(join(TEST, folder))
    .filter((name) => matches.test(name))
    .sort()
    .map((name) => readFileSync(join(TEST, folder, name)));

const CRLF = /\r\n/g;
/** Small real mails, with LF line ends. */
export const mails = (bytesMax: number): readonly Buffer[] =>
  [...filesIn('corpus/mime-torture', /\.eml$/), ...filesIn('corpus/office-day', /\.eml$/)]
    .map((mail) => Buffer.from(mail.toString('latin1').replace(CRLF, '\n'), 'latin1'))
    .map((mail) => mail.subarray(0, bytesMax));

const contents = (): readonly Buffer[] => filesIn('vectors', /\.content$/);
const HEAD = { sender: 'farid@herat.example.org', recipients: ['friend@example.com'], hops: 1, urgency: 5 };
const BASE64 = Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 77) & 255))
  .toString('base64')
  .replace(/.{76}/g, '$&\n');
const QUOTED =
  'Content-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9 with a rather long line that has to be broken softly some=\nwhere =3D here =\nand there=20\nend=\n.\n';
const LIFTABLE = text('Subject: x\nContent-Transfer-Encoding: base64\n\n', BASE64, '\n\u0001\n', QUOTED);

/** Errors that `lower` and what it calls say, for whoever knows which frame it was. */
const LIFT_FAULT = /^(?:a lifted body|a number)/;
const allowsLift = (error: Error): boolean => LIFT_FAULT.test(error.message);

const group: FuzzTarget = {
  name: 'group',
  of: 'shared/core/group.ts',
  seeds: () => [
    ...contents().filter(({ length }) => length < 20_000),
    encodeGroup([
      { head: HEAD, body: LIFTABLE },
      { head: { ...HEAD, sender: '' }, body: text('plain\n') },
    ]),
    encodeGroup([{ head: HEAD, body: text('Subject: y\n\n', BASE64) }]),
  ],
  tokens: [
    encodeVarint(2 ** 53 - 1),
    encodeVarint(GROUP_BYTES_MAX),
    encodeVarint(100),
    Buffer.from([1, 1]),
    Buffer.from([1, 2]),
    Buffer.from([1, 3]),
  ],
  sizeMax: 20_000,
  allows: only(TripError),
  run(input) {
    const decoded = decodeGroup(input);
    for (const part of partsOf(input)) must(part.length <= input.length, 'a part is a piece of it');
    const bytes = decoded.reduce((sum, { body }) => sum + body.length, 0);
    must(bytes <= GROUP_BYTES_MAX, 'no more comes out than the bound');
    if (bytes > 100_000) return 'large';
    const once = decodeGroup(encodeGroup(decoded));
    must(
      once.length === decoded.length && once.every(({ body }, index) => decoded[index]?.body.equals(body)),
      'sent again it is the same',
    );
    return `${decoded.length} mails`;
  },
};

const liftTarget: FuzzTarget = {
  name: 'lift',
  of: 'shared/core/lift.ts',
  seeds: () => [LIFTABLE, ...mails(4_000).slice(0, 30)],
  tokens: [
    '\n',
    '\r\n',
    '=\n',
    '=3D',
    '\u0001',
    '\u0001\u0002',
    BASE64.slice(0, 77),
    'AAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    '--',
    'boundary="b"',
    '\n--b\n',
    'Content-Transfer-Encoding: quoted-printable\n\n',
  ],
  allows: none,
  run(input) {
    const lifted = lift(input);
    let back: Buffer | undefined;
    try {
      back = lower(lifted, input.length);
    } catch (error) {
      if (!allowsLift(error as Error)) throw error;
    }
    const [mail] = decodeGroup(encodeGroup([{ head: HEAD, body: input }]));
    must(mail?.body.equals(input) === true, 'a mail comes out as it went in');
    if (back?.equals(input))
      must(
        runsOf(lifted).reduce((sum, { length }) => sum + length, 0) === lifted.binary.length,
        'runs are all of the binary',
      );
    return `${back ? back.equals(input) : 'not'} ${lifted.binary.length > 0} ${findQuoted(input).length}`;
  },
};

const lowerTarget: FuzzTarget = {
  name: 'lower',
  of: 'shared/core/lift.ts (lower), shared/core/quoted.ts (decodeQuoted)',
  seeds: () =>
    [LIFTABLE, ...mails(3_000).slice(0, 20)].map((mail) => {
      const { text: kept, binary } = lift(mail);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(kept.length);
      return Buffer.concat([length, kept, binary]);
    }),
  tokens: [
    Buffer.from([1, 0]),
    Buffer.from([1, 1, 200, 1]),
    Buffer.from([1, 2, 4, 1, 0, 80]),
    Buffer.from([1, 2, 76, 76, 1, 10, 200, 2]),
    Buffer.from([1, 3, 76, 0, 0, 5]),
    encodeVarint(2 ** 53 - 1),
    encodeVarint(2 ** 32),
  ],
  allows: allowsLift,
  run(input) {
    const kept = Math.min(input.length < 2 ? 0 : input.readUInt16BE(0), Math.max(0, input.length - 2));
    const lifted = { text: input.subarray(2, 2 + kept), binary: input.subarray(2 + kept) };
    const out = lower(lifted, 50_000);
    must(out.length <= 50_000, 'no more comes out than was said');
    runsOf(lifted);
    return `lowers ${Math.min(out.length, 10)}`;
  },
};

const quoted: FuzzTarget = {
  name: 'quoted',
  of: 'shared/core/quoted.ts',
  seeds: () => [
    text(QUOTED.slice(QUOTED.indexOf('\n\n') + 2)),
    text('=41=42\nb =\n=20\n'),
    text(`${'a'.repeat(75)}=\n${'=C3'.repeat(25)}=\nx\n`),
  ],
  tokens: ['=\n', '=20', '=3D', '=0A', '=00', '=ff', '\t\n', ' \n', '\n\n'],
  allows: none,
  run(input) {
    const encoded = encodeQuoted(input);
    if (!encoded) return 'left as it is';
    const { part, end } = decodeQuoted(encoded, 0);
    must(part.equals(input) && end === encoded.length, 'decoded it is what it was');
    must(encoded.length < input.length, 'it is shorter');
    return `shorter by ${Math.min(5, input.length - encoded.length)}`;
  },
};

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

const history: FuzzTarget = {
  name: 'history',
  of: 'shared/io/history-log.ts, shared/core/history.ts',
  seeds: () => [
    Buffer.concat([Buffer.alloc(8), encodeVarint(5), text('hello'), Buffer.alloc(8), encodeVarint(3), text('bye')]),
    Buffer.concat([Buffer.from('0011223344556677', 'hex'), encodeVarint(0)]),
  ],
  tokens: [Buffer.alloc(8), encodeVarint(1_000_000), encodeVarint(1_000_001), encodeVarint(2 ** 53 - 1)],
  allows: none,
  async run(input) {
    const log = new HistoryLog({ store: storeOf(new Map([['h/000000000001', input]])), prefix: 'h', log: SILENT });
    const read = await log.history();
    must(read.dictionary(read.tip) !== undefined, 'the newest point has its dictionary');
    must((await log.append({ base: read.tip, bytes: text('x') })) === read.tip, 'it can be built upon');
    return `${Math.min(5, read.records.length)} records`;
  },
};

const squeezed = (content: Uint8Array): Buffer =>
  Buffer.concat([Uint8Array.of(0), brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })]);
const NO_PARTS = new HeldParts({ store: storeOf(new Map()), prefix: 'p' });
const PACKED = 3_000;

const sealedGroup: FuzzTarget = {
  name: 'sealed-group',
  of: 'shared/io/group-seal.ts, shared/io/brotli.ts',
  seeds: () => [
    squeezed(Buffer.alloc(PACKED, 'mail ')),
    squeezed(LIFTABLE),
    squeezed(Buffer.alloc(2_000_000)),
    Buffer.concat([Uint8Array.of(1), Buffer.alloc(32, 1), squeezed(text('x')).subarray(1)]),
  ],
  tokens: [Uint8Array.of(16), Uint8Array.of(17), Buffer.alloc(32)],
  allows: only(TripError),
  async run(input) {
    const content = await unsealGroup(input, { held: NO_PARTS, dictionary: Buffer.alloc(0), size: PACKED });
    must(content === undefined || content.length === PACKED, 'exactly what was announced');
    return content ? 'opens' : 'a part is not here';
  },
};

const sealedFrame: FuzzTarget = {
  name: 'sealed-frame',
  of: 'shared/io/seal.ts',
  seeds: () => [
    zstdCompressSync(Buffer.alloc(PACKED, 'mail ')),
    zstdCompressSync(LIFTABLE),
    zstdCompressSync(Buffer.alloc(5_000_000)),
  ],
  tokens: [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), Buffer.from([0x50, 0x2a, 0x4d, 0x18])],
  allows: only(TripError),
  async run(input) {
    let length = 0;
    for await (const chunk of unseal(bytesBody(input), PACKED)) length += chunk.length;
    must(length === PACKED, 'exactly what was announced');
    return 'opens';
  },
};

const KEY = Buffer.alloc(32, 3);
const WHOSE = { keyId: '0123456789abcdef', generation: 1, way: 'up' } as const;
const RECORDS = Buffer.alloc(70_000, 'records ');

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function sealed(): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of sealBatch(once(RECORDS), { ...WHOSE, key: KEY, salt: '00'.repeat(16) })) parts.push(part);
  return Buffer.concat(parts);
}
const SEALED = await sealed();

const batchFile: FuzzTarget = {
  name: 'batch-file',
  of: 'shared/io/batch-file.ts',
  seeds: () => [SEALED, SEALED.subarray(0, 47), SEALED.subarray(0, 47 + 65_552)],
  tokens: ['fieldpost batch 1\n', Buffer.alloc(16)],
  sizeMax: 80_000,
  allows: only(BatchError),
  async run(input) {
    const { head, rest } = await readBatchHead(once(input));
    must(
      input.subarray(0, 47).equals(encodeBatchHead(head)) && decodeBatchHead(input) !== undefined,
      'a head is what it was written as',
    );
    let at = 0;
    try {
      for await (const plain of openBatch(rest, { head, key: KEY })) {
        if (!RECORDS.subarray(at, at + plain.length).equals(plain)) throw new Broken('only what was written comes out');
        at += plain.length;
      }
    } finally {
      if (at > 0) must(SEALED.subarray(0, 47).equals(input.subarray(0, 47)), 'nothing opens under another head');
    }
    must(at === RECORDS.length && input.equals(SEALED), 'a file without a fault is the whole file');
    return 'whole';
  },
};

export const MAIL_BODIES = [group, liftTarget, lowerTarget, quoted, history, sealedGroup, sealedFrame, batchFile];
