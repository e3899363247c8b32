/**
 * What a door reads of a mail's header: never more than the first 64 KB, never changing a byte. Header names are
 * compared without case; a line that begins with a blank belongs to the field before it.
 */
import { BULK, NORMAL, URGENT } from './entry.ts';

/** Beyond this a header is not looked at; fifty long Received lines have room in it. */
export const HEADER_BYTES_MAX = 65_536;

/** The header lines of a body, without the blank line; `start` is its first HEADER_BYTES_MAX bytes or all of it. */
export function headerBlock(start: Uint8Array): Uint8Array {
  const buffer = Buffer.from(start.buffer, start.byteOffset, Math.min(start.byteLength, HEADER_BYTES_MAX));
  if (/^\r?\n/.test(buffer.toString('latin1', 0, 2))) return buffer.subarray(0, 0);
  for (let at = buffer.indexOf(10); at >= 0; at = buffer.indexOf(10, at + 1)) {
    if (buffer[at + 1] === 10 || (buffer[at + 1] === 13 && buffer[at + 2] === 10)) return buffer.subarray(0, at + 1);
  }
  return buffer;
}

export interface HeaderField {
  /** Lower case. */
  readonly name: string;
  /** Unfolded, without blanks at its ends. */
  readonly value: string;
}

/** The fields of a header block, in order. Lines that are no field are passed over. */
export function headerFields(block: Uint8Array): readonly HeaderField[] {
  const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString('utf8');
  return text.split(/\r?\n(?![ \t])/).flatMap((line) => {
    const colon = line.indexOf(':');
    const name = line
      .slice(0, Math.max(0, colon))
      .replace(/[ \t]+$/, '')
      .toLowerCase();
    if (!/^[!-9;-~]+$/.test(name)) return [];
    return [
      {
        name,
        value: line
          .slice(colon + 1)
          .replace(/\r?\n/g, '')
          .trim(),
      },
    ];
  });
}

/** The first field of that name (lower case), or undefined. */
export const fieldValue = (fields: readonly HeaderField[], name: string): string | undefined =>
  fields.find((field) => field.name === name)?.value;

/** How often the mail has passed a mail server. */
export const countReceived = (fields: readonly HeaderField[]): number =>
  fields.filter(({ name }) => name === 'received').length;

/** What the writer asked for: urgent before all, what machines send in bulk last. */
export function urgencyOf(fields: readonly HeaderField[]): number {
  const value = (name: string): string => fieldValue(fields, name)?.toLowerCase() ?? '';
  const automatic = value('auto-submitted') !== '' && !value('auto-submitted').startsWith('no');
  if (automatic || /^(bulk|list|junk)\b/.test(value('precedence')) || value('list-id') !== '') return BULK;
  const urgent =
    value('importance') === 'high' || /^[12]\b/.test(value('x-priority')) || value('priority') === 'urgent';
  return urgent ? URGENT : NORMAL;
}
