import { expect, test } from 'vitest';
import { parseAddressList } from '../../shared/core/address-list.ts';

test.each<[list: string, addresses: string[]]>([
  ['tom@example.org', ['tom@example.org']],
  ['Tom <tom@example.org>, eva@x.org', ['tom@example.org', 'eva@x.org']],
  ['"Kurz, Eva" <eva@x.org> (desk, 3)', ['eva@x.org']],
  ['a@x.org (one (two, three)), b@x.org', ['a@x.org', 'b@x.org']],
  ['team: a@x.org, b@x.org;, c@x.org', ['a@x.org', 'b@x.org', 'c@x.org']],
  ['undisclosed-recipients:;', []],
  ['"a,b"@c.org', ['"a,b"@c.org']],
  ['<@relay.org:user@y.org>', ['user@y.org']],
  ['Eva "the (quiet) one" <eva@x.org>', ['eva@x.org']],
  ['farid', ['farid']],
  ['', []],
  [' , ,, ', []],
  ['"no end <a@x.org>', ['a@x.org']],
])('%s', (list, addresses) => {
  expect(parseAddressList(list)).toEqual(addresses);
});

// The time that it may take is the test's own: patterns that go back and forth would need hours.
test.each(['(', '"', '<', '\\', 'a,', '()', '"("'])('64 KB of %s', (piece) => {
  const addresses = parseAddressList(piece.repeat(64_000 / piece.length));
  expect(addresses.length).toBeLessThanOrEqual(32_000);
});
