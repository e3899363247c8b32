import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pop3Session, type Pop3Step } from '../../shared/core/pop3.ts';
import { Pop3Size, Pop3Text } from '../../shared/core/pop3-text.ts';

const MAILS = [
  { size: 120, uid: 'a' },
  { size: 200, uid: 'b' },
  { size: 45, uid: 'c' },
];

/** What a whole dialogue leads to; every login is answered with the three mails. */
function talk(bytes: string, session = new Pop3Session()): readonly (Pop3Step | string)[] {
  session.receive(Buffer.from(bytes));
  const steps: (Pop3Step | string)[] = [];
  for (let step = session.next(); step; step = session.next()) {
    if (step.type === 'reply') steps.push(step.text.replaceAll('\r\n', '|'));
    else steps.push(step);
    if (step.type === 'login') session.opened(MAILS);
  }
  return steps;
}

const LOGIN = 'USER farid\r\nPASS p w\r\n';
/** The steps of commands after a login. */
const inside = (commands: string): readonly (Pop3Step | string)[] => talk(LOGIN + commands).slice(2);

test('USER and PASS are a login; a password may hold blanks', () => {
  expect(talk('USER farid\r\nPASS  p w \r\n')[1]).toEqual({ type: 'login', name: 'farid', password: ' p w ' });
});

test.each([
  ['PASS secret', /^-ERR USER comes first/],
  ['USER', /^-ERR USER needs a name/],
  ['STAT', /^-ERR log in first/],
  ['RETR 1', /^-ERR log in first/],
  ['', /^-ERR log in first/],
  ['noop', /^\+OK/],
])('before the login, %j is answered %s', (line, answer) => {
  expect(talk(`${line}\r\n`)).toEqual([expect.stringMatching(answer)]);
});

test.each<[string, readonly (string | RegExp | Pop3Step)[]]>([
  ['STAT', ['+OK 3 365|']],
  ['LIST', ['+OK 3 mails|1 120|2 200|3 45|.|']],
  ['list 2', ['+OK 2 200|']],
  ['UIDL', ['+OK 3 mails|1 a|2 b|3 c|.|']],
  ['UIDL 3', ['+OK 3 c|']],
  ['RETR 2', [{ type: 'send', index: 1 }]],
  ['TOP 2 0', [{ type: 'send', index: 1, lines: 0 }]],
  ['TOP 2', [/^-ERR TOP needs/]],
  ['TOP x 1', [/^-ERR TOP needs/]],
  ['RETR 0', [/^-ERR no such mail; there are 3/]],
  ['RETR 4', [/^-ERR no such mail/]],
  ['RETR -1', [/^-ERR no such mail/]],
  ['RETR 99999999999999999999', [/^-ERR no such mail/]],
  ['RETR', [/^-ERR no such mail/]],
  ['DELE 2\r\nDELE 2', ['+OK removed at QUIT|', /^-ERR that mail is marked/]],
  ['DELE 2\r\nRETR 2\r\nTOP 2 1', [/^\+OK/, /^-ERR that mail is marked/, /^-ERR that mail is marked/]],
  ['DELE 2\r\nSTAT\r\nLIST', [/^\+OK/, '+OK 2 165|', '+OK 2 mails|1 120|3 45|.|']],
  ['DELE 2\r\nRSET\r\nSTAT', [/^\+OK/, '+OK 3 365|', '+OK 3 365|']],
  ['DELE 3\r\nDELE 1\r\nQUIT', [/^\+OK/, /^\+OK/, { type: 'quit', deleted: [2, 0] }]],
  ['QUIT\r\nSTAT', [{ type: 'quit', deleted: [] }]],
  ['USER tom', [/^-ERR there is no such command/]],
  ['\0\0', [/^-ERR there is no such command/]],
])('inside, %j', (commands, steps) => {
  expect(inside(`${commands}\r\n`)).toEqual(
    steps.map((step) => (step instanceof RegExp ? expect.stringMatching(step) : step)),
  );
});

test('CAPA tells what there is, before the login as well', () => {
  expect(talk('CAPA\r\n')).toEqual([expect.stringMatching(/^\+OK .*\|TOP\|UIDL\|USER\|.*\|\.\|$/)]);
});

test('after three wrong passwords nothing is taken any more', () => {
  const session = new Pop3Session();
  session.receive(Buffer.from('USER a\r\nPASS b\r\n'.repeat(9)));
  let logins = 0;
  for (let step = session.next(); step; step = session.next())
    if (step.type === 'login') {
      logins += 1;
      expect(session.refused('no')).toBe('-ERR no\r\n');
    }
  expect(logins).toBe(3);
  expect(session.over).toBe(true);
});

test.each([['x'.repeat(1_001)], [`${'x'.repeat(5_000)}\r\n`]])('a line too long ends it', (bytes) => {
  expect(talk(bytes)).toEqual([{ type: 'hang-up', text: '-ERR the line is too long\r\n' }]);
});

test('cut anywhere, a dialogue has the same steps', () => {
  const dialogue = `${LOGIN}STAT\r\nUIDL\nDELE 1\r\nTOP 2 3\r\nLIST 9\r\nQUIT\r\nNOOP\r\n`;
  const whole = talk(dialogue);
  const session = new Pop3Session();
  expect([...dialogue].flatMap((byte) => talk(byte, session))).toEqual(whole);
});

test('whatever comes, it is answered or ends the session, and nobody gets in without a login', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), (chunks) => {
      const session = new Pop3Session();
      for (const chunk of chunks) {
        session.receive(chunk);
        for (let step = session.next(); step; step = session.next()) {
          expect(step.type).not.toBe('send');
          if (step.type === 'login') session.refused('no');
        }
      }
    }),
  );
});

/** The form of a mail, cut into pieces of that length. */
function form(mail: string, { lines, piece = mail.length || 1 }: { lines?: number; piece?: number } = {}): string {
  const text = new Pop3Text(lines);
  const parts: Uint8Array[] = [];
  const bytes = Buffer.from(mail, 'latin1');
  for (let at = 0; at < bytes.length; at += piece) parts.push(text.write(bytes.subarray(at, at + piece)));
  return Buffer.concat([...parts, text.end()]).toString('latin1');
}

/** What a client makes of it (RFC 1939 section 3), in LF form. */
const read = (wire: string): string => {
  const lines = wire.split('\r\n');
  expect(lines.splice(-2)).toEqual(['.', '']);
  return lines.map((line) => `${line.replace(/^\./, '')}\n`).join('');
};

describe('a mail on the wire', () => {
  test.each([
    ['a\n\n.\n..x\nb\n', 'a\r\n\r\n..\r\n...x\r\nb\r\n.\r\n'],
    ['', '.\r\n'],
    ['no line end', 'no line end\r\n.\r\n'],
    ['.', '..\r\n.\r\n'],
    ['\xff\0\r\n', '\xff\0\r\r\n.\r\n'],
  ])('%j', (mail, wire) => {
    expect(form(mail)).toBe(wire);
  });

  test.each([
    [0, 'a: 1\r\nb: 2\r\n\r\n.\r\n'],
    [1, 'a: 1\r\nb: 2\r\n\r\none\r\n.\r\n'],
    [2, 'a: 1\r\nb: 2\r\n\r\none\r\n\r\n.\r\n'],
    [9, 'a: 1\r\nb: 2\r\n\r\none\r\n\r\ntwo\r\n.\r\n'],
  ])('TOP %i', (lines, wire) => {
    for (const piece of [1, 3, 100]) expect(form('a: 1\nb: 2\n\none\n\ntwo\n', { lines, piece })).toBe(wire);
  });

  test('a client reads the bytes that were there, however they were cut, and the size is right', () => {
    const byte = fc.constantFrom('a', '.', '\n', '\n', '\xe9');
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (bytes, piece) => {
        const mail = bytes.join('');
        const wire = form(mail, { piece });
        expect(wire).toBe(form(mail));
        const came = read(wire);
        expect(came).toBe(mail === '' || mail.endsWith('\n') ? mail : `${mail}\n`);
        const size = new Pop3Size();
        for (let at = 0; at < mail.length; at += piece) size.write(Buffer.from(mail.slice(at, at + piece), 'latin1'));
        expect(size.size).toBe(came.length + (came.match(/\n/g)?.length ?? 0));
      }),
      { numRuns: 500 },
    );
  });
});
