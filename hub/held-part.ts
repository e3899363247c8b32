/** A part of a held mail as a mail of its own: who wrote what and when stays, and nothing else of its header. */
import { fieldValue, headerFields } from '../shared/core/headers.ts';
import { type MailPart, oneLine } from './parts-thread.ts';

export interface HeldPart {
  /** The header block of the held mail. */
  readonly header: Uint8Array;
  /** Makes its Message-ID and boundary. 64 hex digits. */
  readonly id: string;
  readonly hostname: string;
  /** The text of the mail; beside attachments, what is to be said of them, or nothing. */
  readonly text: string;
  /** None: the text alone. */
  readonly attachments: readonly MailPart[];
}

const KEPT = ['From', 'To', 'Cc', 'Reply-To', 'Subject', 'Date', 'In-Reply-To'];
const FIELD_CHARACTERS_MAX = 900;

/** With LF line ends; the same for the same part. */
export function composePart({ header, id, hostname, text, attachments }: HeldPart): Uint8Array {
  const fields = headerFields(header);
  const original = fieldValue(fields, 'message-id') ?? '';
  const kept = KEPT.flatMap((name) => {
    const value = fieldValue(fields, name.toLowerCase()) ?? '';
    return value === '' || value.length > FIELD_CHARACTERS_MAX ? [] : [`${name}: ${oneLine(value)}`];
  });
  const lines = [
    ...kept,
    `Message-ID: <${id.slice(0, 32)}@${hostname}>`,
    ...(/^<[^<>\s\u0000-\u001f\u007f]{1,300}>$/.test(original) ? [`References: ${original}`] : []),
    'MIME-Version: 1.0',
    ...contentOf({ id, text, attachments }),
  ];
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** Attachments, or the text alone. */
function contentOf({ id, text, attachments }: Pick<HeldPart, 'id' | 'text' | 'attachments'>): readonly string[] {
  const [first, ...more] = attachments;
  if (!first) return textPart(text);
  if (more.length === 0 && text === '') return attachmentPart(first);
  return mixed(id, [...(text === '' ? [] : [textPart(text)]), ...attachments.map(attachmentPart)]);
}

/** Parts, each as its lines, in one mail. */
export function mixed(id: string, parts: readonly (readonly string[])[]): readonly string[] {
  const boundary = `held-${id.slice(0, 32)}`;
  return [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    ...parts.flatMap((lines) => [`--${boundary}`, ...lines]),
    `--${boundary}--`,
  ];
}

/** Lines too long for a mail are base64. */
export function textPart(text: string): readonly string[] {
  const lines = text.replace(/\r\n?/g, '\n').replaceAll('\u0000', '');
  const type = 'Content-Type: text/plain; charset=utf-8';
  if (!lines.split('\n').some((line) => Buffer.byteLength(line) > 990))
    return [type, 'Content-Transfer-Encoding: 8bit', '', lines];
  return [type, 'Content-Transfer-Encoding: base64', '', base64(Buffer.from(lines))];
}

export function attachmentPart({ name, type, bytes }: MailPart): readonly string[] {
  return [
    `Content-Type: ${type}`,
    `Content-Disposition: attachment;\n ${fileNameParameter(name)}`,
    'Content-Transfer-Encoding: base64',
    '',
    base64(bytes),
  ];
}

/** RFC 2231 where it is not plain ASCII. */
function fileNameParameter(name: string): string {
  const short = [...name].slice(0, 100).join('');
  if (/^[ !#-[\]-~]+$/.test(short)) return `filename="${short}"`;
  return `filename*=utf-8''${encodeURIComponent(short.toWellFormed()).replace(/['()*!]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)}`;
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('base64')
    .replace(/.{76}(?=.)/g, '$&\n');
