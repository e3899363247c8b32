/** Alias files of both kinds, as people have them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AliasFormat, readAliasFile, writeAliasFile } from '../../shared/core/alias-file.ts';
import type { Alias } from '../../shared/core/directory.ts';

const read = (text: string, format?: AliasFormat) => readAliasFile(text, { domain: 'example.org', format });

/** `name: targets ?owner`, as one line an alias. */
function check(text: string, wanted: readonly string[], format?: AliasFormat): void {
  const { aliases, faults } = read(text, format);
  expect(faults).toEqual([]);
  expect(
    aliases.map(
      ({ address, targets, owner }) => `${address}: ${targets.join(' ')}${owner === undefined ? '' : ` ?${owner}`}`,
    ),
  ).toEqual(wanted);
}

describe('fastforward', () => {
  test.each([
    ['a: b@x.org;', ['a@example.org: b@x.org']],
    ['a@x.org:b@x.org,c@x.org;', ['a@x.org: b@x.org c@x.org']],
    ['a@x.org: &b@x.org, & c@x.org;', ['a@x.org: b@x.org c@x.org']],
    ['@x.org: b@x.org;', ['@x.org: b@x.org']],
    ['root@: b@x.org;', ['root@: b@x.org']],
    ['a@x.org: ?o@x.org, b@x.org;', ['a@x.org: b@x.org ?o@x.org']],
    ['a @ x . org : b @ x.org ;', ['a@x.org: b@x.org']],
    ['a@x.org: b@x.org,\n  c@x.org,\n\td@x.org;', ['a@x.org: b@x.org c@x.org d@x.org']],
    ['# all\na@x.org: b@x.org;\r\n  # more\nc@x.org: d@x.org;', ['a@x.org: b@x.org', 'c@x.org: d@x.org']],
    ['a@x.org: b@x.org; c@x.org: d@x.org;', ['a@x.org: b@x.org', 'c@x.org: d@x.org']],
    ['A@X.ORG: B@X.org;', ['a@x.org: B@X.org']],
  ])('%j', (text, wanted) => check(text, wanted));
});

describe('sendmail', () => {
  test.each([
    ['a: b', ['a@example.org: b@example.org']],
    ['a: b, c@x.org', ['a@example.org: b@example.org c@x.org']],
    ['a:b,c', ['a@example.org: b@example.org c@example.org']],
    ['staff: b,\n   c,\n\td', ['staff@example.org: b@example.org c@example.org d@example.org']],
    ['# root\n\nroot: b\n', ['root@example.org: b@example.org']],
    ['a: \\a, b', ['a@example.org: a@example.org b@example.org']],
    ['"a": "b"', ['a@example.org: b@example.org']],
    ['a: Tom Smith <tom@x.org>', ['a@example.org: tom@x.org']],
    ['a: b\nowner-a: c', ['a@example.org: b@example.org ?owner-a@example.org', 'owner-a@example.org: c@example.org']],
    ['a@x.org: b', ['a@x.org: b@example.org']],
  ])('%j', (text, wanted) => check(text, wanted));
});

test('which of the two it is, is seen; or said', () => {
  expect(read('a: b@x.org;').format).toBe('fastforward');
  expect(read('# a;\na: b').format).toBe('sendmail');
  check('a: b\n', ['a@example.org: b@example.org'], 'sendmail');
  expect(read('a: b\n', 'fastforward').faults).toEqual([{ line: 1, text: expect.stringMatching(/no ; at its end/) }]);
});

describe('what a hub does not do is named by its line', () => {
  test.each([
    ['a: b\nc: |/bin/prog', 2, /programs/],
    ['a: "|/bin/prog -x, y", b', 1, /programs/],
    ['a: b,\n  /var/mail/x', 1, /files/],
    ['a: b\n\n# x\nl: :include:/etc/list', 4, /lists in other files/],
    ['a: "/var/mail/x"', 1, /files/],
    ['a b c', 1, /not understood/],
    ['a:', 1, /leads to nobody/],
    ['a: b@@', 1, /no address/],
    ['a@x.org: b@x.org;\nc@x.org: |prog;', 2, /programs/],
    ['a@x.org: b@x.org;\nc@x.org: ./Maildir/;', 2, /files/],
    ['a@x.org: b@x.org;\nc@x.org: !prog;', 2, /programs/],
    ['a@x.org: b@x.org;\nnonsense;', 2, /not understood/],
    ['a@x.org: b@x.org;\nc@x.org: d@x.org,\ne@x.org', 2, /no ; at its end/],
  ])('%j', (text, line, says) => {
    const { faults } = read(text);
    expect(faults).toEqual([{ line, text: expect.stringMatching(says) }]);
  });
});

test('of two entries for one address the first counts, and that is said', () => {
  const { aliases, notes, faults } = read('a: b\nc: d\nA: e\n');
  expect(aliases.map(({ address, targets }) => [address, targets])).toEqual([
    ['a@example.org', ['b@example.org']],
    ['c@example.org', ['d@example.org']],
  ]);
  expect(notes).toEqual([{ line: 3, text: expect.stringMatching(/a@example\.org is in line 1/) }]);
  expect(faults).toEqual([]);
});

test('what is exported reads back to the same table', () => {
  const local = fc.stringMatching(/^[a-z0-9_.+'=-]{1,20}$/).filter((text) => !/^[.'+]/.test(text));
  const domain = fc.constantFrom('example.org', 'x.org', 'a-b.c_d.example');
  const address = fc.tuple(local, domain).map(([name, at]) => `${name}@${at}`);
  const key = fc.oneof(
    address,
    domain.map((at) => `@${at}`),
    local.map((name) => `${name}@`),
  );
  const alias: fc.Arbitrary<Alias> = fc
    .record({ targets: fc.array(address, { minLength: 1, maxLength: 5 }), owner: fc.option(address) })
    .map(({ targets, owner }) => (owner === null ? { targets } : { targets, owner }));
  fc.assert(
    fc.property(fc.array(fc.tuple(key, alias), { maxLength: 10 }), (all) => {
      const table = new Map(all);
      const { aliases, faults, notes } = read(`${writeAliasFile(table).join('\n')}\n`, 'fastforward');
      expect([faults, notes]).toEqual([[], []]);
      const again = aliases.map(({ address: at, targets, owner }) => [
        at,
        owner === undefined ? { targets } : { targets, owner },
      ]);
      expect(new Map(again as [string, Alias][])).toEqual(table);
    }),
    { numRuns: 500 },
  );
});

test('whatever text: it ends, and every line of it is taken or named', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200, unit: fc.constantFrom(...'ab@:;,&?|"\\ \n\t#<>/.') }), (text) => {
      for (const format of ['fastforward', 'sendmail'] as const) {
        const { aliases, faults } = read(text, format);
        for (const { targets, line } of aliases)
          expect(targets.length > 0 || faults.some((fault) => fault.line === line)).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});
