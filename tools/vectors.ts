/** `node tools/vectors.ts` writes test/vectors: frames as PROTOCOL.md describes them, for whoever writes another end. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { encodeGroup, type GroupMail } from '../shared/core/group.ts';
import { EMPTY_POINT, History } from '../shared/core/history.ts';
import { SHIPPED_DICTIONARY } from '../shared/core/shipped-dictionary.ts';
import { CODEC, encodeOffer } from '../shared/core/trip-message.ts';
import { squeeze } from '../shared/io/brotli.ts';
import { ROOT } from './project.ts';

const folder = join(ROOT, 'test/vectors');
const dictionary = brotliDecompressSync(Buffer.from(SHIPPED_DICTIONARY, 'base64'));
const history = new History(dictionary);

const mail = (sender: string, recipients: readonly string[], body: string): GroupMail => ({
  head: { sender, recipients, hops: 1, urgency: 5 },
  body: Buffer.from(body, 'latin1'),
});
const noise = createHash('sha512').update('a vector').digest().toString('base64');
const frames: readonly { readonly base?: string; readonly mails: readonly GroupMail[] }[] = [
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
  { base: EMPTY_POINT, mails: [mail('holly@example.org', ['farid@herat.example.org'], 'Subject: one\n\nat four\n')] },
];

mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'dictionary.bin'), dictionary);
const described: unknown[] = [];
for (const [index, frame] of frames.entries()) {
  const { mails, base = history.tip } = frame;
  const content = encodeGroup(mails);
  const sealed = await squeeze(content, { dictionary: history.dictionary(base) ?? Buffer.alloc(0), quality: 11 });
  const hash = createHash('sha256').update(sealed).digest('hex').slice(0, 16);
  const record = encodeOffer({
    seq: index + 1,
    hash,
    codec: CODEC.brotli,
    base,
    length: sealed.length,
    packed: content.length,
    start: 0,
  });
  writeFileSync(join(folder, `frame-${index + 1}.content`), content);
  writeFileSync(join(folder, `frame-${index + 1}.sealed`), sealed);
  described.push({
    base,
    point: history.append({ base, bytes: content }),
    offer: Buffer.from(record).subarray(2).toString('hex'),
    mails: mails.map(({ head, body }) => ({ ...head, body: body.toString('base64') })),
  });
}
writeFileSync(join(folder, 'frames.json'), `${JSON.stringify(described, null, 2)}\n`);
