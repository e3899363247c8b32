/** The summary that goes instead of a held mail. It travels over the link that the mail is too large for, so it is short. */
import { fieldValue, headerFields } from '../shared/core/headers.ts';
import { mailDate } from '../shared/core/trace.ts';
import type { Body } from '../shared/io/body.ts';
import { headerOf } from '../shared/io/bounce.ts';
import { lineBytes, lineBytesOfAll, type Prices } from './held-price.ts';
import { readParts, smallPicture } from './mail-parts.ts';
import { type MailPart, oneLine } from './parts-thread.ts';
import { SMALL_PIXELS } from './picture.ts';
import { sizeText } from './size-text.ts';
import { picturesOf } from './small-pictures.ts';

const SUBJECT_CHARACTERS = 80;
const FROM_CHARACTERS = 80;
const NAME_CHARACTERS = 40;
const TEXT_LINES = 10;
const TEXT_CHARACTERS = 400;
const ATTACHMENTS_NAMED = 8;
/** At most; what is more of the text, then of the attachments, is left out. */
const SUMMARY_BYTES_MAX = 1_500;

/** What a summary says of the mail. */
export interface Summarised {
  readonly from: string;
  readonly subject: string;
  readonly date: string;
  /** Its first lines; undefined when the mail could not be taken apart. */
  readonly text: string | undefined;
  /** Of all its text. */
  readonly textBytes: number;
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly bytes: number }[];
  /** Its pictures made small: their numbers and their bytes together. */
  readonly small?: { readonly numbers: readonly number[]; readonly bytes: number };
}

export async function summarise(body: Body): Promise<Summarised> {
  const fields = headerFields(await headerOf(body));
  const value = (name: string): string => oneLine(fieldValue(fields, name) ?? '');
  const parts = await readParts(body);
  return {
    from: (parts?.from || value('from')).slice(0, FROM_CHARACTERS),
    subject: (parts?.subject ?? value('subject')).slice(0, SUBJECT_CHARACTERS),
    date: value('date').slice(0, 40),
    text: parts && firstLines(parts.text),
    textBytes: Buffer.byteLength(parts?.text ?? ''),
    ...(await smallFacts(parts?.attachments ?? [])),
    attachments: (parts?.attachments ?? []).map(({ name, type, bytes }: MailPart) => ({
      name: name.slice(0, NAME_CHARACTERS),
      type,
      bytes: bytes.length,
    })),
  };
}

/** The trip waits for it: so many pictures, and so long. */
const SMALL_MAX = 5;
const SMALL_MS_MAX = 10_000;

/** Nothing of a mail whose pictures are not made small in time: they can be asked for all the same. */
async function smallFacts(attachments: readonly MailPart[]): Promise<Pick<Summarised, 'small'>> {
  const since = performance.now();
  const numbers: number[] = [];
  let bytes = 0;
  for (const number of picturesOf(attachments)) {
    const left = SMALL_MS_MAX - (performance.now() - since);
    if (left <= 0 || numbers.length === SMALL_MAX) return {};
    const shrunk = await smallPicture(attachments[number - 1]?.bytes ?? new Uint8Array(), left);
    if (!('bytes' in shrunk)) continue;
    numbers.push(number);
    bytes += shrunk.bytes.length;
  }
  return numbers.length === 0 ? {} : { small: { numbers, bytes } };
}

function firstLines(text: string): string {
  const lines = text
    .split(/\r?\n/)
    .map((line) => oneLine(line))
    .filter((line) => line !== '');
  const start = lines.slice(0, TEXT_LINES).join('\n').slice(0, TEXT_CHARACTERS);
  return start.length < lines.join('\n').length ? `${start} …` : start;
}

export interface Summary {
  readonly about: Summarised;
  /** Of the held mail. */
  readonly id: string;
  readonly token: string;
  readonly recipient: string;
  readonly messageId: string;
  readonly hostname: string;
  readonly replyTo: string;
  /** Of the held mail. */
  readonly bytes: number;
  readonly now: number;
  /** When the mail goes back to its sender. */
  readonly lapses: number;
  readonly prices: Prices;
  /** Links on which it comes by itself. */
  readonly carriedBy: readonly string[];
}

/** The mail, with LF line ends; the same for the same summary. */
export function composeSummary(summary: Summary): Uint8Array {
  const { about } = summary;
  const whole = compose(summary, ATTACHMENTS_NAMED);
  if (whole.length <= SUMMARY_BYTES_MAX) return whole;
  const room = Buffer.byteLength(about.text ?? '') - (whole.length - SUMMARY_BYTES_MAX) - CUT.length;
  const text = about.text === undefined ? undefined : cutAt(about.text, Math.max(0, room));
  const shorter = compose({ ...summary, about: { ...about, text } }, ATTACHMENTS_NAMED);
  return shorter.length <= SUMMARY_BYTES_MAX ? shorter : compose({ ...summary, about: { ...about, text } }, 2);
}

const CUT = Buffer.from(' …');

/** The start of a text, in bytes, without half a character. */
const cutAt = (text: string, bytes: number): string =>
  bytes === 0
    ? ''
    : `${Buffer.from(text)
        .subarray(0, bytes)
        .toString()
        .replace(/\ufffd+$/, '')}${CUT}`;

function compose(summary: Summary, namedMax: number): Buffer {
  const { about, id, token, recipient, messageId, hostname, replyTo, bytes, now } = summary;
  const subject = `[held ${sizeText(bytes)}] ${about.subject}`;
  const lines = [
    `From: Held mail <MAILER-DAEMON@${hostname}>`,
    `Reply-To: <${replyTo}>`,
    `To: <${recipient}>`,
    `Subject: ${headerText(subject)}`,
    `Date: ${mailDate(now)}`,
    `Message-ID: <${messageId}>`,
    'Auto-Submitted: auto-generated',
    `X-Fieldpost-Held: id=${id}; size=${bytes}; token=${token}; parts=${about.attachments.length}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...textOf(summary, namedMax),
    '',
  ];
  return Buffer.from(lines.join('\n'));
}

function textOf({ about, bytes, lapses, prices, carriedBy }: Summary, namedMax: number): readonly string[] {
  const { from, date, text, textBytes, attachments } = about;
  const named = attachments.slice(0, namedMax);
  const more = attachments.length - named.length;
  return [
    `From: ${from}`,
    ...(date === '' ? [] : [`Date: ${date}`]),
    `Size: ${sizeText(bytes)}, too large for the link; it is held until ${mailDate(lapses).slice(5, 16)}`,
    ...(carriedBy.length > 0 ? [`It comes by itself over ${carriedBy.join(', ')}.`] : []),
    '',
    ...(text === undefined || text === '' ? [] : [text, '']),
    ...named.map(
      (part, index) => `${index + 1}  ${part.name}  ${part.type}  ${sizeText(part.bytes)}${prices.of(lineBytes(part))}`,
    ),
    ...(more > 0 ? [`and ${more} more`] : []),
    ...(named.length > 0 ? [''] : []),
    'To get it, reply with one word in the first line:',
    `all      the whole mail${prices.of(lineBytesOfAll(bytes, attachments))}`,
    ...(text === undefined
      ? []
      : [`text     its text alone${prices.of(lineBytes({ type: 'text/plain', bytes: textBytes }))}`]),
    ...(named.length > 0 ? ['1        attachment 1 (1 3: several)'] : []),
    ...smallLine(about, prices),
    'drop     nothing: you do not want it',
    ...prices.head,
  ];
}

function smallLine({ small, attachments }: Summarised, prices: Prices): readonly string[] {
  if (small) {
    const which = small.numbers.length === 1 ? 'picture' : 'pictures';
    const price = prices.of(lineBytes({ type: 'image/jpeg', bytes: small.bytes }));
    return [
      `small    ${which} ${small.numbers.join(', ')} made small (${SMALL_PIXELS} pixels), ${sizeText(small.bytes)}${price}`,
    ];
  }
  return attachments.some(({ type }) => /^image\/(?:jpeg|png)$/.test(type))
    ? ['small    its pictures made small (small 2: only that one)']
    : [];
}

/** RFC 2047 where it is not plain ASCII: words of at most 75 characters that do not cut one. */
function headerText(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  const words: string[] = [];
  let word = '';
  for (const char of text) {
    if (Buffer.byteLength(word + char) > 42) {
      words.push(word);
      word = '';
    }
    word += char;
  }
  return [...words, word].map((part) => `=?utf-8?B?${Buffer.from(part).toString('base64')}?=`).join('\n ');
}
