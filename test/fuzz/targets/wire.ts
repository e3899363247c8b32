/** What strangers and other mail servers write to a socket: netstrings, QMTP both ways, POP3, line ends. */
import { addressFault } from '../../../shared/core/address.ts';
import { CrlfToLf, lfToCrlf } from '../../../shared/core/line-ends.ts';
import { NetstringCollector, NetstringError } from '../../../shared/core/netstring.ts';
import { type Pop3Mail, Pop3Session } from '../../../shared/core/pop3.ts';
import { Pop3Size, Pop3Text } from '../../../shared/core/pop3-text.ts';
import { encodeVerdict } from '../../../shared/core/qmtp.ts';
import { QmtpReceiver } from '../../../shared/core/qmtp-receiver.ts';
import { QmtpSender } from '../../../shared/core/qmtp-sender.ts';
import { accepted } from '../../../shared/core/verdict.ts';
import { type FuzzTarget, faultOf, type Heard, must, none, only, pieces, sameInPieces, text } from '../target.ts';

const KEPT_MAX = 100;

const netstrings: FuzzTarget = {
  name: 'netstring',
  of: 'shared/core/netstring.ts',
  seeds: () => [text('5:hello,0:,'), text(`150:${'x'.repeat(150)},3:abc,`), text('999999999999999:a')],
  tokens: [':', ',', '0:,', '1:a,', '000', '999999999999999:', '9999999999999999'],
  sizeMax: 600,
  allows: only(NetstringError),
  run(input) {
    const heard = sameInPieces(input, (parts) => {
      const reader = new NetstringCollector({ bytesMax: KEPT_MAX });
      let said = '';
      const fault = faultOf(only(NetstringError), () => {
        for (const part of parts)
          for (const { content, length } of reader.receive(part)) {
            must(content.length === Math.min(length, KEPT_MAX), 'kept is what came, up to the bound');
            said += `${length}:${content.toString('latin1')},`;
          }
      });
      return { said, fault };
    });
    // What was cut is not there to be compared.
    if (input.length <= KEPT_MAX)
      must(input.toString('latin1').startsWith(heard.said), 'what was read is what was written');
    return heard.fault || `${Math.min(heard.said.length, 3)}`;
  },
};

const LIMITS = { mailBytesMax: 60, recipientsMax: 3 };

function hearQmtp(parts: readonly Buffer[]): Heard {
  const receiver = new QmtpReceiver(LIMITS);
  let said = '';
  let fault = '';
  let body = '';
  for (const part of parts)
    for (const event of receiver.receive(part)) {
      must(fault === '', 'nothing follows a fault');
      if (event.type === 'mail-start') {
        body = '';
        said += '|';
      } else if (event.type === 'body') body += Buffer.from(event.bytes).toString('latin1');
      else if (event.type === 'fault') fault = event.reason;
      else {
        must(body.length <= LIMITS.mailBytesMax, 'no more body than the limit');
        must(event.recipients.length <= LIMITS.recipientsMax, 'no more recipients than the limit');
        must(
          [event.sender, ...event.recipients].every((one) => event.recipients.length === 0 || !addressFault(one)),
          'addresses that can be carried',
        );
        // How much is handed on of a mail that turns out too large depends on the pieces.
        said += `${event.recipients.length > 0 ? body : ''} <${event.sender}> ${event.recipients.join(' ')}`;
        const yes = event.recipients.map(() => accepted('ok'));
        said += Buffer.from(receiver.answer(event.mail, yes)).toString('latin1');
      }
    }
  must(receiver.inHand === 0, 'every mail that came whole is answered');
  return { said: `${said}${receiver.midPackage}`, fault };
}

const PACKAGE = '19:\nSubject: t\n\nhello\n,7:s@x.org,27:23:akbar@kabul.example.org,,';

const qmtpReceiver: FuzzTarget = {
  name: 'qmtp-receiver',
  of: 'shared/core/qmtp-receiver.ts',
  seeds: () => [
    text(PACKAGE, PACKAGE),
    text('8:\ra\r\nb\r\r\n,0:,12:1:a,2:bc,0:,,'),
    text(`80:\n${'y'.repeat(79)},1:s,24:1:a,1:b,1:c,1:d,1:e,1:f,,`),
    text(`2:\nb,1:s,1005:1000:${'r'.repeat(1000)},,`),
  ],
  tokens: ['1:a,', '0:,', ',,', '2:\n', '3:\ra', '100001:', '20000001:', '2000000000000:'],
  sizeMax: 1_500,
  allows: none,
  run: (input) => {
    const { said, fault } = sameInPieces(input, hearQmtp);
    return fault || said.replace(/[^|DZK]/g, '').slice(0, 12);
  },
};

const qmtpSender: FuzzTarget = {
  name: 'qmtp-sender',
  of: 'shared/core/qmtp-sender.ts',
  seeds: () => [
    Buffer.concat(
      ['K', 'Z', 'D'].map((letter) => encodeVerdict({ letter: letter as 'K', text: 'ok 1795471464 qp 7560' })),
    ),
    text('3:Kok,3:Dno,22:Zcome again later (#4),'),
    text(`10001:K${'x'.repeat(100)}`),
  ],
  tokens: ['1:K,', '1:Z,', '1:D,', '0:,', '\r\n', '\u0085', '\u2028'],
  sizeMax: 600,
  allows: none,
  run: (input) => {
    const { said, fault } = sameInPieces(input, (parts) => {
      const sender = new QmtpSender({ mailsMax: 9, bytesMax: 1_000 });
      for (const recipients of [['a'], ['b', 'c'], ['d']]) {
        sender.begin({ sender: 's', recipients, size: 2 });
        sender.body(Buffer.from('hi'));
        sender.end();
      }
      const events = parts.flatMap((part) => sender.receive(part));
      const at = events.findIndex(({ type }) => type === 'fault');
      must(at < 0 || at === events.length - 1, 'nothing follows a fault');
      const settled = events.flatMap((event) => (event.type === 'settled' ? [event] : []));
      must(
        settled.map(({ mail, recipient }) => `${mail}.${recipient}`).join() ===
          '0.0,1.0,1.1,2.0'.slice(0, Math.max(0, settled.length * 4 - 1)),
        'answers settle in order',
      );
      must(
        settled.every(({ verdict }) => !/[\u0000-\u001f\u007f-\u009f]/.test(verdict.text)),
        'a verdict is one line',
      );
      const last = events[at];
      return { said: JSON.stringify(settled), fault: last?.type === 'fault' ? last.reason : '' };
    });
    return fault || String(said.match(/"letter":"."/g)?.join() ?? '');
  },
};

const MAILS: readonly Pop3Mail[] = [1, 20, 300].map((size) => ({ size, uid: `uid${size}` }));

function hearPop3(parts: readonly Buffer[]): Heard {
  const session = new Pop3Session();
  const said: string[] = [];
  let open = false;
  for (const part of parts) {
    session.receive(part);
    for (let step = session.next(); step; step = session.next()) {
      if (step.type === 'login') {
        must(!open, 'nobody logs in twice');
        open = step.password === 'secret';
        said.push(open ? session.opened(MAILS) : session.refused('[AUTH] no'));
      } else if (step.type === 'send') {
        must(open && MAILS[step.index] !== undefined, 'a mail that is there');
        said.push(`send ${step.index} ${step.lines}`);
      } else if (step.type === 'quit') {
        must(
          step.deleted.every((index) => open && MAILS[index] !== undefined),
          'what is removed is there',
        );
        must(new Set(step.deleted).size === step.deleted.length, 'nothing is removed twice');
        said.push(`quit ${step.deleted}`);
      } else {
        must(/^[+-](?:OK|ERR)[^\r\n]*\r\n(?:[^\r\n]*\r\n)*$/.test(step.text), 'replies are whole lines');
        said.push(step.text);
      }
    }
  }
  return { said: said.join(''), fault: session.over ? 'over' : '' };
}

const pop3: FuzzTarget = {
  name: 'pop3',
  of: 'shared/core/pop3.ts',
  seeds: () => [
    text(
      'CAPA\r\nUSER farid\r\nPASS secret\r\nSTAT\r\nLIST\r\nLIST 2\r\nUIDL\r\nUIDL 1\r\nRETR 1\r\nTOP 3 0\r\nDELE 2\r\nRSET\r\nDELE 1\r\nNOOP\r\nQUIT\r\n',
    ),
    text('user a\npass b\nPASS c\nQUIT\n'),
    text(`USER ${'x'.repeat(990)}\r\nPASS secret\r\n`),
  ],
  tokens: [
    'USER farid\r\n',
    'PASS secret\r\n',
    'RETR ',
    'DELE ',
    'TOP 1 ',
    'LIST ',
    'QUIT\r\n',
    'RSET\r\n',
    '999999999',
    ' ',
  ],
  sizeMax: 1_500,
  allows: none,
  run: (input) => {
    const { said, fault } = sameInPieces(input, hearPop3);
    return `${fault} ${said.replace(/[^+]+|\+OK [a-z0-9]+ ?/g, (found) => found.slice(0, 8)).slice(0, 40)}`;
  },
};

const textOf = (_input: Buffer, parts: readonly Buffer[], lines?: number): string => {
  const writer = new Pop3Text(lines);
  const out = parts.map((part) => writer.write(part));
  return Buffer.concat([...out, writer.end()]).toString('latin1');
};

const pop3Text: FuzzTarget = {
  name: 'pop3-text',
  of: 'shared/core/pop3-text.ts, shared/core/line-ends.ts',
  seeds: () => [text('Subject: a\n\n.\n..\nhello\n.end'), text('a\r\n.\r\nb\rc\n\r\n'), text('\n\n\n')],
  tokens: ['\n.\n', '\r\n.\r\n', '\r', '\n', '.'],
  sizeMax: 600,
  allows: none,
  run(input) {
    const parts = pieces(input);
    const wire = textOf(input, [input]);
    must(wire === textOf(input, parts), 'the same in pieces');
    must(wire.endsWith('\r\n.\r\n') || wire === '.\r\n', 'it ends with a dot alone');
    must(!wire.slice(0, -5).includes('\r\n.\r\n') && !(wire.length > 3 && wire.startsWith('.\r\n')), 'and only there');
    const lines = wire
      .slice(0, -3)
      .replace(/(^|\n)\./g, '$1')
      .replace(/\r\n/g, '\n');
    const mail = input.toString('latin1').replace(/\r\n/g, '\n');
    must(lines.replace(/\n$/, '') === mail.replace(/\n$/, '') || input.includes('\r'), 'nothing else is changed');
    const size = new Pop3Size();
    for (const part of parts) size.write(part);
    must(size.size === wire.length - 3 - (wire.match(/(?:^|\n)\.(?=\.)/g)?.length ?? 0), 'the size that was told');
    const top = textOf(input, parts, 1);
    must(wire.startsWith(top.slice(0, -3).replace(/\r\n$/, '')), 'TOP is a beginning');
    const decoder = new CrlfToLf();
    const lf = Buffer.concat([...parts.map((part) => decoder.write(part)), decoder.end()]);
    const whole = new CrlfToLf();
    must(Buffer.concat([whole.write(input), whole.end()]).equals(lf), 'line ends are the same in pieces');
    must(decoder.fault === whole.fault, 'and so is their fault');
    if (!decoder.fault) must(Buffer.from(lfToCrlf(lf)).equals(input), 'CRLF, LF and back');
    return `${decoder.fault}`;
  },
};

export const WIRE = [netstrings, qmtpReceiver, qmtpSender, pop3, pop3Text];
