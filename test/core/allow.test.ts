import { describe, expect, test } from 'vitest';
import { allowRuleFor, readAllowLines } from '../../shared/core/allow.ts';

const lines = (...addresses: string[]) => addresses.map((address) => ({ address, office: address, relay: true }));

describe('the longest prefix decides', () => {
  const { rules, faults } = readAllowLines(
    lines(
      '10.0.0.0/8',
      '10.1.0.0/16',
      '10.1.2.3',
      '0.0.0.0/0',
      '2001:db8::/32',
      '2001:db8::1',
      '::/0',
      '192.168.7.128/25',
    ),
  );
  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.4', '10.1.0.0/16'],
    ['10.2.0.1', '10.0.0.0/8'],
    ['11.0.0.0', '0.0.0.0/0'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::ffff:a01:203', '10.1.2.3'],
    ['192.168.7.200', '192.168.7.128/25'],
    ['192.168.7.127', '0.0.0.0/0'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:0db8:0:0:0:0:0:2', '2001:db8::/32'],
    ['fe80::1%eth0', '::/0'],
  ])('%s', (address, rule) => {
    expect(faults).toEqual([]);
    expect(allowRuleFor(rules, address)?.address).toBe(rule);
  });
});

test('no rule: a stranger', () => {
  const { rules } = readAllowLines(lines('10.0.0.0/8', '::1'));
  for (const address of ['11.0.0.1', '::2', '', 'nonsense', '10.0.0', '10.0.0.1.2', '::ffff:11.0.0.1'])
    expect(allowRuleFor(rules, address)).toBeUndefined();
});

describe('a line that could never match', () => {
  test.each([
    ['a name', ['farah.example.org'], 'no address'],
    ['the form of tcprules', ['10.1.'], 'no address'],
    ['a range', ['10.1.0.1-9'], 'no address'],
    ['too large a part', ['256.0.0.1'], 'no address'],
    ['octal', ['010.0.0.1'], 'no address'],
    ['two lengths', ['10.0.0.0/8/8'], 'no address'],
    ['too long', ['10.0.0.0/33'], 'from 0 to 32'],
    ['no length', ['10.0.0.0/'], 'from 0 to 32'],
    ['too long for IPv6', ['2001:db8::/129'], 'from 0 to 128'],
    ['bits behind the prefix', ['10.1.0.0/8'], 'write 10.0.0.0/8'],
    ['bits behind an IPv6 prefix', ['2001:db8::1/32'], 'bits set behind'],
    ['IPv4 in IPv6 form', ['::ffff:10.0.0.0/104'], 'write it as IPv4'],
    ['twice', ['10.0.0.0/8', '10.0.0.0/8'], 'earlier line'],
    ['twice, written otherwise', ['2001:db8::/32', '2001:DB8:0::/32'], 'earlier line'],
    ['covered by longer ones', ['10.0.0.0/9', '10.128.0.0/9', '10.0.0.0/8'], 'could never match'],
    ['covered in depth', ['10.0.0.0/9', '10.128.0.0/10', '10.192.0.0/10', '10.0.0.0/8'], 'could never match'],
    ['a dot in the middle', ['1.2.3.4::'], 'no address'],
    ['too many groups', ['1:2:3:4:5:6:7:8:9'], 'no address'],
    ['two gaps', ['1::2::3'], 'no address'],
    ['too few groups', ['1:2:3'], 'no address'],
  ])('%s', (_, addresses, text) => {
    const { faults } = readAllowLines(lines(...addresses));
    expect(faults).toEqual([{ line: addresses.length - 1, text: expect.stringContaining(text) }]);
  });

  test('covered in part is fine', () => {
    expect(readAllowLines(lines('10.0.0.0/8', '10.0.0.0/9', '10.192.0.0/10')).faults).toEqual([]);
  });
});
