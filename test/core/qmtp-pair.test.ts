/** The two real ends, plugged into each other. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { QmtpReceiver } from '../../shared/core/qmtp-receiver.ts';
import { QmtpSender, type SenderEvent } from '../../shared/core/qmtp-sender.ts';
import { accepted, deferred, refused, type Verdict } from '../../shared/core/verdict.ts';
import { ways } from '../support/ways.ts';

const OPEN = { mailsMax: 1000, bytesMax: 1e9 };

function packageOf(sender: QmtpSender, mail: { sender: string; recipients: readonly string[] }, body: string): Buffer {
  const bytes = Buffer.from(body);
  const { bytes: head } = sender.begin({ ...mail, size: bytes.length });
  return Buffer.concat([head, sender.body(bytes), sender.end()]);
}

test('the documented bytes', () => {
  const sender = new QmtpSender(OPEN);
  const bytes = packageOf(
    sender,
    { sender: 's@x.org', recipients: ['akbar@kabul.example.org'] },
    'Subject: t\n\nhello\n',
  );
  expect(bytes.toString()).toBe('19:\nSubject: t\n\nhello\n,7:s@x.org,27:23:akbar@kabul.example.org,,');
  for (const pieces of ways(Buffer.from('22:Kok 1795471464 qp 7560,'))) {
    const fresh = new QmtpSender(OPEN);
    packageOf(fresh, { sender: '', recipients: ['a'] }, '');
    expect(pieces.flatMap((piece) => fresh.receive(piece))).toEqual([
      { type: 'settled', mail: 0, recipient: 0, verdict: accepted('ok 1795471464 qp 7560') },
    ]);
    expect(fresh.waiting).toBe(0);
  }
});

const verdicts: fc.Arbitrary<Verdict> = fc
  .tuple(fc.constantFrom(accepted, deferred, refused), fc.nat())
  .map(([make, n]) => make(`n ${n}`));
const mails = fc.array(
  fc.record({
    sender: fc.stringMatching(/^[a-z@.]{0,20}$/),
    answers: fc.array(fc.tuple(fc.stringMatching(/^[a-zé@.]{1,20}$/), verdicts), { minLength: 1, maxLength: 5 }),
    body: fc.string({ unit: 'binary', maxLength: 300 }),
  }),
  { maxLength: 12 },
);

test('whatever the mails, the cuts and the order of accepting: each verdict reaches its recipient', () => {
  fc.assert(
    fc.property(
      mails,
      fc.infiniteStream(fc.integer({ min: 1, max: 97 })),
      fc.infiniteStream(fc.nat()),
      (sent, cuts, picks) => {
        const sender = new QmtpSender(OPEN);
        const receiver = new QmtpReceiver({ mailBytesMax: 1e6, recipientsMax: 100 });
        let up = Buffer.concat(
          sent.map(({ sender: from, answers, body }) =>
            packageOf(sender, { sender: from, recipients: answers.map(([r]) => r) }, body),
          ),
        );
        const bodies = new Map<number, Buffer>();
        const inHand: number[] = [];
        const down: Uint8Array[] = [];
        while (up.length > 0) {
          const cut = cuts.next().value as number;
          for (const event of receiver.receive(up.subarray(0, cut))) {
            if (event.type === 'mail-start') bodies.set(event.mail, Buffer.alloc(0));
            else if (event.type === 'body')
              bodies.set(event.mail, Buffer.concat([bodies.get(event.mail) as Buffer, event.bytes]));
            else if (event.type === 'mail-end') inHand.push(event.mail);
            else expect.fail(event.reason);
          }
          up = up.subarray(cut);
        }
        while (inHand.length > 0) {
          const [mail] = inHand.splice((picks.next().value as number) % inHand.length, 1) as [number];
          down.push(receiver.answer(mail, sent[mail]?.answers.map(([, verdict]) => verdict) ?? []));
        }
        const events = down.flatMap((bytes) => sender.receive(bytes));
        expect(events).toEqual(
          sent.flatMap(({ answers }, mail) =>
            answers.map(([, verdict], recipient): SenderEvent => ({ type: 'settled', mail, recipient, verdict })),
          ),
        );
        expect([...bodies.values()].map(String)).toEqual(sent.map(({ body }) => Buffer.from(body).toString()));
        expect(sender.waiting).toBe(0);
      },
    ),
  );
});

describe('answers out of place', () => {
  test.each([
    ['before any mail', '3:Kok,', 0, 'no mail waits'],
    ['one too many', '3:Kok,3:Kok,', 1, 'no mail waits'],
    ['another letter', '3:Xok,', 1, 'K, Z or D'],
    ['empty', '0:,', 1, 'K, Z or D'],
    ['leading zero', '03:Kok,', 1, 'leading zero'],
    ['SMTP', '220 mail.example.org ESMTP\r\n', 1, 'begins with its length'],
    ['endless', `20000:K${'x'.repeat(19_999)},`, 1, 'K, Z or D'],
  ])('%s', (_, answer, count, reason) => {
    for (const pieces of ways(Buffer.from(answer))) {
      const sender = new QmtpSender(OPEN);
      if (count > 0) packageOf(sender, { sender: '', recipients: ['a'] }, 'body');
      const events = pieces.flatMap((piece) => sender.receive(piece));
      expect(events.at(-1)).toEqual({ type: 'fault', reason: expect.stringContaining(reason) });
      expect(sender.hasRoom(1)).toBe(false);
      expect(sender.receive(Buffer.from('3:Kok,'))).toEqual([]);
    }
  });

  test('an answer to a mail that is still being sent is not believed', () => {
    const sender = new QmtpSender(OPEN);
    sender.begin({ sender: '', recipients: ['a'], size: 4 });
    sender.body(Buffer.from('bo'));
    expect(sender.receive(Buffer.from('3:Kok,'))).toEqual([
      { type: 'fault', reason: 'an answer that no mail waits for' },
    ]);
  });
});

test('the window: by mails, by bytes, and one large mail alone', () => {
  const sender = new QmtpSender({ mailsMax: 2, bytesMax: 10 });
  const mail = { sender: '', recipients: ['a'] };
  expect(sender.hasRoom(5000)).toBe(true);
  packageOf(sender, mail, '12345');
  expect([sender.hasRoom(5), sender.hasRoom(6)]).toEqual([true, false]);
  packageOf(sender, mail, '');
  expect(sender.hasRoom(0)).toBe(false);
  expect(() => sender.begin({ ...mail, size: 0 })).toThrow('room');
  sender.receive(Buffer.from('3:Kok,'));
  expect(sender.hasRoom(10)).toBe(true);
});

test('a body that is not what was announced never leaves', () => {
  const sender = new QmtpSender(OPEN);
  sender.begin({ sender: '', recipients: ['a'], size: 3 });
  expect(() => sender.end()).toThrow('shorter');
  expect(() => sender.body(Buffer.from('1234'))).toThrow('longer');
  expect(() => new QmtpSender(OPEN).begin({ sender: '', recipients: [], size: 0 })).toThrow('recipients');
});
