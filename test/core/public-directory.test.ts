import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyEdit } from '../../shared/core/directory-edit.ts';
import {
  applyDirectoryDelta,
  DirectoryError,
  decodeDirectory,
  decodeDirectoryDelta,
  diffDirectory,
  directoryHash,
  directoryTables,
  encodeDirectory,
  encodeDirectoryDelta,
  publicDirectory,
} from '../../shared/core/public-directory.ts';
import { directories } from '../support/directories.ts';
import { alias, full, goes, move, network, user } from '../support/directory.ts';

const name = fc.constantFrom('a', 'b', 'c', 'farid', 'holly');
const address = name.map(full);
const directory = directories(name);

test('a change applied to the one gives the other, over the wire as well', () => {
  fc.assert(
    fc.property(directory, directory, (one, other) => {
      const [from, to] = [publicDirectory(one), publicDirectory(other)];
      const delta = decodeDirectoryDelta(encodeDirectoryDelta(diffDirectory(from, to)));
      const result = applyDirectoryDelta(decodeDirectory(encodeDirectory(from)), delta);
      expect(directoryHash(result)).toBe(directoryHash(to));
      expect(encodeDirectory(result)).toEqual(encodeDirectory(to));
    }),
    { numRuns: 500 },
  );
});

test('what travelled routes as what was sent', () => {
  fc.assert(
    fc.property(directory, address, (one, recipient) => {
      const sent = publicDirectory(one);
      const came = decodeDirectory(encodeDirectory(sent));
      expect(goes(directoryTables(came, { office: 'herat' }), recipient)).toBe(
        goes(directoryTables(sent, { office: 'herat' }), recipient),
      );
    }),
    { numRuns: 500 },
  );
});

describe('what is small stays small', () => {
  const before = network(alias('staff', ...Array.from({ length: 200 }, (_, index) => `p${index}`), '?tom'));
  test('one person moves: two lines', () => {
    const delta = diffDirectory(publicDirectory(before), publicDirectory(applyEdit(before, move('holly', 'mazar'))));
    expect(delta).toMatchObject({ removed: ['u holly@example.org herat'], added: ['u holly@example.org mazar'] });
  });
  test('a list gets one more: one line', () => {
    const more = applyEdit(before, alias('staff', ...Array.from({ length: 201 }, (_, index) => `p${index}`), '?tom'));
    expect(diffDirectory(publicDirectory(before), publicDirectory(more))).toMatchObject({
      removed: [],
      added: ['a staff@example.org p200@example.org'],
    });
  });
});

test('keys and limits do not travel', () => {
  const text = Buffer.from(encodeDirectory(publicDirectory(network()))).toString();
  expect(text).not.toMatch(/0000|concurrency|mailBytes/);
  const edited = applyEdit(network(), { do: 'office.rekey', office: 'herat' });
  expect(directoryHash(publicDirectory(edited))).toBe(directoryHash(publicDirectory(network())));
});

describe('what is no directory is refused', () => {
  const whole = Buffer.from(encodeDirectory(publicDirectory(network())));
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['cut off', whole.subarray(0, -1)],
    ['another kind of line', Buffer.from('z a b\n')],
    ['too many words', Buffer.from('u a@example.org herat mazar\n')],
    ['a name that means something to JavaScript', Buffer.from('constructor a\n')],
    ['too large', Buffer.alloc(20_000_001, 'x')],
  ])('%s', (_, bytes) => expect(() => decodeDirectory(bytes)).toThrow(DirectoryError));

  test.each(['', 'x y\n', `${'0'.repeat(32)} ${'1'.repeat(32)}\n*u a b\n`])('no change: %j', (text) =>
    expect(() => decodeDirectoryDelta(Buffer.from(text))).toThrow(DirectoryError),
  );

  test('a change for another directory, or one that was tampered with', () => {
    const [from, to] = [publicDirectory(network()), publicDirectory(network(user('fresh', 'herat')))];
    const delta = diffDirectory(from, to);
    expect(() => applyDirectoryDelta(to, delta)).toThrow(/another directory/);
    expect(() => applyDirectoryDelta(from, { ...delta, added: ['u fresh@example.org mazar'] })).toThrow(/not the one/);
  });

  test('whatever bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [decodeDirectory, decodeDirectoryDelta]) {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(DirectoryError);
          }
        }
      }),
    );
  });
});
