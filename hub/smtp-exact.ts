/**
 * What SMTP would change in a mail: a line ends in CRLF there and nowhere else, the last one too, and there is no NUL.
 * A client mends such things in silence (nodemailer turns a bare CR into a line end); we carry exactly or refuse. So
 * a body is looked through before it is sent.
 */
import type { Body } from '../shared/io/body.ts';

export interface BodyForm {
  /** Why SMTP cannot carry these bytes at all. */
  readonly fault?: string;
  /** Bytes above 127: needs 8BITMIME. */
  readonly eightBit: boolean;
  /** Bytes on the wire, with CRLF, without dots doubled: what SIZE means. */
  readonly wireBytes: number;
}

const LF = 10;
const CR = 13;

/** Reads a body once through. */
export async function bodyForm(body: Body): Promise<BodyForm> {
  let lines = 0;
  let last = LF;
  let eightBit = false;
  let fault: string | undefined;
  for await (const chunk of body.read()) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (bytes.includes(CR)) fault = 'it holds a carriage return that is not part of a line end';
    if (bytes.includes(0)) fault = 'it holds a NUL byte';
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) lines++;
    eightBit ||= hasEightBit(bytes);
    last = bytes.at(-1) ?? last;
  }
  if (last !== LF) fault ??= 'its last line has no end';
  return { eightBit, wireBytes: body.size + lines, ...(fault === undefined ? {} : { fault }) };
}

/** In latin1 each byte is one character, and the engine's search is faster than a loop. */
const hasEightBit = (bytes: Buffer): boolean => /[\u0080-\u00ff]/.test(bytes.toString('latin1'));

/** Whether an address needs SMTPUTF8. */
export const needsUtf8 = (address: string): boolean => /[^\u0000-\u007f]/.test(address);

/** The verdict's text for a body that SMTP cannot carry. */
export const inexactText = (fault: string): string => `SMTP cannot carry this mail unchanged: ${fault} (#5.6.3)`;
