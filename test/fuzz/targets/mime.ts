/** Mail as MIME, as far as we look into it: its parts, its HTML, and what we make of both. */
import { composePart } from '../../../hub/held-part.ts';
import { pricesOn } from '../../../hub/held-price.ts';
import { composeSummary, summarise } from '../../../hub/held-summary.ts';
import { textOfHtml } from '../../../hub/html-text.ts';
import { readParts } from '../../../hub/mail-parts.ts';
import { composePlain } from '../../../hub/plain-mail.ts';
import { headerBlock, headerFields } from '../../../shared/core/headers.ts';
import { bytesBody } from '../../../shared/io/body.ts';
import { type FuzzTarget, must, none, text } from '../target.ts';
import { mails } from './mailbodies.ts';

const ID = 'ab'.repeat(32);
const HTML =
  '<html><head><title>t</title><style>x{}</style></head><body><h1>Hi</h1><p>a <b>b</b>&amp;&#233;<br><a href="http://x/">x</a><table><tr><td>1</td><td>2</td></tr></table><ul><li>y</li></ul><img src="cid:1"></body></html>';
const MIXED = `From: "A, B" <a@b>\nSubject: =?utf-8?B?w6k=?=\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<p>caf=C3=A9</p>\n--b\nContent-Type: application/pdf; name="x.pdf"\nContent-Disposition: attachment; filename*=utf-8''%C3%A9.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQ=\n--b\nContent-Type: message/rfc822\n\nSubject: inner\n\nhello\n--b--\n`;
const MIME_TOKENS = [
  '\n--b\n',
  '\n--b--\n',
  'Content-Type: multipart/mixed; boundary=b\n',
  'Content-Type: text/html\n\n',
  'Content-Transfer-Encoding: base64\n\n',
  '=?utf-8?Q?=0A=0DX:?=',
  '=?utf-8?B?Cg==?=',
  "filename*0*=utf-8''%0d%0aX",
  ';',
  '\n\n',
  '\n\t',
  '\r',
  '\u0000',
  'charset=utf-7',
  'charset=iso-2022-jp',
];

/** Lines that SMTP carries, and none that we did not mean. */
function wellFormed(mail: Buffer, names: RegExp): void {
  const whole = mail.toString('latin1');
  must(!whole.includes('\0'), 'a mail of ours has no NUL');
  const fields = headerFields(headerBlock(mail));
  for (const { name } of fields) must(names.test(name), `a field ${name} that nobody wrote`);
}

const PART_FIELDS =
  /^(?:from|to|cc|reply-to|subject|date|in-reply-to|message-id|references|mime-version|content-(?:type|transfer-encoding|disposition))$/;
const SUMMARY_FIELDS =
  /^(?:from|reply-to|to|subject|date|message-id|auto-submitted|x-fieldpost-held|mime-version|content-type|content-transfer-encoding)$/;

const parts: FuzzTarget = {
  name: 'mime',
  of: 'hub/mail-parts.ts, hub/parts-thread.ts, hub/held-part.ts, hub/held-summary.ts, hub/plain-mail.ts',
  seeds: () => [text(MIXED), text(`From: a@b\nContent-Type: text/html\n\n${HTML}`), ...mails(4_000)],
  tokens: MIME_TOKENS,
  sizeMax: 6_000,
  allows: none,
  async run(input) {
    const body = bytesBody(Uint8Array.from(input));
    const header = headerBlock(input);
    const about = await summarise(body);
    const summary = composeSummary({
      about,
      id: ID,
      token: 'a'.repeat(20),
      recipient: 'r@x',
      messageId: '1@x',
      hostname: 'h',
      replyTo: 'held+x@y',
      bytes: 5,
      now: 0,
      lapses: 0,
      prices: pricesOn([]),
      carriedBy: [],
    });
    wellFormed(Buffer.from(summary), SUMMARY_FIELDS);
    must(summary.length <= 4_000, 'a summary is short');
    const found = await readParts(body);
    if (!found) return 'not taken apart';
    wellFormed(
      Buffer.from(composePart({ header, id: ID, hostname: 'h', text: found.text, attachments: found.attachments })),
      PART_FIELDS,
    );
    composePlain({ header, parts: found, bytes: input.length, signed: false, askAt: 'held+x@y', id: ID });
    for (const { name, type } of found.attachments) must(!/[\r\n\u0000]/.test(name + type), 'names are one line');
    return `${Math.min(3, found.attachments.length)} ${found.text.length > 0} ${found.attachments[0]?.type}`;
  },
};

const htmlText: FuzzTarget = {
  name: 'html-text',
  of: 'hub/html-text.ts',
  seeds: () => [
    text(HTML),
    text('<table>'.repeat(300), 'x'),
    text('&#1114112;&#xD800;&nbsp;<!-- <p> -->x<script>y</script>'),
  ],
  tokens: [
    '<',
    '>',
    '<table><tr><td>',
    '<ul><li>',
    '</',
    '<!--',
    '-->',
    '<![CDATA[',
    '&#',
    ';',
    '<style>',
    '<a href="',
    '"',
    '<p ',
    '<blockquote>',
    '\u0000',
  ],
  allows: none,
  run(input) {
    const html = input.toString('utf8');
    const out = textOfHtml(html);
    must(out !== undefined && !/\n{3}/.test(out), 'a text without holes');
    must(out.length <= html.length * 60 + 100, 'no more than can be read');
    return `${Math.min(20, out.length)}`;
  },
};

export const MIME = [parts, htmlText];
