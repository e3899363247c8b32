import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lift, lower } from '../../shared/core/lift.ts';

const corpus = join(import.meta.dirname, '../corpus');
const mails = ['office-day', 'mime-torture'].flatMap((folder) =>
  readdirSync(join(corpus, folder)).map((name) => ({ name, bytes: readFileSync(join(corpus, folder, name)) })),
);

const base64Lines = (bytes: Buffer, width: number, fold: string): string =>
  (bytes.toString('base64').match(new RegExp(`.{1,${width}}`, 'g')) ?? []).join(fold);

describe('lift', () => {
  test.each(mails)('$name comes back byte for byte', ({ bytes }) => {
    expect(lower(lift(bytes), bytes.length).equals(bytes)).toBe(true);
  });

  test.each([
    ['an attachment', 76, '\n'],
    ['an attachment with CRLF', 76, '\r\n'],
    ['a folded signature in a header', 64, '\n\t '],
  ])('%s is taken out whole', (_, width, fold) => {
    const content = Buffer.from(Array.from({ length: 1000 }, (_, index) => (index * index * 7919) & 255));
    const { text, binary } = lift(Buffer.from(`before ${base64Lines(content, width, fold)} after`));
    expect(binary.subarray(0, 999)).toEqual(content.subarray(0, 999));
    expect(text.length).toBeLessThan(40);
  });

  test('words, hex and paths stay where they are', () => {
    const body = Buffer.from(
      'supercalifragilisticexpialidocious 0123456789abcdef0123456789abcdef /usr/share/doc/packages/readme',
    );
    expect(lift(body)).toEqual({ text: body, binary: Buffer.alloc(0) });
  });

  test('any bytes come back', () => {
    const letter = fc.constantFrom(
      ...'ABCdef09+/=\n\r \t\x01\x00'.split(''),
      'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=',
      '\n ',
    );
    fc.assert(
      fc.property(fc.array(letter, { maxLength: 300 }), (letters) => {
        const body = Buffer.from(letters.join(''), 'latin1');
        expect(lower(lift(body), body.length)).toEqual(body);
      }),
      { numRuns: 2000 },
    );
  });

  test('what lift cannot have made throws and is bounded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (text, binary) => {
        try {
          expect(
            lower({ text: Buffer.from([1, ...text]), binary: Buffer.from(binary) }, 1000).length,
          ).toBeLessThanOrEqual(1000);
        } catch (error) {
          expect((error as Error).message).toMatch(/lifted body|number/);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
