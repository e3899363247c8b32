/** Senders of strangers, rewritten and found back. */
import { expect, test } from 'vitest';
import { makeSrs } from '../../hub/srs.ts';
import { hubTablesOf, network } from '../support/directory.ts';

const NOW = 1_795_471_464;
const DAY = 86_400;
const tables = hubTablesOf(network());
const srs = makeSrs(Buffer.alloc(32, 7));
const back = (recipient: string, now = NOW) => srs.returning(tables, recipient, now);

test('a stranger gets a sender of ours, and a bounce to it finds him', () => {
  const sender = srs.leaving(tables, 'Friend+x@Example.com', NOW);
  expect(sender).toMatch(/^SRS0=[a-z2-7]{8}=[a-z2-7]{2}=example\.com=Friend\+x@example\.org$/);
  expect(back(sender)).toEqual({ recipient: 'Friend+x@example.com' });
  expect(back(sender.toLowerCase())).toEqual({ recipient: 'friend+x@example.com' });
});

test.each(['', 'farid@example.org', 'farid@herat.example.org', 'x@kabul.example.org'])(
  'a sender of ours, %j, stays as it is',
  (sender) => expect(srs.leaving(tables, sender, NOW)).toBe(sender),
);

test('one that another forwarder has rewritten keeps its first part, and goes back by way of that forwarder', () => {
  const first = 'SRS0=abcd=QX=far.example=friend@b.example';
  const second = srs.leaving(tables, first, NOW);
  expect(second).toMatch(/^SRS1=[a-z2-7]{8}=b\.example==abcd=QX=far\.example=friend@example\.org$/);
  expect(back(second)).toEqual({ recipient: first });
  const third = srs.leaving(tables, 'SRS1=zzzz=b.example==abcd=QX=far.example=friend@c.example', NOW);
  expect(back(third)).toEqual({ recipient: first });
});

test('an address that we did not make, or made too long ago, leads nowhere', () => {
  const sender = srs.leaving(tables, 'friend@example.com', NOW);
  const text = (found: ReturnType<typeof back>) => (found && 'refusal' in found ? found.refusal.verdict.text : found);
  expect(text(back(sender.replace('friend', 'fiend')))).toBe('there is no such sender here (#5.1.1)');
  expect(text(makeSrs(Buffer.alloc(32, 8)).returning(tables, sender, NOW))).toBe(
    'there is no such sender here (#5.1.1)',
  );
  expect(back(sender, NOW + 30 * DAY)).toEqual({ recipient: 'friend@example.com' });
  expect(text(back(sender, NOW + 31 * DAY))).toBe('that sender was good for 30 days, which are over (#5.1.1)');
  expect(back('friend@example.org')).toBe(undefined);
  expect(back(sender.replace('@example.org', '@example.net'))).toBe(undefined);
});
