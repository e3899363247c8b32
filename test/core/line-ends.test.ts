import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CrlfToLf, lfToCrlf } from '../../shared/core/line-ends.ts';

function decode(chunks: readonly Uint8Array[]): { readonly text: string; readonly fault: string | undefined } {
  const decoder = new CrlfToLf();
  const parts = [...chunks.map((chunk) => decoder.write(chunk)), decoder.end()];
  return { text: Buffer.concat(parts).toString('latin1'), fault: decoder.fault };
}

const CASES: readonly (readonly [wire: string, rest: string, fault: string | undefined])[] = [
  ['', '', undefined],
  ['a\r\n\r\nb\r\n', 'a\n\nb\n', undefined],
  ['a\nb\r\n', 'a\nb\n', 'an LF without CR'],
  ['a\rb\r\n', 'a\rb\n', 'a CR without LF'],
  ['a\r\r\n', 'a\r\n', 'a CR without LF'],
  ['a\r', 'a\r', 'a CR without LF'],
  ['a\u0000b\r\n', 'a\u0000b\n', 'a NUL'],
  ['\r\n.\n', '\n.\n', 'an LF without CR'],
  // FACTS of qmail-qmtpd: CRLF becomes LF and a lone CR stays.
  ['a\rb\r\n c\r\r\nd\ne\r', 'a\rb\n c\r\nd\ne\r', 'a CR without LF'],
];

test.each(CASES)('%j', (wire, rest, fault) => {
  const bytes = Buffer.from(wire, 'latin1');
  expect(decode([bytes])).toEqual({ text: rest, fault });
  expect(decode([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual({ text: rest, fault });
});

test('out and in again gives the same bytes, however they are cut', () => {
  const text = fc.array(fc.constantFrom('\n', 'a', '.', 'ÿ')).map((letters) => letters.join(''));
  fc.assert(
    fc.property(text, fc.nat(), (lines, cut) => {
      const wire = Buffer.from(lfToCrlf(Buffer.from(lines, 'latin1')));
      const at = wire.length === 0 ? 0 : cut % wire.length;
      expect(decode([wire.subarray(0, at), wire.subarray(at)])).toEqual({ text: lines, fault: undefined });
    }),
  );
});

test('going out, a CR that the mail has stays', () => {
  expect(Buffer.from(lfToCrlf(Buffer.from('a\r\nb\rc'))).toString()).toBe('a\r\r\nb\rc');
});
