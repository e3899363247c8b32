/** The vectors of test/vectors are what PROTOCOL.md says in words; another program can be tried on them. */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodeGroup, encodeGroup } from '../../shared/core/group.ts';
import { EMPTY_POINT, History, pointAfter } from '../../shared/core/history.ts';
import { decodeOffer } from '../../shared/core/trip-message.ts';

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
