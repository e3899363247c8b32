/** Addresses, replies and headers, as they come from anybody and go to others. */
import { outgoingHeader } from '../../../agent/outgoing-header.ts';
import { sendmailArguments } from '../../../agent/sendmail-arguments.ts';
import { kindOf, trimHeader } from '../../../hub/plain-mail.ts';
import { addressFault, foldAddress, splitAddress } from '../../../shared/core/address.ts';
import { parseAddressList } from '../../../shared/core/address-list.ts';
import { composeDsn } from '../../../shared/core/dsn.ts';
import { countReceived, headerBlock, headerFields, urgencyOf } from '../../../shared/core/headers.ts';
import { QUEUE_HEAD_BYTES_MAX, readQueueHead } from '../../../shared/core/queue-file.ts';
import { asciiDomain, smtpPath } from '../../../shared/core/smtp-path.ts';
import { replyVerdict, verdictReply } from '../../../shared/core/smtp-reply.ts';
import { receivedLine } from '../../../shared/core/trace.ts';
import { Exit } from '../../../shared/io/command-line.ts';
import { type FuzzTarget, must, none, only, text } from '../target.ts';
import { mails } from './mailbodies.ts';

const ADDRESSES = [
  'farid@example.org',
  '"a b"@example.org',
  'a@b@c',
  '@',
  'a"b\\c@example.org',
  'ü@bücher.example',
  'x@[192.0.2.1]',
  'x@[IPv6:2001:db8::1]',
  'held+abcdefghijklmnopqrst@example.org',
  'a..b@example.org',
  '',
  'postmaster',
  '<x@y>',
  `${'l'.repeat(998)}@`,
];
const ADDRESS_TOKENS = [
  '@',
  '"',
  '\\',
  '<',
  '>',
  '[',
  ']',
  '.',
  ' ',
  '\r\n',
  '\u0000',
  '\u007f',
  '\u3002',
  '\uff0e',
  '\u00ad',
  'xn--',
  '%',
  ':25',
  '@@',
  ',',
];

const address: FuzzTarget = {
  name: 'address',
  of: 'shared/core/address.ts, shared/core/smtp-path.ts',
  seeds: () => ADDRESSES.map((one) => text(one)),
  tokens: ADDRESS_TOKENS,
  sizeMax: 1_200,
  allows: none,
  run(input) {
    const given = input.toString('utf8');
    const { local, domain } = splitAddress(given);
    must(given.toLowerCase().endsWith(domain.toLowerCase()) && given.startsWith(local), 'an address is its two parts');
    must(foldAddress(foldAddress(given)) === foldAddress(given), 'folding is done once');
    const fault = addressFault(given);
    if (fault === undefined)
      must(!/[\r\n\u0000]/.test(given) && Buffer.from(given).equals(input), 'what can be carried is what came');
    const path = smtpPath(given);
    if (path === undefined || path === '') return `${fault?.slice(0, 12)} ${path}`;
    must(!/[<>\r\n]/.test(path), 'a path ends where it ends');
    const back = path.slice(0, path.lastIndexOf('@') < 0 ? undefined : path.lastIndexOf('@'));
    const unquoted = /^".*"$/s.test(back) && back !== local ? back.slice(1, -1).replace(/\\(["\\])/g, '$1') : back;
    must(
      unquoted === (given.includes('@') ? given.slice(0, given.lastIndexOf('@')) : given),
      'the local part is the same',
    );
    const ascii = asciiDomain(given.slice(given.lastIndexOf('@') + 1));
    if (given.includes('@')) must(ascii !== undefined && !/[\s@/]/.test(ascii), 'a domain is one word');
    return `${fault?.slice(0, 12)} ${path[0] === '"'} ${ascii === domain}`;
  },
};

const addressList: FuzzTarget = {
  name: 'address-list',
  of: 'shared/core/address-list.ts',
  seeds: () => [
    text('Tom <tom@example.org>, "Kurz, Eva" <eva@x.org> (desk 3), team: a@x.org, b@x.org;'),
    text('(a(b)c) x@y, <@relay.x:user@y>, "q\\"uoted" <z@z>'),
    ...ADDRESSES.map((one) => text(one)),
  ],
  tokens: ['(', ')', '"', '\\', '<', '>', ':', ';', ',', '(((((((((((', '"\\"\\"\\"\\"', '<<<<'],
  sizeMax: 16_384,
  allows: none,
  run(input) {
    const given = input.toString('utf8');
    const found = parseAddressList(given);
    must(
      found.every((one) => one !== '' && one.trim() === one && given.length >= one.length),
      'addresses are words',
    );
    return `${Math.min(5, found.length)}`;
  },
};

const reply: FuzzTarget = {
  name: 'smtp-reply',
  of: 'shared/core/smtp-reply.ts, shared/core/verdict.ts',
  seeds: () =>
    ['250 2.0.0 ok', '550 5.1.1 <a@b> no such user', '451-4.3.0 later\r\n451 again', '421', '999 (#5.1.1) x', ''].map(
      (one) => text(one),
    ),
  tokens: ['(#5.1.1)', '4.4.4', '\r\n', '\u0085', '\u2028', '250', '550'],
  allows: none,
  run(input) {
    const verdict = replyVerdict('mx.example.net', input.toString('utf8'));
    must(!/[\r\n\u0000]/.test(verdict.text) && verdict.text.length <= 400, 'a verdict is a short line');
    const { code, text: said } = verdictReply(verdict);
    must(code >= 200 && code < 600 && !/[\r\n]/.test(said), 'so is a reply');
    must({ K: '2', Z: '4', D: '5' }[verdict.letter] === String(code)[0], 'of the same class');
    return `${verdict.letter} ${code}`;
  },
};

const FIELDS = [
  'From: a@b',
  'To: Tom <t@x>, b@y',
  'Bcc: secret@z',
  'Subject: hi\n there',
  'X-Priority: 1',
  'Precedence: bulk',
  'Received: x',
  'Message-ID: <1@x>',
  'Auto-Submitted: no',
];

const headers: FuzzTarget = {
  name: 'headers',
  of: 'shared/core/headers.ts, agent/outgoing-header.ts, hub/plain-mail.ts (header)',
  seeds: () => [
    text(FIELDS.join('\n'), '\n\nbody\n'),
    text('\n\nno header\n'),
    text(FIELDS.join('\r\n'), '\r\n\r\nbody\r\n'),
    ...mails(3_000),
  ],
  tokens: [...FIELDS.map((field) => `${field}\n`), '\n\n', '\r\n', '\n ', '\n\t', 'bcc:', 'BCC : x\n', ':', '\r'],
  allows: none,
  run(input) {
    const block = headerBlock(input);
    must(input.subarray(0, block.length).equals(block), 'a header is a beginning');
    const fields = headerFields(block);
    must(
      fields.every(({ name, value }) => /^[!-9;-~]+$/.test(name) && !value.includes('\n')),
      'fields have a name and one line',
    );
    must(countReceived(fields) <= fields.length, 'hops are counted');
    const { bytes, recipients } = outgoingHeader(block, {
      dropsBcc: true,
      sender: 's@x',
      hostname: 'h',
      nonce: 'n',
      now: 0,
    });
    const sent = headerFields(bytes);
    must(!sent.some(({ name }) => name === 'bcc'), 'Bcc has done its work');
    for (const needed of ['message-id', 'date', 'from'])
      must(
        sent.some(({ name }) => name === needed),
        `a ${needed} is there`,
      );
    must(sent.length >= fields.filter(({ name }) => name !== 'bcc').length, 'no other field is lost');
    const trimmed = trimHeader(block);
    must(
      trimmed.length <= block.length && !headerFields(trimmed).some(({ name }) => name === 'received'),
      'of the header what is read stays',
    );
    return `${kindOf(block)} ${urgencyOf(fields)} ${Math.min(3, recipients.length)} ${Math.min(fields.length, 4)}`;
  },
};

/** Names of the header fields of a report, in order. */
const REPORT = 'from to subject date message-id auto-submitted mime-version content-type';

const reports: FuzzTarget = {
  name: 'reports',
  of: 'shared/core/dsn.ts, shared/core/trace.ts',
  seeds: () => [
    text('s@example.org\u0000r@example.net\u0000no such user (#5.1.1)\u0000helo.example\u0000Subject: x\nFrom: a@b\n'),
    text('\u00fc@x\u0000\u00fc@y\u0000450 later\u0000[1.2.3.4]\u0000', FIELDS.join('\n')),
  ],
  tokens: [
    '\u0000',
    '\n',
    '\r',
    '\n\n',
    '\nX-Evil: 1\n',
    '--report-',
    '\u2028',
    '\u00fc',
    ...ADDRESS_TOKENS.filter((token) => token !== '\u0000'),
  ],
  allows: none,
  run(input) {
    const [sender = '', recipient = '', why = '', helo = '', header = ''] = input.toString('utf8').split('\0');
    if (addressFault(sender) || addressFault(recipient)) return 'not carried';
    const id = 'ab'.repeat(32);
    const mail = composeDsn({
      kind: 'failed',
      id,
      hostname: 'kabul.example.org',
      sender,
      failures: [{ recipient, text: why }],
      accepted: 0,
      now: 0,
      header: Buffer.from(header),
    });
    const fields = headerFields(headerBlock(mail));
    must(
      fields.map(({ name }) => name).join(' ') === REPORT,
      `a report has its own header: ${fields.map(({ name }) => name)}`,
    );
    const lines = Buffer.from(mail).toString('latin1').split('\n');
    must(
      lines.every((line) => line.length <= 998 && !line.includes('\r')),
      'its lines can be carried',
    );
    must(lines.filter((line) => line.startsWith(`--report-${id.slice(0, 32)}`)).length === 4, 'it has three parts');
    const line = receivedLine({ protocol: 'ESMTP', helo, address: why, hostname: recipient, nonce: 'n', now: 0 });
    must(/^Received: [ -~]+\n$/.test(line), 'a trace is one line');
    return `${lines.length}`;
  },
};

const queueFile: FuzzTarget = {
  name: 'queue-file',
  of: 'shared/core/queue-file.ts',
  seeds: () => [
    text('Return-Path: <farid@herat.example.org>\nDelivered-To: qrelay-friend@example.com\nSubject: x\n\nhi\n'),
    text('Return-Path: <"a\\"b"@x>\nDelivered-To: qrelay-"c d"@y\n'),
    text('Return-Path: <#@[]>\nDelivered-To: qrelay-x@y\n'),
  ],
  tokens: ['Return-Path: <', 'Delivered-To: ', 'qrelay-', '>\n', '\r\n', '\u0000', '"', '\\'],
  sizeMax: QUEUE_HEAD_BYTES_MAX,
  allows: none,
  run(input) {
    const head = readQueueHead(input, 'qrelay-');
    if (typeof head === 'string') return head.slice(0, 30);
    must(
      !addressFault(head.sender) && !addressFault(head.recipient) && head.recipient.includes('@'),
      'addresses that can be carried',
    );
    must(
      input[head.length - 1] === 10 && input.subarray(0, head.length).filter((byte) => byte === 10).length === 2,
      'two lines',
    );
    return 'a mail';
  },
};

const OPTIONS = /^(?:--from=|--config=|--config$|-t$|-h$|--)/s;

const sendmail: FuzzTarget = {
  name: 'sendmail',
  of: 'agent/sendmail-arguments.ts',
  seeds: () =>
    ['-t\0-oi\0-f\0a@b', '-fa@b\0--\0-x@y', '-i\0-bm\0--config\0f\0x@y', '-q30m', '-bs', '-F\0Name\0r@z'].map((one) =>
      text(one),
    ),
  tokens: ['\u0000', '-', '--', '-t', '-f', '-bp', '-C', '--config', '--help', '-O'],
  sizeMax: 400,
  allows: only(Exit),
  run(input) {
    const words = input.toString('utf8').split('\0');
    const out = sendmailArguments(words);
    const at = out.indexOf('--');
    must(at >= 0, 'options end');
    let isValue = false;
    for (const option of out.slice(0, at)) {
      must(isValue || OPTIONS.test(option), `${option} is no option of ours`);
      isValue = option === '--config';
    }
    must(
      out.slice(at + 1).every((one) => words.includes(one)),
      'recipients are words that were given',
    );
    return `${Math.min(at, 3)} ${Math.min(out.length - at, 3)}`;
  },
};

export const ENVELOPES = [address, addressList, reply, headers, reports, queueFile, sendmail];
