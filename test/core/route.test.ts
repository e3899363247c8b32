/** Every sentence of qmail's and fastforward's routing that we keep, each as a case; and where we differ, why. */
import { describe, expect, test } from 'vitest';
import type { Edit } from '../../shared/core/directory-edit.ts';
import { directoryTables, seedDirectory } from '../../shared/core/public-directory.ts';
import { route } from '../../shared/core/route.ts';
import {
  alias,
  directoryOf,
  FRIEND,
  full,
  goes,
  hubTablesOf,
  move,
  network,
  office,
  officeTablesOf,
  STRANGER,
  user,
} from '../support/directory.ts';

type Cases = readonly (readonly [recipient: string, where: string])[];

const UNKNOWN = /^D .*#5\.1\.1/;
const FOREIGN = "D sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)";

describe('the network of the text', () => {
  const directory = network();
  const cases = (name: string, tables: Parameters<typeof goes>[0], rows: Cases): void => {
    describe(name, () =>
      test.each(rows)('%s -> %s', (recipient, where) => {
        if (where === 'nobody') expect(goes(tables, recipient)).toMatch(UNKNOWN);
        else expect(goes(tables, recipient)).toBe(where);
      }),
    );
  };

  cases('at the hub', hubTablesOf(directory), [
    ['farid', 'office/herat farid@herat.example.org'],
    ['FARID@EXAMPLE.ORG', 'office/herat farid@herat.example.org'],
    ['farid@herat.example.org', 'office/herat farid@herat.example.org'],
    ['farid@mazar.example.org', 'office/herat farid@herat.example.org'],
    ['farid@kabul.example.org', 'office/herat farid@herat.example.org'],
    ['akbar', 'mailbox/akbar'],
    ['akbar@kabul.example.org', 'mailbox/akbar'],
    ['akbar@farah.example.org', 'mailbox/akbar'],
    ['nobody', 'nobody'],
    ['nobody@herat.example.org', 'nobody'],
    ['Anybody@ghazni.example.org', 'office/ghazni Anybody@ghazni.example.org'],
    ['friend@example.com', 'internet friend@example.com'],
    ['farid@lab.herat.example.org', 'internet farid@lab.herat.example.org'],
    ['a@b@example.com', 'internet a@b@example.com'],
    ['a@example.com@example.org', 'nobody'],
    ['farid@herat.example.com', 'internet farid@herat.example.com'],
    ['postmaster', 'mailbox/postmaster'],
    ['Postmaster@herat.example.org', 'mailbox/postmaster'],
    ['MAILER-DAEMON@kabul.example.org', 'mailbox/postmaster'],
    ['postmaster@ghazni.example.org', 'office/ghazni postmaster@ghazni.example.org'],
  ]);

  cases('in herat', officeTablesOf(directory, 'herat', ['guest']), [
    ['farid', 'users/farid'],
    ['Farid@Herat.Example.Org', 'users/farid'],
    ['holly@mazar.example.org', 'users/holly'],
    ['nadia', 'out nadia@example.org'],
    ['nadia@herat.example.org', 'out nadia@herat.example.org'],
    ['akbar', 'out akbar@example.org'],
    ['guest@herat.example.org', 'users/guest'],
    ['guest', 'nobody'],
    ['guest@mazar.example.org', 'nobody'],
    ['nobody', 'nobody'],
    ['nobody@mazar.example.org', 'nobody'],
    ['anybody@ghazni.example.org', 'out anybody@ghazni.example.org'],
    ['friend@example.com', 'out friend@example.com'],
    ['postmaster', 'out postmaster@example.org'],
  ]);
});

test.each(['example.org', '@example.org', 'farid', '', `${'x'.repeat(1000)}@example.org`, 'fa\nrid@example.org'])(
  'what is no address is refused for good: %j',
  (recipient) => {
    const { verdict, deliveries } = route(hubTablesOf(network()), FRIEND, 's@example.com', recipient);
    expect([verdict.letter, deliveries]).toEqual(['D', []]);
    expect(verdict.text).toMatch(/#5\.1\.3/);
  },
);

describe('strangers', () => {
  const directory = network(
    alias('info', 'farid'),
    alias('away', 'friend@example.com'),
    alias('help@partner.net', 'tom'),
    user('lists', 'internet'),
  );
  test.each([
    ['farid', 'office/herat farid@herat.example.org'],
    ['away', 'internet friend@example.com'],
    ['help@partner.net', 'office/farah tom@farah.example.org'],
    ['lists', 'internet lists@example.org'],
    ['other@partner.net', FOREIGN],
    ['friend@example.com', FOREIGN],
    ['farid%example.com@example.org', /#5\.1\.1/],
  ])('at the hub: %s', (recipient, where) => {
    expect(goes(hubTablesOf(directory), recipient, { peer: STRANGER })).toMatch(where);
  });

  test('at an office', () => {
    const tables = officeTablesOf(directory, 'herat');
    expect(goes(tables, 'nadia', { peer: STRANGER })).toBe('out nadia@example.org');
    expect(goes(tables, 'friend@example.com', { peer: STRANGER })).toBe(FOREIGN);
  });
});

describe('virtual domains', () => {
  const tables = hubTablesOf(
    directoryOf(
      office('herat', 'herat.example.org', '.west.example.org', '.deep.west.example.org'),
      office('mazar', 'mazar.example.org', 'exact.west.example.org'),
      { do: 'office.limits', office: 'herat', limits: { users: 'any' } },
      { do: 'office.limits', office: 'mazar', limits: { users: 'any' } },
      user('@partner.net', 'mazar'),
      user('@.partner.net', 'hub'),
      user('chief@partner.net', 'herat'),
      user('gone@west.example.org', 'hub'),
      user('list@partner.net', 'internet'),
    ),
  );
  test.each([
    ['x@a.west.example.org', 'office/herat x@a.west.example.org'],
    ['x@b.a.west.example.org', 'office/herat x@b.a.west.example.org'],
    ['x@exact.west.example.org', 'office/mazar x@exact.west.example.org'],
    ['x@west.example.org', 'internet x@west.example.org'],
    ['gone@west.example.org', 'mailbox/gone'],
    ['X@Partner.NET', 'office/mazar X@Partner.NET'],
    ['x@a.partner.net', 'mailbox/x'],
    ['chief@partner.net', 'office/herat chief@partner.net'],
    ['list@partner.net', 'internet list@partner.net'],
    ['x@notpartner.net', 'internet x@notpartner.net'],
  ])('%s -> %s', (recipient, where) => expect(goes(tables, recipient)).toBe(where));

  test('two people of one name do not share a mailbox', () =>
    expect(goes(tables, 'gone@a.partner.net')).toMatch(/^D .*taken there by gone@west\.example\.org/));

  test.each(['../etc', 'a/b', 'tmp', '.hidden', 'x'.repeat(65), 'a b', '..'])('no mailbox is made of %j', (local) =>
    expect(goes(tables, `${local}@a.partner.net`)).toMatch(UNKNOWN),
  );
});

describe('people of one name, of different domains', () => {
  const directory = network(user('nadia@partner.net', 'herat'));
  test.each([
    ['nadia@partner.net', 'office/herat nadia@partner.net'],
    ['nadia', 'office/mazar nadia@mazar.example.org'],
    ['nadia@herat.example.org', 'office/mazar nadia@mazar.example.org'],
  ])('at the hub: %s -> %s', (recipient, where) => expect(goes(hubTablesOf(directory), recipient)).toBe(where));
  test.each([
    ['nadia@partner.net', 'users/nadia'],
    ['nadia', 'out nadia@example.org'],
    ['nadia@herat.example.org', 'out nadia@herat.example.org'],
  ])('in herat: %s -> %s', (recipient, where) =>
    expect(goes(officeTablesOf(directory, 'herat'), recipient)).toBe(where),
  );
});

describe('somebody moves', () => {
  const directory = network(move('holly', 'mazar'));
  test.each([
    ['holly', 'office/mazar holly@mazar.example.org'],
    ['holly@herat.example.org', 'office/mazar holly@mazar.example.org'],
  ])('%s', (recipient, where) => expect(goes(hubTablesOf(directory), recipient)).toBe(where));

  test('the old office sends on what still reaches it', () =>
    expect(goes(officeTablesOf(directory, 'herat'), 'holly@herat.example.org')).toBe('out holly@herat.example.org'));

  test('a record of exactly this address wins', () => {
    const stays = network(move('holly', 'mazar'), user('holly@herat.example.org', 'hub'));
    expect(goes(hubTablesOf(stays), 'holly@herat.example.org')).toBe('mailbox/holly');
    expect(goes(hubTablesOf(stays), 'holly')).toBe('office/mazar holly@mazar.example.org');
  });
});

describe('aliases', () => {
  const both = 'office/herat farid@herat.example.org, office/mazar nadia@mazar.example.org';
  const cases: readonly (readonly [what: string, edits: readonly Edit[], recipient: string, where: string])[] = [
    ['of an address', [alias('info', 'farid')], 'INFO', 'office/herat farid@herat.example.org'],
    ['a list', [alias('staff', 'farid', 'nadia')], 'staff', both],
    ['of a domain', [alias('@old.example', 'farid')], 'any.body@old.example', 'office/herat farid@herat.example.org'],
    [
      'of a name in our domains',
      [alias('web@', 'farid')],
      'web@mazar.example.org',
      'office/herat farid@herat.example.org',
    ],
    ['of a name, but elsewhere', [alias('web@', 'farid')], 'web@example.com', 'internet web@example.com'],
    [
      'the address before the domain before the name',
      [alias('web@old.example', 'farid'), alias('@old.example', 'nadia'), alias('web@', 'tom')],
      'web@old.example',
      'office/herat farid@herat.example.org',
    ],
    ['a list in a list', [alias('a', 'b', 'nadia'), alias('b', 'farid')], 'a', both],
    ['duplicates are dropped', [alias('a', 'b', 'c'), alias('b', 'farid', 'nadia'), alias('c', 'FARID')], 'a', both],
    [
      'two addresses of one person are one',
      [alias('a', 'farid', 'farid@herat.example.org')],
      'a',
      'office/herat farid@herat.example.org',
    ],
    ['a loop is dropped', [alias('a', 'b', 'nadia'), alias('b', 'a', 'farid')], 'a', both],
    ['a copy stays', [alias('farid', 'farid', 'nadia')], 'farid', both],
    ['outside', [alias('a', 'friend@example.com')], 'a', 'internet friend@example.com'],
    [
      'a foreign address, kept and copied',
      [alias('f@example.com', 'f@example.com', 'farid')],
      'f@example.com',
      'internet f@example.com, office/herat farid@herat.example.org',
    ],
    [
      'a catch-all takes nobody who is known',
      [alias('@example.org', 'farid')],
      'nadia',
      'office/mazar nadia@mazar.example.org',
    ],
    [
      'a catch-all takes the others',
      [alias('@example.org', 'farid')],
      'nobody',
      'office/herat farid@herat.example.org',
    ],
  ];
  test.each(cases)('%s', (_, edits, recipient, where) =>
    expect(goes(hubTablesOf(network(...edits)), recipient)).toBe(where),
  );

  test.each([
    ['itself', [alias('a', 'a')]],
    ['one that leads back', [alias('a', 'b'), alias('b', 'c'), alias('c', 'a')]],
  ])('to nothing but %s: refused, and said', (_, edits) =>
    expect(goes(hubTablesOf(network(...edits)), 'a')).toMatch(/^D the alias leads only to itself.*#5\.4\.6/),
  );

  test('to nobody: refused, with the name of the one that is not there', () =>
    expect(goes(hubTablesOf(network(alias('a', 'gone'))), 'a')).toMatch(
      /^D the alias leads to gone@example\.org: .*#5\.1\.1/,
    ));

  test('some targets fail: the others get it, and each failure goes its own way to be refused', () => {
    const directory = network(alias('a', 'farid', 'gone', '?tom'));
    expect(goes(hubTablesOf(directory), 'a')).toBe(
      'internet gone@example.org from <tom@example.org>, office/herat farid@herat.example.org from <tom@example.org>',
    );
    expect(goes(officeTablesOf(directory, 'herat'), 'a')).toBe(
      'out gone@example.org from <tom@example.org>, users/farid from <tom@example.org>',
    );
  });

  test('too deep, too many: refused, never cut short', () => {
    const deep = Array.from({ length: 60 }, (_, index) => alias(`a${index}`, `a${index + 1}`));
    expect(goes(hubTablesOf(network(...deep, alias('a60', 'farid'))), 'a0')).toMatch(/^D .*too many.*#5\.3\.5/);
  });
});

describe('owners', () => {
  const directory = network(
    alias('outer', 'inner', 'nadia', '?akbar'),
    alias('inner', 'farid', '?tom'),
    alias('plain', 'farid'),
  );
  const tables = hubTablesOf(directory);
  test('the owner becomes the sender; a list in the list has its own', () =>
    expect(goes(tables, 'outer')).toBe(
      'office/herat farid@herat.example.org from <tom@example.org>, office/mazar nadia@mazar.example.org from <akbar@example.org>',
    ));
  test('not of a bounce', () =>
    expect(goes(tables, 'inner', { sender: '' })).toBe('office/herat farid@herat.example.org'));
  test('no owner: the sender stays', () =>
    expect(goes(tables, 'plain', { sender: 'x@example.com' })).toBe('office/herat farid@herat.example.org'));
});

describe('aliases at an office', () => {
  test('a list is expanded there: its own people never cross the link', () => {
    const tables = officeTablesOf(network(alias('staff', 'farid', 'holly', 'nadia', 'friend@example.com')), 'herat');
    expect(goes(tables, 'staff')).toBe('out friend@example.com, out nadia@example.org, users/farid, users/holly');
  });

  test('what stands for itself goes out under a name that the hub does not expand again', () => {
    const directory = network(alias('nadia', 'nadia', 'farid'));
    expect(goes(officeTablesOf(directory, 'herat'), 'nadia')).toBe('out nadia@mazar.example.org, users/farid');
    expect(goes(hubTablesOf(directory), 'nadia@mazar.example.org')).toBe('office/mazar nadia@mazar.example.org');
    expect(goes(officeTablesOf(directory, 'mazar'), 'nadia@mazar.example.org')).toBe('users/nadia');
  });

  test('what the hub hands down is not expanded again', () => {
    const tables = officeTablesOf(network(alias('@ghazni.example.org', 'x@ghazni.example.org', 'farid')), 'ghazni');
    const peer = { name: 'hub', relays: true };
    expect(goes(tables, 'x@ghazni.example.org', { peer })).toBe('users/x');
  });

  test('nor one whose own alias is only for its domain', () => {
    const directory = network(alias('@partner.net', 'x@partner.net', 'farid'));
    expect(goes(hubTablesOf(directory), 'a@partner.net')).toBe(
      'internet x@partner.net, office/herat farid@herat.example.org',
    );
    expect(goes(officeTablesOf(directory, 'herat'), 'a@partner.net')).toBe('out a@partner.net');
  });

  test('what only the hub can expand goes there whole', () => {
    const directory = network(alias('f@example.com', 'f@example.com', 'farid'));
    expect(goes(officeTablesOf(directory, 'herat'), 'f@example.com')).toBe('out f@example.com');
  });
});

describe('postmaster', () => {
  test.each([
    ['farid@example.org', 'office/herat farid@herat.example.org'],
    ['it@example.com', 'internet it@example.com'],
    ['postmaster@example.org', 'mailbox/postmaster'],
    ['gone@example.org', 'mailbox/postmaster'],
  ])('is %s by hub.toml', (address, where) =>
    expect(goes(hubTablesOf(network(), address), 'postmaster', { peer: STRANGER })).toBe(where),
  );
  test('an alias comes first', () =>
    expect(goes(hubTablesOf(network(alias('postmaster', 'tom')), 'it@example.com'), 'postmaster')).toBe(
      'office/farah tom@farah.example.org',
    ));
});

describe('an office that knows no more than its token', () => {
  const seed = seedDirectory({ domain: 'example.org', office: 'herat', officeDomains: ['herat.example.org'] });
  const tables = directoryTables(seed, { office: 'herat', localUsers: ['guest'] });
  test.each([
    ['farid', 'out farid@example.org'],
    ['farid@herat.example.org', 'out farid@herat.example.org'],
    ['guest@herat.example.org', 'users/guest'],
    ['friend@example.com', 'out friend@example.com'],
  ])('%s -> %s', (recipient, where) => expect(goes(tables, recipient)).toBe(where));
});

test('three hundred people of three offices', () => {
  const people = ['herat', 'mazar', 'farah'].flatMap((post) =>
    Array.from({ length: 100 }, (_, index) => [`${post}${index}`, post] as const),
  );
  const directory = network(
    ...people.map(([name, post]) => user(name, post)),
    alias('all', ...people.map(([name]) => name)),
  );
  const { deliveries } = route(hubTablesOf(directory), STRANGER, 's@example.com', full('all'));
  expect(Map.groupBy(deliveries, ({ maildir }) => maildir).size).toBe(3);
  expect(new Set(deliveries.map(({ recipient }) => recipient)).size).toBe(300);
});

describe('a request for a held mail', () => {
  const address = `held+${'a2'.repeat(10)}@example.org`;
  const tables = (here: string) => (here === 'hub' ? hubTablesOf(network()) : officeTablesOf(network(), here));
  test.each([
    ['at an office: to the hub', 'herat', { name: 'send', relays: true }, 'out'],
    ['at the hub, from a trip', 'hub', { name: 'office/herat', relays: true, office: 'herat' }, 'fetch/herat'],
    ['at the hub, from a host that may relay', 'hub', { name: 'qmtp/herat', relays: true, office: 'herat' }, undefined],
    ['at the hub, from a stranger', 'hub', { name: 'smtp', relays: false }, undefined],
    ['at the hub, from the hub', 'hub', { name: 'bounce', relays: true }, undefined],
  ])('%s', (_, here, peer, maildir) => {
    const { verdict, deliveries } = route(tables(here), peer, 'farid@example.org', address);
    expect(verdict.letter).toBe(maildir === undefined ? 'D' : 'K');
    expect(deliveries.map((delivery) => delivery.maildir)).toEqual(maildir === undefined ? [] : [maildir]);
  });
  test('another domain, or another form, is an address like any', () => {
    const peer = { name: 'office/herat', relays: true, office: 'herat' };
    expect(route(tables('hub'), peer, '', address.replace('example.org', 'example.com')).deliveries).toMatchObject([
      { maildir: 'internet' },
    ]);
    expect(route(tables('hub'), peer, '', 'held+short@example.org').verdict.letter).toBe('D');
  });
});
