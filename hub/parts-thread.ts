/**
 * Takes mails apart and makes pictures small, in a thread of its own: both can be made so that this takes minutes and gigabytes,
 * and the thread can be ended. In the built program it is the program's own file, of which only this part does anything then.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import PostalMime, { type Attachment } from 'postal-mime';
import { textOfHtml } from './html-text.ts';
import { shrinkPicture } from './picture.ts';

const NESTING_MAX = 50;
const HEADERS_BYTES_MAX = 500_000;
/** What the thread is told of itself. */
export const PARTS_THREAD = 'fieldpost mail parts';
export const PARTS_FILE: string = import.meta.filename;

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

/** Whether this thread is the one that takes mails apart. */
export const isPartsThread = (): boolean => !isMainThread && workerData === PARTS_THREAD;

/** What the thread is asked for. */
export type PartsTask = { readonly mail: Uint8Array } | { readonly picture: Uint8Array };

if (isPartsThread()) {
  parentPort?.on('message', (task: PartsTask) => {
    const work = 'mail' in task ? parse(task.mail) : shrinkPicture(task.picture);
    work.then((result) => parentPort?.postMessage(result));
  });
  parentPort?.postMessage('loaded');
}

async function parse(bytes: Uint8Array): Promise<MailParts | undefined> {
  try {
    const mail = await PostalMime.parse(bytes, {
      attachmentEncoding: 'arraybuffer',
      maxNestingDepth: NESTING_MAX,
      maxHeadersSize: HEADERS_BYTES_MAX,
    });
    const text = mail.text?.trim() ? mail.text : textOfHtml(mail.html ?? '');
    if (text === undefined) return undefined;
    const { name, address } = mail.from ?? { name: '', address: '' };
    return {
      subject: oneLine(mail.subject ?? ''),
      from: oneLine(name ? `${name} <${address ?? ''}>` : (address ?? '')),
      text,
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
