import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { netstring } from '../../shared/core/netstring.ts';
import { QmtpReceiver, type ReceiverEvent } from '../../shared/core/qmtp-receiver.ts';
import { accepted, deferred, refused } from '../../shared/core/verdict.ts';
import { ways } from '../support/ways.ts';

const LIMITS = { mailBytesMax: 1000, recipientsMax: 50 };
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A package as text, written by hand so that faults can be written too. */
function pack(text: string, sender: string, recipients: readonly string[]): string {
  const list = recipients.map((recipient) => netstring(latin1(recipient)).toString('latin1')).join('');
  return [text, sender, list].map((part) => netstring(latin1(part)).toString('latin1')).join('');
}

interface Heard {
  mails: { sender: string; recipients: readonly string[]; body: string }[];
  answers: string;
  fault: string | undefined;
  mid: boolean;
}

/** Runs a receiver over the pieces; every open recipient gets `Kok`. */
function hear(pieces: readonly Uint8Array[], limits = LIMITS): Heard {
  const receiver = new QmtpReceiver(limits);
  const heard: Heard = { mails: [], answers: '', fault: undefined, mid: false };
  let body = '';
  const take = (event: ReceiverEvent): void => {
    if (event.type === 'mail-start') body = '';
    else if (event.type === 'body') body += Buffer.from(event.bytes).toString('latin1');
    else if (event.type === 'fault') heard.fault = event.reason;
    else {
      const { mail, sender, recipients } = event;
      heard.mails.push({ sender, recipients, body });
      heard.answers += Buffer.from(
        receiver.answer(
          mail,
          recipients.map(() => accepted('ok')),
        ),
      );
    }
  };
  for (const piece of pieces) for (const event of receiver.receive(piece)) take(event);
  heard.mid = receiver.midPackage;
  return heard;
}

const DOCUMENTED = '19:\nSubject: t\n\nhello\n,7:s@x.org,27:23:akbar@kabul.example.org,,';

describe('well-formed', () => {
  test.each([
    ['the documented example', DOCUMENTED, [['s@x.org', ['akbar@kabul.example.org'], 'Subject: t\n\nhello\n']]],
    ['an empty sender', pack('\nb', '', ['a@b']), [['', ['a@b'], 'b']]],
    ['an empty body', pack('\n', 's', ['a@b']), [['s', ['a@b'], '']]],
    ['CRLF', pack('\ra\rb\r\n c\r\r\nd\ne\r', 's', ['a@b']), [['s', ['a@b'], 'a\rb\n c\r\nd\ne\r']]],
    ['LF keeps CRLF', pack('\na\r\nb\r', 's', ['a@b']), [['s', ['a@b'], 'a\r\nb\r']]],
    ['many recipients', pack('\nb', 's', ['a@b', 'c', 'a@b']), [['s', ['a@b', 'c', 'a@b'], 'b']]],
    ['8-bit body and NUL', pack('\n\0\xff\xfe', 's', ['a@b']), [['s', ['a@b'], '\0\xff\xfe']]],
    [
      'two packages',
      pack('\n1', 's', ['a']) + pack('\r2\r\n', 't', ['b', 'c']),
      [
        ['s', ['a'], '1'],
        ['t', ['b', 'c'], '2\n'],
      ],
    ],
  ] as [string, string, [string, string[], string][]][])('%s', (_, text, mails) => {
    const expected = mails.map(([sender, recipients, body]) => ({ sender, recipients, body }));
    const answers = '3:Kok,'.repeat(mails.flatMap(([, recipients]) => recipients).length);
    for (const pieces of ways(latin1(text)))
      expect(hear(pieces)).toEqual({ mails: expected, answers, fault: undefined, mid: false });
    // Trailing bytes of the next package change nothing, and are known to be a part.
    for (const tail of ['5', '5:\nabc', '2:\n']) {
      const heard = hear([latin1(text + tail)]);
      expect(heard).toEqual({ mails: expected, answers, fault: undefined, mid: true });
    }
  });
});

describe('refused alone or in whole', () => {
  const bad = "46:Dsorry, I can't handle that recipient (#5.1.3),";
  test.each([
    ['a recipient of 999 bytes', pack('\nb', 's', ['a'.repeat(999)]), '3:Kok,'],
    ['a recipient of 1000 bytes', pack('\nb', 's', ['a', 'b'.repeat(1000), 'c']), `3:Kok,${bad}3:Kok,`],
    ['a recipient of 5000 bytes', pack('\nb', 's', ['b'.repeat(5000), 'c']), `${bad}3:Kok,`],
    ['a recipient with NUL', pack('\nb', 's', ['a\0b', 'c']), `${bad}3:Kok,`],
    ['a recipient with a line end', pack('\nb', 's', ['c', 'a\nb']), `3:Kok,${bad}`],
    ['an empty recipient', pack('\nb', 's', ['', 'c']), `${bad}3:Kok,`],
    [
      'a sender of 1000 bytes',
      pack('\nb', 's'.repeat(1000), ['a', 'b']),
      '29:Dunacceptable sender (#5.1.7),'.repeat(2),
    ],
    ['a sender with NUL', pack('\nb', 's\0', ['a', 'b']), '29:Dunacceptable sender (#5.1.7),'.repeat(2)],
    ['a body at the limit', pack(`\n${'b'.repeat(1000)}`, 's', ['a']), '3:Kok,'],
    [
      'a body above the limit',
      pack(`\n${'b'.repeat(1001)}`, 's', ['a', 'c']),
      '61:Dsorry, that message size exceeds my databytes limit (#5.3.4),'.repeat(2),
    ],
    ['CRLF counts as LF', pack(`\r${'b'.repeat(999)}\r\n`, 's', ['a']), '3:Kok,'],
    [
      'a held CR counts',
      pack(`\r${'b'.repeat(1000)}\r`, 's', ['a']),
      '61:Dsorry, that message size exceeds my databytes limit (#5.3.4),',
    ],
  ])('%s', (_, text, answers) => {
    for (const pieces of ways(latin1(text))) {
      const heard = hear(pieces);
      expect(heard.answers).toBe(answers);
      expect(heard.fault).toBeUndefined();
    }
  });

  test('recipients above the bound are told to come again', () => {
    const heard = hear([latin1(pack('\nb', 's', ['a', 'b', 'c', 'd']))], { mailBytesMax: 1000, recipientsMax: 2 });
    expect(heard.mails[0]?.recipients).toEqual(['a', 'b']);
    expect(heard.answers).toMatch(/^3:Kok,3:Kok,(\d+:Ztoo many recipients [^,;]*[^Z]*,){2}$/);
  });

  test('of a sender that is far too long little is kept, also byte by byte', () => {
    const receivers = Array.from({ length: 20 }, () => new QmtpReceiver(LIMITS));
    const before = process.memoryUsage();
    for (const receiver of receivers) {
      expect([...receiver.receive(latin1('2:\nb,100000:'))].map(({ type }) => type)).toEqual(['mail-start', 'body']);
      for (let sent = 0; sent < 100_000; sent += 1) for (const _ of receiver.receive(Uint8Array.of(120)));
    }
    const after = process.memoryUsage();
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(60_000_000);
    for (const receiver of receivers) {
      const [end] = [...receiver.receive(latin1(',4:1:a,,'))];
      expect(end).toMatchObject({ type: 'mail-end', recipients: [] });
    }
  });

  test('no more body is handed on once it is too large', () => {
    const receiver = new QmtpReceiver(LIMITS);
    const events = [...ways(latin1(pack(`\n${'b'.repeat(3000)}`, 's', ['a'])))][1]?.flatMap((piece) => [
      ...receiver.receive(piece),
    ]);
    const bytes = events?.reduce((sum, event) => sum + (event.type === 'body' ? event.bytes.length : 0), 0);
    expect(bytes).toBe(1000);
  });
});

describe('out of place: what came before stands', () => {
  const good = pack('\nb', 's', ['a']);
  test.each([
    ['first byte of the text', pack('xb', 's', ['a']), 'first byte'],
    ['an empty text', pack('', 's', ['a']), 'without the byte'],
    ['no recipients', pack('\nb', 's', []), 'without recipients'],
    ['leading zero', '02:\nb,1:s,4:1:a,,', 'leading zero'],
    ['leading zero inside', '2:\nb,1:s,5:01:a,,', 'leading zero'],
    ['no length as an empty sender', '2:\nb,:,4:1:a,,', 'begins with its length'],
    ['a colon off its place inside', '2:\nb,1:s,4:1;a,,', 'begins with its length'],
    ['overrun inside', '2:\nb,1:s,4:2:a,,', 'overruns'],
    ['an open length inside', '2:\nb,1:s,5:1:a,1,', 'overruns'],
    ['wrong comma of the text', '2:\nb;1:s,4:1:a,,', 'no comma'],
    ['wrong comma of the sender', '2:\nb,1:s;4:1:a,,', 'no comma'],
    ['wrong comma inside', '2:\nb,1:s,4:1:a;,', 'no comma'],
    ['wrong comma of the list', '2:\nb,1:s,4:1:a,;', 'no comma'],
    ['a huge sender', '2:\nb,100001:', 'longer than any address'],
    ['a huge list', '2:\nb,1:s,20000001:', 'longer than any honest one'],
    ['a huge text', '2000000000000:', 'terabyte'],
  ])('%s', (_, text, fault) => {
    for (const pieces of ways(latin1(good + text + good))) {
      const heard = hear(pieces);
      expect(heard.mails).toEqual([{ sender: 's', recipients: ['a'], body: 'b' }]);
      expect(heard.answers).toBe('3:Kok,');
      expect(heard.fault).toContain(fault);
      expect(heard.mid).toBe(false);
    }
  });

  test('cut short anywhere: no mail, no answer', () => {
    const bytes = latin1(DOCUMENTED);
    for (let at = 1; at < bytes.length; at += 1)
      expect(hear([bytes.subarray(0, at)])).toEqual({ mails: [], answers: '', fault: undefined, mid: true });
  });
});

test('answers leave in the order of the mails, whatever the order of the verdicts', () => {
  const receiver = new QmtpReceiver(LIMITS);
  expect(
    [
      ...receiver.receive(latin1(pack('\n0', 's', ['a', 'b']) + pack('\n1', 's', ['c', '']) + pack('\n2', 's', ['d']))),
    ].at(-1)?.type,
  ).toBe('mail-end');
  expect(receiver.inHand).toBe(3);
  expect(receiver.answer(2, [refused('two')])).toHaveLength(0);
  expect(receiver.answer(1, [deferred('one')])).toHaveLength(0);
  const bytes = Buffer.from(receiver.answer(0, [accepted('zero'), refused('zero')])).toString();
  expect(bytes.match(/:[KZD]\w+/g)).toEqual([':Kzero', ':Dzero', ':Zone', ':Dsorry', ':Dtwo']);
  expect(receiver.inHand).toBe(0);
});

test('verdicts that do not fit the mail are a fault of the caller', () => {
  const receiver = new QmtpReceiver(LIMITS);
  expect([...receiver.receive(latin1(pack('\n0', 's', ['a', 'b'])))].at(-1)?.type).toBe('mail-end');
  expect(() => receiver.answer(0, [accepted('one')])).toThrow('waits for 2 verdicts, 1 given');
  expect(() => receiver.answer(7, [])).toThrow('mail 7');
});

test('an answer is one line of bounded length', () => {
  const receiver = new QmtpReceiver(LIMITS);
  expect([...receiver.receive(latin1(pack('\n0', 's', ['a'])))].at(-1)?.type).toBe('mail-end');
  const answer = Buffer.from(receiver.answer(0, [refused(`evil\r\n,3:Kok,${'x'.repeat(5000)}`)])).toString();
  expect(answer).toMatch(/^501:Devil ,3:Kok,x+,$/);
});

test('garbage never does more than fault, and one way of reading it is as another', () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    // Near misses: a good stream with one byte changed.
    fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })).map(([at, byte]) => {
      const bytes = latin1(DOCUMENTED + pack('\rx\r\n', '', ['q', 'r']));
      bytes[at % bytes.length] = byte;
      return new Uint8Array(bytes);
    }),
  );
  fc.assert(
    fc.property(noise, (bytes) => {
      const [whole, single] = [...ways(bytes)].slice(0, 2).map((pieces) => hear(pieces));
      expect(single ?? whole).toEqual(whole);
    }),
    { numRuns: 500 },
  );
});
