/**
 * What is inside a frame before it is sealed: one mail, packed as
 *
 *     kind (1: mail)   hops   urgency   sender   count of recipients   recipients   body to the end
 *
 * numbers as varints, texts as a varint length and bytes. A frame of kind 2 is the directory, as a change to the
 * one that the receiver has, and of kind 3 the whole of it: the rest is its text.
 */
import { addressFault } from './address.ts';
import { ENTRY_HEAD_BYTES_MAX } from './entry.ts';
import { RECIPIENTS_MAX } from './trip-message.ts';
import { encodeText, encodeVarint, FieldReader, TripError } from './trip-record.ts';

export const FRAME_KIND = { mail: 1, directoryDelta: 2, directory: 3 } as const;

/** What a frame has more than its body, at most. */
export const FRAME_HEAD_BYTES_MAX = ENTRY_HEAD_BYTES_MAX;

export interface FrameHead {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly hops: number;
  readonly urgency: number;
}

export function encodeFrameHead({ sender, recipients, hops, urgency }: FrameHead): Uint8Array {
  return Buffer.concat([
    Uint8Array.of(FRAME_KIND.mail),
    encodeVarint(hops),
    encodeVarint(urgency),
    encodeText(sender),
    encodeVarint(recipients.length),
    ...recipients.map(encodeText),
  ]);
}

/**
 * Reads the head at the start of `bytes`. Answers undefined when it does not end within them; throws TripError when it is no
 * head of a mail.
 */
export function decodeFrameHead(bytes: Uint8Array): { readonly head: FrameHead; readonly length: number } | undefined {
  try {
    return readHead(new FieldReader(bytes));
  } catch (error) {
    if (!(error instanceof Short) || bytes.length >= FRAME_HEAD_BYTES_MAX) throw error;
    return undefined;
  }
}

/** More bytes may help. */
class Short extends TripError {}

function readHead(read: FieldReader): { readonly head: FrameHead; readonly length: number } {
  const number = (max: number, what: string): number => {
    const value = whenThere(() => read.varint(), read);
    if (value > max) throw new TripError(`${what} of ${value} in a frame`);
    return value;
  };
  if (number(255, 'a kind') !== FRAME_KIND.mail) throw new TripError('the frame holds no mail');
  const hops = number(999, 'a hop count');
  const urgency = number(9, 'an urgency');
  const address = (): string => {
    const text = whenThere(() => read.text(ENTRY_HEAD_BYTES_MAX), read);
    const fault = addressFault(text);
    if (fault) throw new TripError(`a frame whose ${fault}`);
    return text;
  };
  const sender = address();
  const count = number(RECIPIENTS_MAX, 'a number of recipients');
  if (count === 0) throw new TripError('a frame without recipients');
  const recipients = Array.from({ length: count }, address);
  return { head: { sender, recipients, hops, urgency }, length: read.at };
}

function whenThere<T>(readField: () => T, read: FieldReader): T {
  try {
    return readField();
  } catch (error) {
    throw read.short ? new Short('a frame is shorter than its head') : error;
  }
}
