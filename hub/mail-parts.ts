/**
 * What a mail holds: its text, and its attachments in order. The reader keeps the whole mail in memory, so a mail beyond
 * the bounds is not taken apart, and only one is at a time.
 */
import { compile } from 'html-to-text';
import PostalMime, { type Attachment } from 'postal-mime';
import { type Body, readBody } from '../shared/io/body.ts';
import { Turns } from '../shared/io/turns.ts';

/** Held in memory, and once more decoded. */
const PARSED_BYTES_MAX = 50_000_000;
/** Ten thousands of parts would cost seconds of the processor. */
const BOUNDARIES_MAX = 2_000;
const NESTING_MAX = 50;
const HEADERS_BYTES_MAX = 500_000;
const HTML_CHARACTERS_MAX = 2_000_000;

export interface MailPart {
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array;
  /** A picture within the text (a logo, a pixel), or a signature over it: nothing without what it belongs to. */
  readonly belongs: boolean;
}

export interface MailParts {
  readonly subject: string;
  readonly from: string;
  readonly text: string;
  readonly attachments: readonly MailPart[];
}

const turns = new Turns({ totalMax: 1 });

/** Undefined when the mail is beyond the bounds, or cannot be read as one. */
export async function readParts(body: Body): Promise<MailParts | undefined> {
  if (body.size > PARSED_BYTES_MAX) return undefined;
  const giveBack = await turns.take('parts', 1);
  try {
    const bytes = await readBody(body, PARSED_BYTES_MAX);
    return boundaries(bytes) > BOUNDARIES_MAX ? undefined : await parse(bytes);
  } finally {
    giveBack();
  }
}

/** Lines that may begin a part. */
function boundaries(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf('\n--'); at >= 0 && count <= BOUNDARIES_MAX; at = bytes.indexOf('\n--', at + 1))
    count += 1;
  return count;
}

async function parse(bytes: Buffer): Promise<MailParts | undefined> {
  try {
    const mail = await PostalMime.parse(bytes, {
      attachmentEncoding: 'arraybuffer',
      maxNestingDepth: NESTING_MAX,
      maxHeadersSize: HEADERS_BYTES_MAX,
    });
    const { name, address } = mail.from ?? { name: '', address: '' };
    return {
      subject: oneLine(mail.subject ?? ''),
      from: oneLine(name ? `${name} <${address ?? ''}>` : (address ?? '')),
      text: mail.text?.trim() ? mail.text : textOfHtml(mail.html ?? ''),
      attachments: mail.attachments.map(partOf),
    };
  } catch {
    // Whatever is wrong with a mail of the Internet, it is still held, and can be asked for as it is.
    return undefined;
  }
}

const partOf = ({ filename, mimeType, content, disposition, related, contentId }: Attachment): MailPart => ({
  name: oneLine(filename ?? '') || 'without a name',
  // What is itself a mail may not be encoded as an attachment has to be.
  type: /^(?!message\/|multipart\/)[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,100}$/.test(mimeType)
    ? mimeType
    : 'application/octet-stream',
  bytes: typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content),
  belongs:
    /^application\/(?:pgp-signature|(?:x-)?pkcs7-signature)$/.test(mimeType) ||
    (mimeType.startsWith('image/') &&
      (related === true || disposition === 'inline' || (contentId !== undefined && disposition !== 'attachment'))),
});

export const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();

const convert = compile({
  wordwrap: false,
  limits: { maxInputLength: HTML_CHARACTERS_MAX, maxDepth: 100, ellipsis: '…' },
  selectors: [
    { selector: 'img', format: 'skip' },
    { selector: 'a', options: { hideLinkHrefIfSameAsText: true, ignoreHref: false } },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
});

function textOfHtml(html: string): string {
  return html === '' ? '' : convert(html).replace(/\n{3,}/g, '\n\n');
}
