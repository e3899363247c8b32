import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lift, lower } from '../../shared/core/lift.ts';
import { ROOT } from '../../tools/project.ts';

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

  const part = (text: string): Buffer =>
    Buffer.from(`Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain\n\n${text}`, 'latin1');
  const long = 'caf=E9 =3D '.repeat(40).trimEnd();
  const filled = (width: number): string =>
    (long.match(new RegExp(`(?:=[0-9A-F]{2}|[^=]){1,${width - 3}}`, 'g')) ?? []).join('=\n');
  test.each([
    ['of an encoder that fills 76', filled(76)],
    ['of one that fills 73', filled(73)],
    ['with blanks at the ends of lines', 'one=20\ntwo=09\nthree=20\nfour=20\nfive=20'],
    ['of one that escapes full stops too', 'at four=2E\nat five=2E caf=E9=2E\n'],
    ['before a boundary', `${'caf=E9 '.repeat(9)}x\n--b--\nn=E9xt`],
  ])('quoted-printable %s is decoded and comes back', (_, text) => {
    const body = Buffer.concat([Buffer.from('Content-Type: multipart/mixed; boundary=b\n\n--b\n'), part(text)]);
    const lifted = lift(body);
    expect(lifted.text.length).toBeLessThan(body.length);
    expect(lifted.text.toString('latin1')).not.toMatch(/=(?:09|20|2E|E9 )/);
    expect(lower(lifted, body.length).equals(body)).toBe(true);
  });

  test.each([
    ['small hex digits', 'caf=e9 caf=e9 caf=e9'],
    ['a lone =', 'caf=E9 caf=E9 a = b'],
    ['a soft break at its end', 'caf=E9 caf=E9=\n'],
    ['CRLF', 'caf=E9 caf=E9\r\n'],
  ])('quoted-printable with %s stays as it is', (_, text) => {
    const body = part(text);
    expect(lift(body)).toEqual({ text: body, binary: Buffer.alloc(0) });
  });

  test('any quoted-printable comes back', () => {
    const piece = fc.constantFrom(
      '=E9',
      '=\n',
      '=3D',
      '=20',
      ' ',
      '\n',
      'a',
      'word',
      '\x01',
      '\t',
      '=0A',
      'x'.repeat(70),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
        const body = part(pieces.join(''));
        expect(lower(lift(body), body.length).equals(body)).toBe(true);
      }),
      { numRuns: 1000 },
    );
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

  test('four million folds of nothing take the memory of what comes out, not of its pieces', () => {
    const script = `
      const { lower } = await import('./shared/core/lift.ts');
      const { writeVarint } = await import('./shared/core/varint.ts');
      const text = Buffer.from([1, 2, 1, 1, 0, ...writeVarint(4_000_000)]);
      console.log(lower({ text, binary: Buffer.alloc(3_000_000) }, 4_000_000).length);`;
    const args = ['--max-old-space-size=60', '--input-type=module', '-e', script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
    expect({ stdout, stderr }).toEqual({ stdout: '4000000\n', stderr: '' });
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
