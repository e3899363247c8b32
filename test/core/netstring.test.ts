import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NetstringCollector, NetstringError, NetstringReader, netstring } from '../../shared/core/netstring.ts';
import { ways } from '../support/ways.ts';

function collect(pieces: readonly Uint8Array[]): { contents: string[]; between: boolean; fault?: string } {
  const collector = new NetstringCollector({ bytesMax: 100 });
  const contents: string[] = [];
  try {
    for (const piece of pieces)
      for (const { content } of collector.receive(piece)) contents.push(content.toString('latin1'));
  } catch (error) {
    if (!(error instanceof NetstringError)) throw error;
    return { contents, between: false, fault: error.message };
  }
  return { contents, between: collector.between };
}

describe('well-formed', () => {
  test.each([
    ['nothing', '', []],
    ['an empty one', '0:,', ['']],
    ['one', '5:hello,', ['hello']],
    ['several', '1:a,0:,2:bc,', ['a', '', 'bc']],
    ['what looks like netstrings inside', '6:1:a,:,,', ['1:a,:,']],
  ])('%s', (_, text, contents) => {
    for (const pieces of ways(Buffer.from(text))) expect(collect(pieces)).toEqual({ contents, between: true });
  });
});

describe('out of place', () => {
  test.each([
    ['a leading zero', '1:a,05:hello,', ['a'], 'leading zero'],
    ['a double zero', '00:,', [], 'leading zero'],
    ['no digits', '1:a,:,', ['a'], 'begins with its length'],
    ['a letter', 'x', [], 'begins with its length'],
    ['a letter after digits', '1x', [], 'begins with its length'],
    ['a sign', '+1:a,', [], 'begins with its length'],
    ['a blank', ' 1:a,', [], 'begins with its length'],
    ['another end', '1:a;', [], 'no comma'],
    ['content that is too long', '1:ab,', [], 'no comma'],
    ['sixteen digits', '1000000000000000:', [], 'too many digits'],
  ])('%s', (_, text, contents, fault) => {
    for (const pieces of ways(Buffer.from(text))) {
      const seen = collect(pieces);
      expect(seen.contents).toEqual(contents);
      expect(seen.fault).toContain(fault);
    }
  });
});

test('cut short is not between', () => {
  for (const text of ['1', '12:', '5:hel', '5:hello']) expect(collect([Buffer.from(text)]).between).toBe(false);
});

test('content above the bound is dropped, its length told', () => {
  const collector = new NetstringCollector({ bytesMax: 3 });
  const long = Buffer.concat([netstring('abcdef'), netstring('xy')]);
  expect([...collector.receive(long)].map(({ content, length }) => [content.toString(), length])).toEqual([
    ['abc', 6],
    ['xy', 2],
  ]);
});

test('any contents come back, however they are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 60 })),
      fc.array(fc.integer({ min: 1, max: 20 })),
      (contents, cuts) => {
        let bytes = Buffer.concat(contents.map(netstring));
        const pieces: Uint8Array[] = [];
        for (const cut of cuts) {
          pieces.push(bytes.subarray(0, cut));
          bytes = bytes.subarray(cut);
        }
        expect(collect([...pieces, bytes])).toEqual({
          contents: contents.map((content) => Buffer.from(content).toString('latin1')),
          between: true,
        });
      },
    ),
  );
});

test('garbage is a fault or netstrings, nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const reader = new NetstringReader();
      try {
        for (const event of reader.receive(bytes)) expect(['begin', 'bytes', 'end']).toContain(event.type);
      } catch (error) {
        expect(error).toBeInstanceOf(NetstringError);
      }
    }),
  );
});
