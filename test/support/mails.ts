/** Reads mails from a folder of files or from an mbox file, and knows what SMTP makes of their bytes. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

export interface TestMail {
  readonly name: string;
  /** As stored. */
  readonly bytes: Buffer;
}

/** All files below a folder (hidden ones and tables aside), or all messages of an mbox. Sorted by name. */
export async function readMails(path: string): Promise<readonly TestMail[]> {
  if ((await stat(path)).isFile()) return splitMbox(await readFile(path));
  const files = (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && !/\.(?:tsv|md|txt|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Promise.all(files.map(async (file) => ({ name: relative(path, file), bytes: await readFile(file) })));
}

/** A message begins after a line `From …` that is the first one or follows a blank line; that line is not part of it. */
function splitMbox(mbox: Buffer): readonly TestMail[] {
  const text = mbox.toString('latin1');
  const starts = [...text.matchAll(/(?:^|\n\n|\r\n\r\n)From [^\n]*\n/g)].map(({ index, 0: line }) => ({
    before: index,
    start: index + line.length,
  }));
  return starts.map(({ start }, index) => {
    const end = starts[index + 1]?.before ?? text.length;
    const body = text.slice(start, end);
    return {
      name: String(index + 1).padStart(5, '0'),
      bytes: Buffer.from(body.endsWith('\n') ? body : `${body}\n`, 'latin1'),
    };
  });
}

/** What SMTP has on the wire, and what arrives: LF at rest. `fault`: SMTP cannot carry it, the door must refuse it. */
export interface SmtpForm {
  readonly wire: Buffer;
  readonly rest: Buffer;
  readonly fault?: string;
}

export function smtpForm(bytes: Buffer): SmtpForm {
  const text = bytes.toString('latin1');
  const bareLf = /(?:^|[^\r])\n/.test(text);
  // A file with LF line ends only is a mail at rest; one that mixes them is sent as it is.
  const wire = bareLf && !text.includes('\r') ? text.replaceAll('\n', '\r\n') : text;
  // DATA ends with a line end: a client has to add the one that is missing.
  const ended = wire === '' || wire.endsWith('\r\n') ? wire : `${wire}\r\n`;
  const fault = faultOf(ended);
  return {
    wire: Buffer.from(ended, 'latin1'),
    rest: Buffer.from(ended.replaceAll('\r\n', '\n'), 'latin1'),
    ...(fault ? { fault } : {}),
  };
}

function faultOf(wire: string): string | undefined {
  if (wire.includes('\0')) return 'NUL';
  if (/\r(?!\n)/.test(wire)) return 'bare CR';
  if (/(?:^|[^\r])\n/.test(wire)) return 'bare LF';
  return undefined;
}

/** `Received, folded`: as other servers write it. */
type TraceLine = 'Return-Path' | 'Delivered-To' | 'Received' | 'Received, folded';

/**
 * Takes off what was put before a mail: `Return-Path`, `Delivered-To` (mailbox copies have both) and the one `Received`
 * line of the first holder. Ours are one line each: a mail may begin with a blank. A report of ours has no `Received`: what lacks
 * a line stays as it is.
 */
export function withoutTrace(bytes: Buffer, lines: readonly TraceLine[]): Buffer {
  let at = 0;
  for (const line of lines) {
    const [name = '', folded] = line.split(', ');
    if (bytes.toString('latin1', at, at + name.length + 1) !== `${name}:`) return bytes;
    at = bytes.indexOf(10, at) + 1;
    while (folded && (bytes[at] === 0x20 || bytes[at] === 0x09)) at = bytes.indexOf(10, at) + 1;
  }
  return bytes.subarray(at);
}
