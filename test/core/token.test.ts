import { describe, expect, test } from 'vitest';
import { decodeToken, encodeToken, TokenError } from '../../shared/core/token.ts';

const token = {
  hub: 'kabul.example.org:443',
  office: 'herat',
  domain: 'example.org',
  officeDomains: ['herat.example.org', '.west.example.org'],
  identity: '0123456789abcdef.1',
  key: Uint8Array.from({ length: 32 }, (_, index) => index * 7),
};
const line = encodeToken(token);

test('it says what it was made of', () => {
  expect(line).toMatch(/^fieldpost1-[A-Za-z0-9_-]+$/);
  expect(decodeToken(line)).toEqual(token);
});

test('blanks and line breaks of a mail program do no harm', () =>
  expect(decodeToken(`  ${line.slice(0, 60)}\r\n ${line.slice(60)}\n`)).toEqual(token));

test('cut anywhere, it is refused', () => {
  for (let length = 0; length < line.length; length++)
    expect(() => decodeToken(line.slice(0, length))).toThrow(TokenError);
});

test('one character mistyped, it is refused', () => {
  for (let at = 'fieldpost1-'.length; at < line.length; at++) {
    const other = line[at] === 'A' ? 'B' : 'A';
    // The last character of base64 may hold bits that mean nothing.
    if (at === line.length - 1) continue;
    expect(() => decodeToken(line.slice(0, at) + other + line.slice(at + 1))).toThrow(TokenError);
  }
});

describe('what is none says so', () => {
  test.each(['', 'herat', 'fieldpost1-', 'x'.repeat(10_000), 'fieldpost2-abc'])('%j', (text) =>
    expect(() => decodeToken(text)).toThrow(/token/),
  );
});
