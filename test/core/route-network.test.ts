/**
 * All machines together: a mail is routed at one, and on at the next, until it lies in mailboxes, is on the Internet, or is
 * refused. Wherever it starts, it ends at the same places, once at each, in a few hops.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Directory } from '../../shared/core/directory.ts';
import { route } from '../../shared/core/route.ts';
import type { Tables } from '../../shared/core/tables.ts';
import { directories } from '../support/directories.ts';
import { alias, FRIEND, full, hubTablesOf, move, network, officeTablesOf } from '../support/directory.ts';

const HOPS_MAX = 10;
const RUNS = 1_500;
/** A failure is the same failure on every machine. */
const SEED = 2004;

/** `herat/users/farid`, `hub/internet friend@example.com`, `refused gone@example.org`: every end, as often as it is reached. */
function ends(
  directory: Directory,
  start: string,
  recipient: string,
  stale: Record<string, Directory> = {},
): readonly string[] {
  const machines = new Map<string, Tables>();
  const tablesAt = (name: string): Tables => {
    const known = stale[name] ?? directory;
    const tables = machines.get(name) ?? (name === 'hub' ? hubTablesOf(known) : officeTablesOf(known, name));
    machines.set(name, tables);
    return tables;
  };
  const found: string[] = [];
  const walk = (at: string, sender: string, recipients: readonly string[], hops: number): void => {
    const peer = at !== 'hub' && hops > 0 ? { name: 'hub', relays: true } : FRIEND;
    if (hops > HOPS_MAX) return void found.push(`circle ${recipients}`);
    const deliveries = recipients.flatMap((to) => {
      const routed = route(tablesAt(at), peer, sender, to);
      if (routed.verdict.letter !== 'K') found.push(`refused ${to}`);
      return routed.deliveries;
    });
    // As accept does it: a file for each mailbox, an entry for each maildir and sender.
    found.push(...new Set(deliveries.flatMap(({ form, maildir }) => (form === 'mailbox' ? [`${at}/${maildir}`] : []))));
    const entries = deliveries.filter(({ form }) => form === 'entry');
    for (const [, group] of Map.groupBy(entries, ({ maildir, sender: from }) => `${maildir} ${from}`)) {
      const [{ maildir = '', sender: from = '' } = {}] = group;
      const next = [...new Set(group.map(({ recipient: to }) => to))];
      if (maildir === 'internet') found.push(...next.map((to) => `hub/internet ${to.toLowerCase()}`));
      else walk(maildir === 'out' ? 'hub' : maildir.slice('office/'.length), from, next, hops + 1);
    }
  };
  walk(start, 's@example.com', [recipient], 0);
  return found.sort();
}

const name = fc.constantFrom('a', 'b', 'farid', 'holly');
const domain = fc.constantFrom(
  'example.org',
  'example.org',
  'herat.example.org',
  'mazar.example.org',
  'kabul.example.org',
  'partner.net',
);
const address = fc.tuple(name, domain).map(([local, at]) => `${local}@${at}`);
const aliasKey = fc.oneof(
  { weight: 5, arbitrary: address },
  domain.map((at) => `@${at}`),
  name.map((local) => `${local}@`),
);
const directory = directories(address, aliasKey);

/** Where nobody is, a list's mail is refused where it is noticed; at an office it first goes to the hub. */
const isEnd = (end: string): boolean => !end.startsWith('refused ') && !end.startsWith('hub/internet ');

test('it never goes round, and no mailbox gets it twice', () => {
  fc.assert(
    fc.property(directory, fc.constantFrom('hub', 'herat', 'mazar', 'farah'), address, (all, start, recipient) => {
      const reached = ends(all, start, recipient);
      expect(reached.filter((end) => end.startsWith('circle'))).toEqual([]);
      const mailboxes = reached.filter(isEnd);
      expect(new Set(mailboxes).size).toBe(mailboxes.length);
      expect(reached.length).toBeGreaterThan(0);
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

test('it ends in the same mailboxes wherever it starts', () => {
  fc.assert(
    fc.property(directory, fc.constantFrom('herat', 'mazar', 'farah'), address, (all, start, recipient) => {
      expect(ends(all, start, recipient).filter(isEnd)).toEqual(ends(all, 'hub', recipient).filter(isEnd));
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

describe('holly has moved, and an office does not know yet', () => {
  const before = network(alias('staff', 'farid', 'holly', 'nadia'));
  const after = network(alias('staff', 'farid', 'holly', 'nadia'), move('holly', 'mazar'));
  test('herat writes to her: it lies in her old mailbox, once', () =>
    expect(ends(after, 'herat', full('holly'), { herat: before })).toEqual(['herat/users/holly']));
  test('farah writes to her: it goes to mazar', () =>
    expect(ends(after, 'farah', full('holly'), { farah: before })).toEqual(['mazar/users/holly']));
  test('mazar does not know of her: it goes up, and the next trip brings the directory', () =>
    expect(ends(after, 'farah', full('holly'), { mazar: before })).toContain('circle holly@mazar.example.org'));
  test('what was on its way to herat comes back and goes to mazar', () =>
    expect(ends(after, 'herat', 'holly@herat.example.org')).toEqual(['mazar/users/holly']));
});
