/**
 * A mail as plain text: its text, made of the HTML where there is no other; its attachments without the pictures that
 * belong to the HTML; of its header what a reader needs. A line at the end says what was left out.
 */
import { fieldValue, headerFields } from '../shared/core/headers.ts';
import { attachmentPart, mixed, textPart } from './held-part.ts';
import type { MailParts } from './parts-thread.ts';
import { sizeText } from './size-text.ts';

/** What a mail program shows or answers by. Requests for a receipt are not among it. */
const KEPT =
  /^(?:from|sender|to|cc|subject|date|message-id|in-reply-to|references|reply-to|auto-submitted|precedence|list-id|importance|priority|x-priority)$/;
const CONTENT = /^(?:content-[a-z-]+|mime-version)$/;
const NAMED_MAX = 6;

/** What kind of mail the header says it is: `simple` is text already, `sealed` only its reader can open. */
export function kindOf(header: Uint8Array): 'simple' | 'sealed' | 'signed' | 'mixed' {
  const fields = headerFields(header);
  const type = (fieldValue(fields, 'content-type') ?? 'text/plain').toLowerCase();
  if (/^multipart\/signed\b/.test(type)) return 'signed';
  if (/^(?:multipart\/encrypted|application\/(?:x-)?pkcs7-mime)\b/.test(type)) return 'sealed';
  return /^text\/plain\b/.test(type) && !/^attachment\b/i.test(fieldValue(fields, 'content-disposition') ?? '')
    ? 'simple'
    : 'mixed';
}

/** The header without what only machines read. */
export const trimHeader = (header: Uint8Array): Buffer =>
  keepFields(header, (name) => KEPT.test(name) || CONTENT.test(name));

/** Fields as they are, byte for byte. */
function keepFields(header: Uint8Array, keeps: (name: string) => boolean): Buffer {
  const lines = Buffer.from(header)
    .toString('latin1')
    .split(/(?<=\n)(?![ \t])/);
  const kept = lines.filter((line) =>
    keeps(
      line
        .slice(0, Math.max(0, line.indexOf(':')))
        .trimEnd()
        .toLowerCase(),
    ),
  );
  return Buffer.from(kept.join(''), 'latin1');
}

export interface PlainMail {
  readonly header: Uint8Array;
  readonly parts: MailParts;
  /** Of the original. */
  readonly bytes: number;
  readonly signed: boolean;
  /** Whom to ask for the original. */
  readonly askAt: string;
  /** Makes its boundary. 64 hex digits. */
  readonly id: string;
}

/** With LF line ends; the same for the same mail. */
export function composePlain({ header, parts, bytes, signed, askAt, id }: PlainMail): Buffer {
  const text = `${parts.text.replace(/\s+$/, '')}\n\n${lineOfWhatIsLeftOut({ parts, bytes, signed, askAt })}`;
  const kept = parts.attachments.filter(({ belongs }) => !belongs);
  const content = kept.length === 0 ? textPart(text) : mixed(id, [textPart(text), ...kept.map(attachmentPart)]);
  const head = keepFields(header, (name) => KEPT.test(name));
  return Buffer.concat([head, Buffer.from(`${['MIME-Version: 1.0', ...content].join('\n')}\n`)]);
}

function lineOfWhatIsLeftOut({ parts, bytes, signed, askAt }: Omit<PlainMail, 'header' | 'id'>): string {
  const left = parts.attachments.flatMap(({ belongs, name, bytes: of }, index) =>
    belongs ? [`${index + 1} ${name.slice(0, 30)} ${sizeText(of.length)}`] : [],
  );
  const named = left.slice(0, NAMED_MAX).join(', ');
  const more = left.length > NAMED_MAX ? ` and ${left.length - NAMED_MAX} more` : '';
  const without = left.length > 0 ? `; without ${named}${more}` : '';
  return `[text of a ${signed ? 'signed ' : ''}mail of ${sizeText(bytes)}${without}. The original: write "all" to ${askAt}]`;
}
