import { expect, test } from 'vitest';
import { composeDsn, type Dsn, FAILURES_NAMED_MAX } from '../../shared/core/dsn.ts';

const DSN: Dsn = {
  kind: 'failed',
  id: 'ab'.repeat(32),
  hostname: 'kabul.example.org',
  sender: 'farid@example.org',
  failures: [{ recipient: 'x@example.com', text: 'mx.example.com said: 550 5.1.1 no such user (#5.1.1)' }],
  accepted: 1_795_475_064,
  now: 1_795_478_664,
  header: Buffer.from(
    'Received: from a\nFrom: farid@example.org\nSubject: a\n folded subject\nX-Other: y\nMessage-ID: <1@x>\n',
  ),
};
const compose = (more: Partial<Dsn> = {}): string => Buffer.from(composeDsn({ ...DSN, ...more })).toString();

test('a report in full', () => {
  expect(compose()).toBe(`From: Mail delivery <MAILER-DAEMON@kabul.example.org>
To: <farid@example.org>
Subject: Your mail could not be delivered
Date: Tue, 24 Nov 2026 00:04:24 +0000
Message-ID: <abababababababababababababababab@kabul.example.org>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="report-abababababababababababababababab"

--report-abababababababababababababababab
Content-Type: text/plain; charset=utf-8

This is the mail system at kabul.example.org.

Your mail of Mon, 23 Nov 2026 23:04:24 +0000 could not be delivered. It will not be tried again.

<x@example.com>
    mx.example.com said: 550 5.1.1 no such user (#5.1.1)

Only the mail's header follows; the mail itself is not sent back.

--report-abababababababababababababababab
Content-Type: message/delivery-status

Reporting-MTA: dns; kabul.example.org
Arrival-Date: Mon, 23 Nov 2026 23:04:24 +0000

Final-Recipient: rfc822; x@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; mx.example.com said: 550 5.1.1 no such user (#5.1.1)
Last-Attempt-Date: Tue, 24 Nov 2026 00:04:24 +0000

--report-abababababababababababababababab
Content-Type: text/rfc822-headers; charset=utf-8

From: farid@example.org
Subject: a folded subject
Message-ID: <1@x>

--report-abababababababababababababababab--
`);
});

test('kinds differ in action and status', () => {
  const later = [{ recipient: 'x@example.com', text: 'said: 451 4.7.1 greylisted (#4.7.1)' }];
  expect(compose({ kind: 'delayed', failures: later })).toMatch(/Action: delayed\nStatus: 4\.7\.1\n/);
  expect(compose({ kind: 'expired', failures: later })).toMatch(/Action: failed\nStatus: 5\.4\.7\n/);
});

test('whatever the other side said stays in its place, in ASCII, and short', () => {
  const text = compose({
    failures: [{ recipient: 'فرید@example.com', text: `550 нет\nFinal-Recipient: rfc822; y@x${'z'.repeat(5000)}` }],
  });
  expect(text.match(/^Final-Recipient:/gm)).toHaveLength(1);
  expect(text).toContain('Final-Recipient: utf-8; \\x{641}\\x{631}\\x{6CC}\\x{62F}@example.com');
  expect(text).toMatch(/^[\t\n -~]*$/);
  expect(text.length).toBeLessThan(6_000);
});

test('a header of any kind stays small', () => {
  const header = Buffer.from(`Subject: ${'x'.repeat(60_000)}\nTo: ${'ü@x, '.repeat(9000)}\n`);
  expect(compose({ header }).length).toBeLessThan(6_000);
  expect(compose({ header: new Uint8Array() })).toContain('text/rfc822-headers');
});

test('very many recipients are counted, not named', () => {
  const failures = Array.from({ length: 9_000 }, (_, index) => ({ recipient: `r${index}@example.com`, text: 'no' }));
  const text = compose({ failures });
  expect(text.match(/^Final-Recipient:/gm)).toHaveLength(FAILURES_NAMED_MAX);
  expect(Buffer.from(text.split('base64\n\n')[1]?.split('\n\n')[0] ?? '', 'base64').toString()).toContain(
    'and 8500 more recipients',
  );
});
