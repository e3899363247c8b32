import { expect, test } from 'vitest';
import { isDevice, rulesOf } from '../../agent/nftables.ts';

const LOCK = {
  device: 'ppp0',
  port: 443,
  addresses: ['192.0.2.1', '2001:db8::1'],
  near: ['192.168.7.5/24', 'fe80::1/64'],
};

test('the hub, the house and DHCP are let through, names where the hub has one, and nothing else', () => {
  const rules = rulesOf({ ...LOCK, isNamed: true, user: 999 });
  const [, out = ''] = rules.split('chain out');
  const accepted = [...out.matchAll(/^ +(.*) accept$/gm)].map(([, rule]) => rule);
  expect(accepted).toEqual([
    'oifname != "ppp0"',
    'ip daddr 192.168.7.5/24',
    'ip6 daddr fe80::1/64',
    'ip daddr 192.0.2.1 tcp dport 443',
    'ip6 daddr 2001:db8::1 tcp dport 443',
    'meta skuid 999 tcp dport 443',
    'meta l4proto { tcp, udp } th dport 53',
    'udp sport 68 udp dport 67',
    'udp sport 546 udp dport 547',
    'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report }',
  ]);
  expect(rulesOf({ ...LOCK, isNamed: false, user: 0 })).not.toMatch(/dport 53|skuid/);
});

test.each(['ppp0"; drop', 'a b', '', 'sixteen-letters-', 'x\n}'])('"%s" is no interface', (device) => {
  expect(isDevice(device)).toBe(false);
  expect(() => rulesOf({ ...LOCK, device, isNamed: false, user: 0 })).toThrow('no name of an interface');
});
