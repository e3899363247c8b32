import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrameHead } from '../../shared/core/frame.ts';
import { decodeGroup, encodeGroup, GROUP_MAILS_MAX, type GroupMail } from '../../shared/core/group.ts';
import { encodeVarint, TripError } from '../../shared/core/trip-record.ts';

const HEAD = { sender: 'a@x.org', recipients: ['b@x.org', 'c@x.org'], hops: 1, urgency: 5 };
const corpus = new URL('../corpus/', import.meta.url);
const bodies = ['office-day', 'mime-torture'].flatMap((folder) =>
  readdirSync(new URL(folder, corpus))
    .filter((name) => name.endsWith('.eml'))
    .map((name) => readFileSync(new URL(`${folder}/${name}`, corpus))),
);

const same = (mails: readonly GroupMail[]): void => {
  const content = encodeGroup(mails);
  const out = decodeGroup(content);
  expect(out.length).toBe(mails.length);
  for (const [index, { head, body }] of mails.entries()) {
    expect(out[index]?.head).toEqual(head);
    expect(out[index]?.body.equals(body)).toBe(true);
  }
};

describe('a group', () => {
  test('gives back every mail of the corpus, and is no longer than they are', () => {
    for (const body of bodies) {
      same([{ head: HEAD, body }]);
      expect(encodeGroup([{ head: HEAD, body }]).length).toBeLessThan(body.length + 60);
    }
    same(bodies.filter(({ length }) => length < 8_000).map((body) => ({ head: HEAD, body })));
  });

  test('gives back any bytes', () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.base64String({ maxLength: 600 }).map((text) => Buffer.from(`\x01${text.replace(/.{76}/g, '$&\r\n ')}`)),
    );
    fc.assert(
      fc.property(fc.array(body, { minLength: 1, maxLength: 5 }), (all) =>
        same(all.map((bytes) => ({ head: HEAD, body: Buffer.from(bytes) }))),
      ),
    );
  });

  test('cut short, lengthened, or altered at any byte is refused, or gives other mails: nothing else', () => {
    const content = encodeGroup([
      { head: HEAD, body: Buffer.from('Subject: one\n\none\n') },
      { head: { ...HEAD, sender: '' }, body: Buffer.from(`two\n\n${Buffer.alloc(90, 'xyz').toString('base64')}\n`) },
    ]);
    const decoded = (bytes: Buffer): void => {
      try {
        decodeGroup(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(TripError);
      }
    };
    expect(() => decodeGroup(Buffer.concat([content, Buffer.from('x')]))).toThrow(TripError);
    for (let at = 0; at < content.length; at += 1) {
      expect(() => decodeGroup(content.subarray(0, at))).toThrow(TripError);
      for (const value of [0, 1, 2, 127, 128, 255]) {
        const altered = Buffer.from(content);
        altered[at] = value;
        decoded(altered);
      }
    }
  });

  const mail = (form: number, ...sizes: readonly number[]): Uint8Array =>
    Buffer.concat([encodeFrameHead(HEAD), ...[form, ...sizes].map(encodeVarint)]);
  test.each<[string, readonly Uint8Array[]]>([
    ['of no mail', [encodeVarint(0)]],
    ['of more mails than may be', [encodeVarint(GROUP_MAILS_MAX + 1)]],
    ['that claims a mail of terabytes', [encodeVarint(1), mail(0, 2 ** 50, 2 ** 50, 0)]],
    ['with a form that nobody knows', [encodeVarint(1), mail(2, 1, 1, 0), Buffer.from('x')]],
    ['that is plain and has binaries', [encodeVarint(1), mail(0, 1, 1, 1), Buffer.from('xy')]],
    [
      'whose run unfolds to more than was said',
      [encodeVarint(1), mail(1, 9, 5, 30), Uint8Array.of(1, 1, 40, 32, 10), Buffer.alloc(30)],
    ],
    ['that is long and of several mails', [encodeVarint(2), Buffer.alloc(700_000)]],
  ])('%s is refused', (_, parts) => {
    expect(() => decodeGroup(Buffer.concat(parts))).toThrow(TripError);
  });
});
