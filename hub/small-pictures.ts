/** The pictures of a held mail, made small: those that were asked for, or all. */

import { smallPicture } from './mail-parts.ts';
import type { MailPart } from './parts-thread.ts';
import { pictureSize, SMALL_PIXELS } from './picture.ts';
import { sizeText } from './size-text.ts';

/** Logos and icons are not what somebody asks for. */
const PICTURE_BYTES_MIN = 10_000;

/** Numbers of the pictures, from 1 on. */
export const picturesOf = (attachments: readonly MailPart[]): readonly number[] =>
  attachments.flatMap(({ bytes }, index) =>
    bytes.length >= PICTURE_BYTES_MIN && pictureSize(bytes) !== undefined ? [index + 1] : [],
  );

export interface SmallPictures {
  readonly pictures: readonly MailPart[];
  /** For who has asked: what was made of which, and what could not be. */
  readonly told: string;
}

/** Those of these numbers. `pictures` is empty when none could be made small, and `told` says why. */
export async function smallPictures(
  attachments: readonly MailPart[],
  numbers: readonly number[],
): Promise<SmallPictures> {
  const pictures: MailPart[] = [];
  const lines: string[] = [];
  for (const number of numbers) {
    const part = attachments[number - 1];
    const shrunk = part ? await smallPicture(part.bytes) : { why: 'there is none' };
    if (part && 'bytes' in shrunk) {
      pictures.push({ ...part, name: smallName(part.name), type: 'image/jpeg', bytes: shrunk.bytes });
      lines.push(`${number}: ${sizeText(shrunk.bytes.length)} instead of ${sizeText(part.bytes.length)}`);
    } else lines.push(`${number} cannot be made small: ${'why' in shrunk ? shrunk.why : ''}`);
  }
  const told = `Pictures of at most ${SMALL_PIXELS} pixels a side. ${lines.join('; ')}. As they are: reply with the number alone.`;
  return { pictures, told };
}

const smallName = (name: string): string => `${name.replace(/\.[A-Za-z0-9]{1,5}$/, '')}-small.jpg`;
