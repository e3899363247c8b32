/** What the directory takes, and what it refuses: each refusal says what to do instead. */
import { describe, expect, test } from 'vitest';
import type { Directory } from '../../shared/core/directory.ts';
import { applyEdit, type Edit, replayEdit } from '../../shared/core/directory-edit.ts';
import { EditError } from '../../shared/core/directory-words.ts';
import { alias, move, network, office, user } from '../support/directory.ts';

const remove = (address: string): Edit => ({ do: 'user.remove', address: `${address}@example.org` });
const aliasOf = (address: string, ...targets: readonly string[]): Edit => ({
  do: 'alias.set',
  aliases: [{ address, targets }],
});

describe('refused', () => {
  const cases: readonly (readonly [what: string, before: readonly Edit[], edit: Edit, says: RegExp])[] = [
    ['an office twice', [], office('herat', 'x.example.org'), /already.*rekey herat/],
    ['an office called hub', [], office('hub', 'x.example.org'), /not "hub"/],
    ['an office called internet', [], office('internet', 'x.example.org'), /"internet"/],
    ['a name with a path in it', [], office('../x', 'x.example.org'), /no name for an office/],
    ['capitals in a name', [], office('Herat', 'x.example.org'), /a-z/],
    ['a domain twice', [], office('h2', 'HERAT.example.org'), /belongs to office herat/],
    ['the common domain', [], office('h2', 'example.org'), /everybody writes to.*herat\.example\.org/],
    ["the hub's domain", [], office('h2', 'kabul.example.org'), /the hub itself/],
    ['no domain', [], office('h2', 'h_2 x'), /no domain/],
    ['only a suffix', [], office('h2', '.x.example.org'), /whole one/],
    ['a limit for nobody', [], { do: 'office.limits', office: 'nix', limits: {} }, /no office "nix".*office list/],
    ['revoking nobody', [], { do: 'office.revoke', office: 'nix' }, /no office "nix"/],
    ['somebody twice', [], user('farid', 'mazar'), /posted to office herat.*user move farid@example\.org mazar/],
    ['moving nobody', [], move('nobody', 'mazar'), /no user.*user add nobody@example\.org mazar/],
    ['removing nobody', [], remove('nobody'), /no user.*user list/],
    ['posting to nowhere', [], user('x', 'nix'), /no office "nix"/],
    ['moving to nowhere', [], move('farid', 'nix'), /no office "nix"/],
    ['no address', [], user('x@', 'herat'), /no address/],
    ['a path', [], user('../../etc', 'herat'), /no name for a mailbox/],
    ['a slash', [], user('a/b', 'hub'), /no name for a mailbox/],
    ['a hidden folder', [], user('.x', 'hub'), /no name for a mailbox/],
    ["a Maildir's own folder", [], user('tmp', 'hub'), /tmp, new or cur/],
    ['65 characters', [], user('x'.repeat(65), 'hub'), /1 to 64/],
    [
      'a mailbox that another person has',
      [user('farid@partner.net', 'mazar')],
      move('farid@partner.net', 'herat'),
      /farid@example\.org has the mailbox "farid" at office herat.*alias set/,
    ],
    ['the same at the hub', [], user('akbar@partner.net', 'hub'), /has the mailbox "akbar" at the hub/],
    [
      'somebody else under the name that a person has at the office',
      [],
      user('farid@herat.example.org', 'mazar'),
      /farid@example\.org at office herat is written to as farid@herat\.example\.org/,
    ],
    [
      'moving to where somebody else has the name',
      [user('farid@mazar.example.org', 'hub')],
      move('farid', 'mazar'),
      /written to as farid@mazar\.example\.org/,
    ],
    [
      'an alias that hides somebody',
      [],
      alias('farid', 'tom'),
      /farid@example\.org is a user posted to office herat.*its own targets/,
    ],
    [
      "an alias for somebody's address at the office",
      [],
      alias('farid@herat.example.org', 'farid@herat.example.org', 'tom'),
      /set the alias for their address in example\.org/,
    ],
    [
      'a user behind an alias',
      [alias('new1', 'tom')],
      user('new1', 'herat'),
      /is an alias of tom@example\.org.*alias remove/,
    ],
    [
      'a user behind an alias at the office',
      [aliasOf('new1@herat.example.org', 'tom@example.org')],
      user('new1', 'herat'),
      /new1@herat\.example\.org is an alias/,
    ],
    ['a target that is a program', [], aliasOf('x@example.org', '|prog@x.org'), /programs/],
    ['a target that is none', [], aliasOf('x@example.org', 'tom'), /no address/],
    ['a target with a line end', [], aliasOf('x@example.org', 'tom@x.org\nDelivered-To: y@z'), /no address/],
    ['a target that is too long', [], aliasOf('x@example.org', `${'x'.repeat(1000)}@x.org`), /no address/],
    ['no target', [], aliasOf('x@example.org'), /needs a target/],
    ['an alias without @', [], aliasOf('x', 'tom@example.org'), /cannot be an alias.*staff@example\.org/],
    ['an alias with a blank', [], aliasOf('a b@example.org', 'tom@example.org'), /blank/],
    ['removing no alias', [], { do: 'alias.remove', address: 'x@example.org' }, /no alias.*alias list/],
    [
      '10,001 targets',
      [],
      aliasOf('x@example.org', ...Array.from({ length: 10_001 }, (_, i) => `p${i}@example.org`)),
      /list of lists/,
    ],
  ];
  test.each(cases)('%s', (_, before, edit, says) => {
    const directory = network(...before);
    let error: unknown;
    try {
      applyEdit(directory, edit);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(EditError);
    expect((error as Error).message).toMatch(says);
    expect((error as Error).message).not.toContain('\n');
  });
});

describe('done twice, it changes nothing', () => {
  const edits: readonly Edit[] = [
    user('farid', 'herat'),
    user('FARID@Example.org', 'herat'),
    move('farid', 'herat'),
    alias('staff', 'farid', 'tom', '?akbar'),
    { do: 'office.limits', office: 'ghazni', limits: { users: 'any' } },
    { do: 'office.readmit', office: 'herat' },
  ];
  const directory = network(alias('staff', 'farid', 'tom', '?akbar'));
  test.each(edits)('%o', (edit) => expect(applyEdit(directory, edit)).toBe(directory));
});

describe('done', () => {
  const version = (directory: Directory): number => directory.version;
  test('each one counts', () => {
    const before = network();
    expect(version(applyEdit(before, user('x', 'herat')))).toBe(version(before) + 1);
  });
  test('revoked and readmitted, with a new key', () => {
    const revoked = applyEdit(network(), { do: 'office.revoke', office: 'herat' });
    expect(revoked.offices.get('herat')).toMatchObject({ revoked: true, generation: 1 });
    const again = applyEdit(applyEdit(revoked, { do: 'office.rekey', office: 'herat' }), {
      do: 'office.readmit',
      office: 'herat',
    });
    expect(again.offices.get('herat')).toMatchObject({ revoked: false, generation: 2 });
  });
  test('one limit, the others stay', () => {
    const limited = applyEdit(network(), { do: 'office.limits', office: 'ghazni', limits: { mailBytesMax: 5 } });
    expect(limited.offices.get('ghazni')?.limits).toEqual({
      mailBytesMax: 5,
      concurrency: 20,
      users: 'any',
      holdBytesMax: 0,
      spam: 'mark',
      plain: false,
    });
  });
  test('addresses are kept folded, targets as they are written', () => {
    const directory = applyEdit(
      network(user('New1@Example.ORG', 'herat')),
      aliasOf('Info@Example.org', 'Tom@Example.com'),
    );
    expect(directory.users.get('new1@example.org')).toBe('herat');
    expect(directory.aliases.get('info@example.org')?.targets).toEqual(['Tom@Example.com']);
  });
  test('the same person under two addresses of the place', () =>
    expect(network(user('farid@herat.example.org', 'herat')).users.get('farid@herat.example.org')).toBe('herat'));
  test('an alias that keeps a copy, and its user', () => {
    const copied = applyEdit(network(), alias('farid', 'farid', 'tom'));
    expect(applyEdit(copied, move('farid', 'mazar')).users.get('farid@example.org')).toBe('mazar');
  });
  test('the directory before stays as it was', () => {
    const before = network();
    applyEdit(before, user('x', 'herat'));
    applyEdit(before, { do: 'office.revoke', office: 'herat' });
    expect(before.users.has('x@example.org')).toBe(false);
    expect(before.offices.get('herat')?.revoked).toBe(false);
  });
});

test('the log is read whatever hub.toml says by now', () => {
  const edits = [office('herat'), user('holly', 'herat'), user('holly@herat.example.org', 'herat')];
  const elsewhere = {
    ...network(),
    offices: new Map(),
    users: new Map(),
    aliases: new Map(),
    domain: 'herat.example.org',
  };
  const read = edits.reduce(replayEdit, elsewhere);
  expect([...read.users.keys()]).toEqual(['holly@example.org', 'holly@herat.example.org']);
});
