/**
 * What is inside a frame of several mails, before it is compressed:
 *
 *     count
 *     for each mail: head (shared/core/frame.ts)   form   bytes of the body   bytes of text   bytes of binary
 *     all texts   all binaries
 *
 * numbers as varints. Form 1: the body is lifted (shared/core/lift.ts), its base64 runs stand decoded among the binaries; form 0:
 * it stands among the texts as it is, because lifting gives nothing or could not be undone exactly.
 */
import { decodeFrameHead, encodeFrameHead, FRAME_HEAD_BYTES_MAX, type FrameHead } from './frame.ts';
import { type Lifted, lift, lower, runsOf } from './lift.ts';
import { RECIPIENTS_MAX } from './trip-message.ts';
import { encodeVarint, FieldReader, TripError } from './trip-record.ts';

export interface GroupMail {
  readonly head: FrameHead;
  readonly body: Buffer;
}

const PLAIN = 0;
const LIFTED = 1;

/** A frame's content is held in memory at both ends. */
export const CONTENT_BYTES_MAX = 6_000_000;
/** Bodies of one frame together; what is larger is streamed in a frame of its own. */
export const GROUP_BYTES_MAX = 4_000_000;
export const GROUP_MAILS_MAX = 100;
/** A longer content is of one mail, so that one which is too large can be refused before it has travelled. */
export const SHARED_BYTES_MAX = 600_000;

export function encodeGroup(mails: readonly GroupMail[]): Buffer {
  const lifted = mails.map(({ body }) => exactly(body));
  return Buffer.concat([
    encodeVarint(mails.length),
    ...mails.flatMap(({ head, body }, index) => [encodeFrameHead(head), ...sizes(body, lifted[index])]),
    ...mails.map(({ body }, index) => lifted[index]?.text ?? body),
    ...lifted.flatMap((form) => (form ? [form.binary] : [])),
  ]);
}

const sizes = (body: Buffer, form: Lifted | undefined): Uint8Array[] =>
  [form ? LIFTED : PLAIN, body.length, form?.text.length ?? body.length, form?.binary.length ?? 0].map(encodeVarint);

/** Undefined where the body does not come out again exactly, or nothing is gained. */
function exactly(body: Buffer): Lifted | undefined {
  const lifted = lift(body);
  if (lifted.text.length + lifted.binary.length >= body.length) return undefined;
  return lower(lifted, body.length).equals(body) ? lifted : undefined;
}

interface Sizes {
  readonly head: FrameHead;
  readonly form: number;
  readonly body: number;
  readonly text: number;
  readonly binary: number;
}

/** Smaller binaries are not worth naming. */
const PART_BYTES_MIN = 2_048;

/** The large binaries of a content, which both ends remember; of one that `decodeGroup` can read. */
export const partsOf = (content: Buffer): readonly Buffer[] =>
  readMails(content)
    .flatMap(({ mail, lifted }) => (mail.form === LIFTED ? runsOf(lifted) : []))
    .filter(({ length }) => length >= PART_BYTES_MIN);

/** Throws TripError for anything that `encodeGroup` cannot have made. */
export const decodeGroup = (content: Buffer): readonly GroupMail[] =>
  readMails(content).map(({ mail, lifted }) => ({ head: mail.head, body: bodyOf(mail, lifted) }));

function readMails(content: Buffer): readonly { readonly mail: Sizes; readonly lifted: Lifted }[] {
  const { mails, end } = readSizes(content);
  const textBytes = mails.reduce((sum, { text }) => sum + text, 0);
  const binaryBytes = mails.reduce((sum, { binary }) => sum + binary, 0);
  if (end + textBytes + binaryBytes !== content.length)
    throw new TripError('a frame has another length than its mails');
  const texts = new FieldReader(content.subarray(end, end + textBytes));
  const binaries = new FieldReader(content.subarray(end + textBytes));
  return mails.map((mail) => {
    return { mail, lifted: { text: texts.bytes(mail.text), binary: binaries.bytes(mail.binary) } };
  });
}

function readSizes(content: Buffer): { readonly mails: readonly Sizes[]; readonly end: number } {
  const first = new FieldReader(content);
  const count = first.varint();
  if (count === 0 || count > GROUP_MAILS_MAX) throw new TripError(`a frame of ${count} mails`);
  if (count > 1 && content.length > SHARED_BYTES_MAX) throw new TripError('a frame is too long for several mails');
  let at = first.at;
  let recipients = 0;
  let bytes = 0;
  const mails = Array.from({ length: count }, (): Sizes => {
    const found = decodeFrameHead(content.subarray(at, at + FRAME_HEAD_BYTES_MAX));
    if (!found) throw new TripError('a frame ends before the head of a mail');
    const read = new FieldReader(content.subarray(at + found.length));
    const mail = {
      head: found.head,
      form: read.varint(),
      body: read.varint(),
      text: read.varint(),
      binary: read.varint(),
    };
    at += found.length + read.at;
    recipients += found.head.recipients.length;
    bytes += mail.body;
    if (recipients > RECIPIENTS_MAX) throw new TripError('a frame has too many recipients');
    if (bytes > GROUP_BYTES_MAX) throw new TripError(`the mails of a frame have more than ${GROUP_BYTES_MAX} bytes`);
    return mail;
  });
  return { mails, end: at };
}

function bodyOf({ form, body: size }: Sizes, lifted: Lifted): Buffer {
  const body = form === LIFTED ? lowered(lifted, size) : lifted.text;
  if (form > LIFTED || (form === PLAIN && lifted.binary.length > 0)) throw new TripError('a mail has no known form');
  if (body.length !== size) throw new TripError('a mail has another length than was said');
  return body;
}

function lowered(lifted: Lifted, size: number): Buffer {
  try {
    return lower(lifted, size);
  } catch (error) {
    throw new TripError((error as Error).message);
  }
}
