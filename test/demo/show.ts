/** What the demo says: terse lines, in colour on a terminal. */
import { type Column, table } from '../support/table.ts';
import type { OfficeRow } from './tally.ts';

const colour = (code: number, text: string): string =>
  process.stdout.isTTY ? `\u001b[${code}m${text}\u001b[0m` : text;

export const bold = (text: string): string => colour(1, text);
const dim = (text: string): string => colour(2, text);
export const green = (text: string): string => colour(32, text);
export const red = (text: string): string => colour(31, text);

/** 1,234,567 bytes as people say it. */
export function size(bytes: number): string {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return bytes >= 1e3 ? `${Math.round(bytes / 1e3)} KB` : `${bytes} B`;
}

const started = Date.now();

/** A line with the seconds since the start before it. */
export function say(text: string): void {
  console.log(`${dim(`${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s`)}  ${text}`);
}

export function heading(text: string): void {
  console.log(`\n${bold(text)}`);
}

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

const COLUMNS: readonly Column<OfficeRow>[] = [
  ['office', ({ office }) => office],
  ['mails in', ({ mailsIn }) => mailsIn],
  ['mails out', ({ mailsOut }) => mailsOut],
  ['inside', ({ inside }) => inside],
  ['bytes raw', ({ bytesRaw }) => bytesRaw],
  ['bytes on the link', ({ bytesLink }) => bytesLink],
  ['delivered identical', ({ identical, wanted }) => `${identical} of ${wanted}`],
];

export const officeTable = (rows: readonly OfficeRow[]): string => table(COLUMNS, rows);
