/**
 * Delivery status notifications (RFC 3464): the report that goes back to a sender. It carries what a person and a
 * program need of the mail (its addresses, subject, date and ids), never the mail, because the way back may be a link
 * that is paid by the byte. The same report is made of the same values, always.
 */
import { headerFields } from './headers.ts';
import { mailDate } from './trace.ts';
import { statusCode } from './verdict.ts';

/** `failed`: refused for good. `expired`: tried for as long as configured. `delayed`: still being tried. */
export type DsnKind = 'failed' | 'expired' | 'delayed';

/** What happened to one recipient. */
export interface Failure {
  readonly recipient: string;
  /** The other side's words or ours, with an RFC 3463 code as verdicts have it: `(#5.1.1)`. */
  readonly text: string;
}

export interface Dsn {
  readonly kind: DsnKind;
  /** Makes the report's Message-ID and boundary; the same for the same report. */
  readonly id: string;
  /** The machine that reports. */
  readonly hostname: string;
  /** Who wrote the mail, and gets the report. */
  readonly sender: string;
  readonly failures: readonly Failure[];
  /** When the mail came to this machine, and now: Unix seconds. */
  readonly accepted: number;
  readonly now: number;
  /** The mail's header block (headers.ts). */
  readonly header: Uint8Array;
}

/** More recipients than this are counted, not named: a report stays small. */
export const FAILURES_NAMED_MAX = 500;
const TEXT_CHARACTERS_MAX = 400;
/** What of a header says which mail it was. */
const HEADER_FIELDS = new Map(
  ['From', 'Sender', 'To', 'Cc', 'Subject', 'Date', 'Message-ID', 'In-Reply-To'].map((name) => [
    name.toLowerCase(),
    name,
  ]),
);
const HEADER_FIELDS_MAX = 12;
const FIELD_CHARACTERS_MAX = 800;

/** The report as a mail, with LF line ends. */
export function composeDsn(dsn: Dsn): Uint8Array {
  const boundary = `report-${dsn.id.slice(0, 32)}`;
  const parts = [
    part('text/plain; charset=utf-8', humanText(dsn)),
    part('message/delivery-status', statusText(dsn)),
    part('text/rfc822-headers; charset=utf-8', excerptHeader(dsn.header)),
  ];
  const lines = [
    `From: Mail delivery <MAILER-DAEMON@${dsn.hostname}>`,
    `To: <${headerAddress(dsn.sender)}>`,
    `Subject: ${SUBJECTS[dsn.kind]}`,
    `Date: ${mailDate(dsn.now)}`,
    `Message-ID: <${dsn.id.slice(0, 32)}@${dsn.hostname}>`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;\n boundary="${boundary}"`,
    '',
    ...parts.map((text) => `--${boundary}\n${text}`),
    `--${boundary}--\n`,
  ];
  return Buffer.from(lines.join('\n'));
}

const SUBJECTS: Readonly<Record<DsnKind, string>> = {
  failed: 'Your mail could not be delivered',
  expired: 'Your mail could not be delivered in time',
  delayed: 'Your mail is waiting',
};

const OPENINGS: Readonly<Record<DsnKind, string>> = {
  failed: 'could not be delivered. It will not be tried again.',
  expired: 'could not be delivered in the time that it may wait. It will not be tried again.',
  delayed:
    'has not been delivered yet. It is kept and goes on as soon as that is possible;\nyou need not send it again.',
};

function humanText({ kind, hostname, failures, accepted }: Dsn): string {
  const named = failures.slice(0, FAILURES_NAMED_MAX);
  const rest = failures.length - named.length;
  const blocks = named.map(({ recipient, text }) => `<${recipient}>\n    ${oneLine(text)}\n`);
  return [
    `This is the mail system at ${hostname}.`,
    '',
    `Your mail of ${mailDate(accepted)} ${OPENINGS[kind]}`,
    '',
    ...blocks,
    ...(rest > 0 ? [`… and ${rest} more recipients.\n`] : []),
    "Only the mail's header follows; the mail itself is not sent back.",
    '',
  ].join('\n');
}

function statusText({ kind, hostname, failures, accepted, now }: Dsn): string {
  const about = [`Reporting-MTA: dns; ${hostname}`, `Arrival-Date: ${mailDate(accepted)}`, ''];
  const recipients = failures
    .slice(0, FAILURES_NAMED_MAX)
    .flatMap(({ recipient, text }) => [
      `Final-Recipient: ${statusAddress(recipient)}`,
      `Action: ${kind === 'delayed' ? 'delayed' : 'failed'}`,
      `Status: ${statusOf(kind, text)}`,
      `Diagnostic-Code: smtp; ${toAscii(oneLine(text))}`,
      `Last-Attempt-Date: ${mailDate(now)}`,
      '',
    ]);
  return [...about, ...recipients].join('\n');
}

/** The class of the code says what the report says, whatever the last answer was. */
function statusOf(kind: DsnKind, text: string): string {
  if (kind === 'failed') return statusCode({ letter: 'D', text }).replace(/^\d/, '5');
  if (kind === 'expired') return '5.4.7';
  return statusCode({ letter: 'Z', text }).replace(/^\d/, '4');
}

/** RFC 6533: an address beyond ASCII is written in escapes. */
function statusAddress(address: string): string {
  if (isAscii(address)) return `rfc822; ${address}`;
  const escaped = [...address].map((char) =>
    /[!-*,-<>-[\]-~]/.test(char)
      ? char
      : `\\x{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}}`,
  );
  return `utf-8; ${escaped.join('')}`;
}

/** The fields that say which mail it was, each bounded. */
function excerptHeader(header: Uint8Array): string {
  const fields = headerFields(header).filter(({ name }) => HEADER_FIELDS.has(name));
  return fields
    .slice(0, HEADER_FIELDS_MAX)
    .map(({ name, value }) => `${HEADER_FIELDS.get(name)}: ${value.slice(0, FIELD_CHARACTERS_MAX)}\n`)
    .join('');
}

/** A body part; what is not plain ASCII in short lines goes as base64, so that any mail system can carry it. */
function part(type: string, text: string): string {
  if (isAscii(text) && !/[^\n]{900}/.test(text)) return `Content-Type: ${type}\n\n${text}`;
  const encoded = Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n');
  return `Content-Type: ${type}\nContent-Transfer-Encoding: base64\n\n${encoded}\n`;
}

const isAscii = (text: string): boolean => /^[\t\n -~]*$/.test(text);

const toAscii = (text: string): string => text.replace(/[^ -~]/g, '?');

const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, TEXT_CHARACTERS_MAX);

/** `To:` is there for people; an address beyond ASCII would need a header that not every system carries. */
const headerAddress = (address: string): string => toAscii(address);
