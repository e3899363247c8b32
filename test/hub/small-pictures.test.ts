import { deflateSync } from 'node:zlib';
import decodeJpeg, { init } from '@jsquash/jpeg/decode.js';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { choiceOf } from '../../hub/held-choice.ts';
import { smallPicture } from '../../hub/mail-parts.ts';
import { pictureSize } from '../../hub/picture.ts';
import { wasmOf } from '../../hub/picture-wasm.ts';
import { exchange, heldAtOffice, mailbox, refusals, reply, replyTo } from '../support/held-mail.ts';
import { jpeg, png, pngOf } from '../support/picture.ts';
import { type SyncPair, syncPair } from '../support/sync-office.ts';

// Pictures of some megapixels are made, and a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 });

let pair: SyncPair | undefined;
afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

async function opened(bytes: Uint8Array): Promise<CodecPixels> {
  await init(wasmOf('jpegDecoder'), { print: () => undefined, printErr: () => undefined });
  return decodeJpeg(Uint8Array.from(bytes).buffer, { preserveOrientation: false });
}

/** All before the picture itself (SOS). */
const headOf = (picture: Buffer): Buffer => picture.subarray(0, picture.indexOf(Buffer.of(0xff, 0xda)));

async function small(bytes: Uint8Array): Promise<Buffer> {
  const shrunk = await smallPicture(bytes);
  if ('why' in shrunk) throw new Error(shrunk.why);
  return Buffer.from(shrunk.bytes);
}

/** Whether a pixel at these parts of width and height is of the red mark. */
function isRed({ data, width, height }: CodecPixels, x: number, y: number): boolean {
  const at = (Math.floor(y * height) * width + Math.floor(x * width)) * 4;
  return (data[at] ?? 0) > 180 && (data[at + 1] ?? 255) < 80;
}

describe('a picture', () => {
  test('of a camera becomes a JPEG of 1,024 pixels, a small part of its bytes, and shows the same', async () => {
    const photo = await jpeg(2_400, 1_600);
    const bytes = await small(photo);
    expect(pictureSize(bytes)).toEqual({ kind: 'jpeg', width: 1_024, height: 683 });
    expect(bytes.length).toBeLessThan(photo.length / 4);
    const picture = await opened(bytes);
    expect([isRed(picture, 0.2, 0.05), isRed(picture, 0.8, 0.05), isRed(picture, 0.2, 0.5)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('that was held upright comes upright, and without what the camera wrote into it', async () => {
    // 6: the camera was turned; the upper edge is on the right.
    const bytes = await small(await jpeg(1_600, 1_200, 6));
    expect(pictureSize(bytes)).toEqual({ kind: 'jpeg', width: 768, height: 1_024 });
    expect(bytes.includes('Exif')).toBe(false);
    const picture = await opened(bytes);
    expect([isRed(picture, 0.95, 0.2), isRed(picture, 0.95, 0.8), isRed(picture, 0.1, 0.2)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('of a screen, a PNG, becomes a JPEG', async () => {
    expect(pictureSize(await small(png(1_500, 600)))).toEqual({ kind: 'jpeg', width: 1_024, height: 410 });
  });

  test.each<[string, () => Promise<Uint8Array> | Uint8Array, string]>([
    ['is none', () => Buffer.alloc(50_000, 'photo'), 'it is no JPEG or PNG'],
    ['breaks off in its first segments', () => Buffer.from('ffd8ffe00001', 'hex'), 'it is no JPEG or PNG'],
    ['is small already', async () => small(await jpeg(1_200, 900)), 'it is small already'],
    ['says that it has 2^60 pixels', () => pngOf(2 ** 30, 2 ** 30, Buffer.alloc(30)), 'more than 26 million pixels'],
    [
      'unpacks to other pixels than it has',
      () => pngOf(4_000, 4_000, deflateSync(Buffer.alloc(9_000))),
      'it is damaged',
    ],
    ['has a head alone', async () => headOf(await jpeg(800, 600)), 'it is damaged'],
  ])('that %s is not made small, and it is said why', async (_, make, why) => {
    expect(await smallPicture(await make())).toEqual({ why: expect.stringContaining(why) });
  });

  test('that takes too long is given up, and the next one is made small', async () => {
    const photo = await jpeg(2_400, 1_600);
    expect(await smallPicture(photo, 1)).toEqual({ why: 'it takes too long' });
    expect(pictureSize(await small(photo))?.width).toBe(1_024);
  });

  test('of any bytes at all has a size or none', () => {
    const bytes = fc.tuple(
      fc.constantFrom('', 'ffd8', 'ffd8ffe1', '89504e470d0a1a0a'),
      fc.uint8Array({ maxLength: 200 }),
    );
    fc.assert(
      fc.property(bytes, ([head, rest]) => {
        const size = pictureSize(Buffer.concat([Buffer.from(head, 'hex'), rest]));
        expect(size === undefined || size.width >= 0).toBe(true);
      }),
    );
  });
});

test.each<[string, unknown]>([
  ['small', { small: [] }],
  ['Small 2, 3, 2.', { small: [2, 3] }],
  ['smaller', undefined],
  ['small all', undefined],
])('the line "%s"', (line, choice) => {
  expect(choiceOf(line)).toEqual(choice);
});

/** A mail with these attachments. */
function mailWith(...parts: readonly (readonly [name: string, type: string, bytes: Uint8Array])[]): Buffer {
  const texts = parts.map(
    ([name, type, bytes]) =>
      `--b\nContent-Type: ${type}\nContent-Disposition: attachment; filename=${name}\nContent-Transfer-Encoding: base64\n\n${Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\n')}\n`,
  );
  return Buffer.from(
    `From: <friend@example.com>\nSubject: bridge\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nlook\n${texts.join('')}--b--\n`,
  );
}

test('a reply with "small" brings the pictures made small, and says what could not be', async () => {
  pair = await syncPair({ tables: true });
  pair.agent.config.link.push({ name: 'iridium', price_per_mb: 100, max_mail: 20_000 });
  pair.change({ limits: { ...pair.hub.directory.current.offices.get('herat')!.limits, holdBytesMax: 20_000 } });
  const photo = await jpeg(2_000, 1_500);
  const bytes = mailWith(
    ['bridge.jpg', 'image/jpeg', photo],
    ['table.csv', 'text/csv', Buffer.alloc(12_000, 'a;b\n')],
    ['broken.jpg', 'image/jpeg', headOf(photo)],
  );
  const summary = await heldAtOffice(pair, { bytes });
  const bytesSmall = (await small(photo)).length;
  const price = (((bytesSmall + 900) / 1e6) * 100).toFixed(2);
  const said = `small    picture 1 made small (1024 pixels), ${Math.round(bytesSmall / 1_000)} KB  ${price}\n`;
  expect(summary).toContain(said);

  await reply(pair, { to: replyTo(summary), text: 'small' });
  await exchange(pair);
  const [, come = ''] = await mailbox(pair);
  expect(come).toContain('Subject: bridge\n');
  expect(come).toContain('filename="bridge-small.jpg"');
  expect(come).toMatch(/\n1: \d+ KB instead of \d+ KB|sides?\. 1: \d+ KB instead of/);
  const packed = come.slice(come.indexOf('\n\n', come.indexOf('bridge-small.jpg')));
  expect(pictureSize(Buffer.from(packed, 'base64'))).toEqual({ kind: 'jpeg', width: 1_024, height: 768 });
  expect(come.length).toBeLessThan(bytesSmall * 1.4 + 1_500);

  await reply(pair, { to: replyTo(summary), text: 'small 2 3' });
  await reply(pair, { to: replyTo(summary), text: 'small 9' });
  await exchange(pair);
  const told = (await refusals(pair.hub)).join('\n') + (await mailbox(pair)).join('\n');
  expect(told).toMatch(/2 cannot be made small: it is no JPEG or PNG; 3 cannot be made small: it is/);
  expect(told).toContain('As they are: reply with the number alone.');
  expect(told).toContain('it has 3 attachments');
});
