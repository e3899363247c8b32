import { describe, expect, test } from 'vitest';
import { receivedLine } from '../../shared/core/trace.ts';

const trace = { protocol: 'ESMTP', hostname: 'kabul.example.org', nonce: 'a1b2', now: 1_795_471_464 };

describe('the Received line', () => {
  test('says who, where, how and when', () => {
    expect(receivedLine({ ...trace, helo: 'mx.example.com', address: '192.0.2.7' })).toBe(
      'Received: from mx.example.com (192.0.2.7) by kabul.example.org with ESMTP id a1b2; Mon, 23 Nov 2026 22:04:24 +0000\n',
    );
    expect(receivedLine({ ...trace, protocol: 'local' })).toBe(
      'Received: by kabul.example.org with local id a1b2; Mon, 23 Nov 2026 22:04:24 +0000\n',
    );
  });

  test('stays one short line of ASCII whatever a stranger calls himself', () => {
    const line = receivedLine({
      ...trace,
      helo: `x\r\nBcc: everybody (;"é${'y'.repeat(5000)}`,
      address: 'fe80::1%eth0',
    });
    expect(line).toMatch(/^Received: [ -~]+\n$/);
    expect(line.length).toBeLessThan(300);
    expect(line.split(';')).toHaveLength(2);
  });
});
