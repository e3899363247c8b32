/** Whatever an operator writes into the tables: routing ends, drops nobody, and asks nothing of luck. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Alias, AT_HUB } from '../../shared/core/directory.ts';
import { type Post, postOf } from '../../shared/core/post.ts';
import { route } from '../../shared/core/route.ts';
import { mailboxKey, makeTables, type Tables } from '../../shared/core/tables.ts';
import { directories } from '../support/directories.ts';
import { FRIEND, hubTablesOf, officeTablesOf, STRANGER } from '../support/directory.ts';

const RUNS = 1_500;
/** A failure is the same failure on every machine. */
const SEED = 2004;

const NAMES = ['a', 'b', 'c', 'd', 'e', 'postmaster'];
const DOMAINS = ['example.org', 'herat.example.org', 'kabul.example.org', 'partner.net', 'x.west.example.org'];
const POSTS = ['herat', 'mazar', 'hub', 'internet'];

const local = fc.constantFrom(...NAMES);
const address = fc.tuple(local, fc.constantFrom(...DOMAINS)).map(([name, domain]) => `${name}@${domain}`);
/** Not postmaster, who is somebody everywhere. */
const person = address.filter((text) => !text.startsWith('postmaster@'));
const aliasKey = fc.oneof(
  { weight: 6, arbitrary: address },
  fc.constantFrom(...DOMAINS).map((domain) => `@${domain}`),
  local.map((name) => `${name}@`),
);
const alias: fc.Arbitrary<Alias> = fc
  .record({ targets: fc.array(address, { minLength: 1, maxLength: 4 }), owner: fc.option(address) })
  .map(({ targets, owner }) => (owner === null ? { targets } : { targets, owner }));

/** Also what the checks of edits would refuse: a table may come from elsewhere. */
const tables: fc.Arbitrary<Tables> = fc
  .record({
    here: fc.constantFrom(AT_HUB, 'herat', 'mazar'),
    users: fc.array(fc.tuple(fc.oneof(address, fc.constant('@partner.net')), fc.constantFrom(...POSTS)), {
      maxLength: 8,
    }),
    aliases: fc.array(fc.tuple(aliasKey, alias), { maxLength: 12 }),
    any: fc.boolean(),
    postmaster: fc.option(address),
  })
  .map(({ here, users, aliases, any, postmaster }) =>
    makeTables({
      here,
      domain: 'example.org',
      hubDomains: ['kabul.example.org'],
      offices: new Map([
        ['herat', { domains: ['herat.example.org', '.west.example.org'], users: any ? 'any' : 'known' }],
        ['mazar', { domains: ['mazar.example.org'], users: 'known' }],
      ]),
      users: new Map(users),
      aliases: new Map(aliases),
      localUsers: ['e'],
      ...(postmaster === null ? {} : { postmaster }),
    }),
  );

/** Those that the checks of edits allow, at the hub and at an office. */
const allowed: fc.Arbitrary<Tables> = fc
  .tuple(directories(address, aliasKey), fc.constantFrom(AT_HUB, 'herat'))
  .map(([directory, here]) => (here === AT_HUB ? hubTablesOf(directory) : officeTablesOf(directory, here, ['e'])));

/** Addresses that can be reached from one by aliases alone, the slow and obvious way. */
function reachable({ aliases }: Tables, start: string): ReadonlySet<string> {
  const found = new Set([start]);
  for (const at of found) {
    const [name = '', domain = ''] = at.split('@');
    for (const key of [at, `@${domain}`, `${name}@`])
      for (const target of aliases.get(key)?.targets ?? []) found.add(target);
  }
  return found;
}

test('it ends; K goes somewhere, D goes nowhere and says why', () => {
  fc.assert(
    fc.property(tables, address, fc.constantFrom('', 's@example.com'), (all, recipient, sender) => {
      const { verdict, deliveries } = route(all, FRIEND, sender, recipient);
      expect(deliveries.length > 0).toBe(verdict.letter === 'K');
      expect(verdict.text).not.toBe('');
      for (const delivery of deliveries) if (sender === '') expect(delivery.sender).toBe('');
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

test('every delivery stays inside its folder, and no two are one', () => {
  fc.assert(
    fc.property(allowed, address, (all, recipient) => {
      const { deliveries } = route(all, FRIEND, 's@example.com', recipient);
      for (const { maildir } of deliveries)
        expect(maildir).toMatch(/^(?:internet|out|office\/[a-z]+|(?:mailbox|users)\/[a-z]+)$/);
      const names = deliveries.map(({ maildir, sender, recipient: to, form }) =>
        form === 'mailbox' ? maildir : [maildir, sender, to].join(' '),
      );
      expect(new Set(names).size).toBe(names.length);
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

test('a list drops nobody: each of its people gets it, or is sent on to be refused', () => {
  fc.assert(
    fc.property(allowed, fc.uniqueArray(person, { minLength: 1, maxLength: 6 }), (all, members) => {
      const plain = { ...all, aliases: new Map([['list@example.org', { targets: members }]]) };
      const { verdict, deliveries } = route(plain, FRIEND, 's@example.com', 'list@example.org');
      const alone = members.map((member) => route({ ...plain, aliases: new Map() }, FRIEND, 's@example.com', member));
      expect(verdict.letter).toBe(alone.some((routed) => routed.verdict.letter === 'K') ? 'K' : 'D');
      if (verdict.letter !== 'K') return;
      const wanted = alone.flatMap(({ verdict: own, deliveries: each }, index) =>
        own.letter === 'K' ? each.map(({ recipient }) => recipient) : [members[index] ?? ''],
      );
      const who = (to: string): string => {
        const post = postOf(all, to);
        return 'letter' in post || !isPerson(all, post) ? to : `${post.post} ${post.mailbox}`;
      };
      // Two addresses of one person are one.
      expect(new Set(deliveries.map(({ recipient }) => who(recipient)))).toEqual(new Set(wanted.map(who)));
      expect(deliveries.length).toBe(new Set(wanted.map(who)).size);
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

const isPerson = (all: Tables, { post, mailbox }: Post): boolean =>
  all.owners.has(mailboxKey(post, mailbox)) || post === all.here;

test('aliases lead nowhere but where they say', () => {
  fc.assert(
    fc.property(tables, address, (all, recipient) => {
      const { deliveries } = route(all, FRIEND, 's@example.com', recipient);
      const names = new Set([...reachable(all, recipient), ...reachable(all, all.postmaster ?? recipient)]);
      const locals = new Set([...names].map((name) => name.split('@')[0]));
      for (const { recipient: to } of deliveries) expect(locals).toContain(to.split('@')[0]);
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

test('a stranger gets no further than our own people and aliases', () => {
  fc.assert(
    fc.property(tables, local, fc.constantFrom('example.com', 'partner.example'), (all, name, domain) => {
      const routed = route(all, STRANGER, 's@example.com', `${name}@${domain}`);
      expect(routed).toMatchObject({ verdict: { letter: 'D' }, deliveries: [] });
    }),
  );
});
