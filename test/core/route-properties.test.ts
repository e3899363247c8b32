/** Whatever an operator writes into the tables: routing ends, drops nobody, and asks nothing of luck. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Alias, AT_HUB } from '../../shared/core/directory.ts';
import { route } from '../../shared/core/route.ts';
import { makeTables, type Tables } from '../../shared/core/tables.ts';
import { FRIEND, STRANGER } from '../support/directory.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'postmaster'];
const DOMAINS = ['example.org', 'herat.example.org', 'kabul.example.org', 'partner.net', 'x.west.example.org'];
const POSTS = ['herat', 'mazar', 'hub', 'internet'];

const local = fc.constantFrom(...NAMES);
const address = fc.tuple(local, fc.constantFrom(...DOMAINS)).map(([name, domain]) => `${name}@${domain}`);
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
    { numRuns: 3000 },
  );
});

test('every delivery stays inside its folder, and no two are one', () => {
  fc.assert(
    fc.property(tables, address, (all, recipient) => {
      const { deliveries } = route(all, FRIEND, 's@example.com', recipient);
      for (const { maildir } of deliveries)
        expect(maildir).toMatch(/^(?:internet|out|office\/(?:herat|mazar)|(?:mailbox|users)\/[a-z]+)$/);
      const names = deliveries.map(({ maildir, sender, recipient: to, form }) =>
        form === 'mailbox' ? maildir : [maildir, sender, to].join(' '),
      );
      expect(new Set(names).size).toBe(names.length);
    }),
    { numRuns: 3000 },
  );
});

test('a list drops nobody: each of its people gets it, or is sent on to be refused', () => {
  fc.assert(
    fc.property(tables, fc.uniqueArray(address, { minLength: 1, maxLength: 6 }), (all, members) => {
      const plain = { ...all, aliases: new Map([['list@example.org', { targets: members }]]) };
      const { verdict, deliveries } = route(plain, FRIEND, 's@example.com', 'list@example.org');
      const alone = members.map((member) => route({ ...plain, aliases: new Map() }, FRIEND, 's@example.com', member));
      expect(verdict.letter).toBe(alone.some((routed) => routed.verdict.letter === 'K') ? 'K' : 'D');
      if (verdict.letter !== 'K') return;
      const wanted = alone.flatMap((routed, index) =>
        routed.verdict.letter === 'K'
          ? routed.deliveries.map(({ maildir, recipient }) => `${maildir} ${recipient}`)
          : [`${all.here === AT_HUB ? 'internet' : 'out'} ${members[index]}`],
      );
      const got = deliveries.map(({ maildir, recipient }) => `${maildir} ${recipient}`);
      // Of two addresses that lead to one mailbox, the first stands for both.
      const mailboxOf = (text: string): string =>
        /^(?:users|mailbox)\//.test(text) ? (text.split(' ')[0] ?? '') : text;
      expect(new Set(got.map(mailboxOf))).toEqual(new Set(wanted.map(mailboxOf)));
    }),
    { numRuns: 3000 },
  );
});

test('aliases lead nowhere but where they say', () => {
  fc.assert(
    fc.property(tables, address, (all, recipient) => {
      const { deliveries } = route(all, FRIEND, 's@example.com', recipient);
      const names = new Set([...reachable(all, recipient), ...reachable(all, all.postmaster ?? recipient)]);
      const locals = new Set([...names].map((name) => name.split('@')[0]));
      for (const { recipient: to } of deliveries) expect(locals).toContain(to.split('@')[0]);
    }),
    { numRuns: 3000 },
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
