/**
 * An entry is a mail as one Maildir file: a block of header lines that is ours, then the body, byte for byte.
 *
 *     Return-Path: <farid@herat.example.org>
 *     Delivered-To: friend@example.com
 *     Delivered-To: other@example.net
 *     Fieldpost-Entry: hops=1 urgency=5 accepted=1795471464 size=5120 body=<sha256>
 *     Received: … (the body begins: whatever the writer sent)
 *
 * `Fieldpost-Entry` is always the last line of the block, so a body that itself begins with Delivered-To is not
 * mistaken for it. What changes while the entry waits (attempts, next try, settled recipients) stands in a note
 * beside it (shared/io/note.ts), so that a retry never writes the body again.
 */
import { mailId } from './mail-id.ts';

/** Bytes that the block may have: some ten thousand recipients. */
export const ENTRY_HEAD_BYTES_MAX = 1_000_000;

/** Lower goes first. */
export const URGENT = 1;
export const NORMAL = 5;
export const BULK = 8;
/** Taken for spam: goes after all other mail. */
export const JUNK = 9;

export interface EntryHead {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly hops: number;
  readonly urgency: number;
  /** Unix seconds by the clock of the machine that accepted it. */
  readonly accepted: number;
  /** Bytes of the body. */
  readonly size: number;
  /** SHA-256 of the body, hex. */
  readonly bodyHash: string;
}

export class EntryError extends Error {}

export function encodeEntryHead(head: EntryHead): Uint8Array {
  const lines = [
    `Return-Path: <${head.sender}>`,
    ...head.recipients.map((recipient) => `Delivered-To: ${recipient}`),
    `Fieldpost-Entry: hops=${head.hops} urgency=${head.urgency} accepted=${head.accepted} size=${head.size} body=${head.bodyHash}`,
  ];
  return Buffer.from(`${lines.join('\n')}\n`);
}

const LAST = /^Fieldpost-Entry: hops=(\d{1,3}) urgency=(\d) accepted=(\d{1,12}) size=(\d{1,15}) body=([0-9a-f]{64})$/;

/**
 * Reads the block at the start of `bytes`. Answers undefined when the block does not end within them (give
 * more, up to ENTRY_HEAD_BYTES_MAX); throws EntryError when this is no entry.
 */
export function decodeEntryHead(bytes: Uint8Array): { head: EntryHead; length: number } | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sender: string | undefined;
  const recipients: string[] = [];
  for (let start = 0; ; ) {
    const end = buffer.indexOf(10, start);
    if (end < 0) {
      if (buffer.length >= ENTRY_HEAD_BYTES_MAX) throw new EntryError('the entry block has no end');
      return undefined;
    }
    const line = buffer.toString('utf8', start, end);
    start = end + 1;
    const last = LAST.exec(line);
    if (last && sender !== undefined) return { head: complete(sender, recipients, last), length: start };
    if (sender === undefined && line.startsWith('Return-Path: <') && line.endsWith('>')) sender = line.slice(14, -1);
    else if (sender !== undefined && line.startsWith('Delivered-To: ')) recipients.push(line.slice(14));
    else throw new EntryError(`not an entry: line ${recipients.length + 1} of the block is not one of ours`);
  }
}

function complete(sender: string, recipients: readonly string[], last: RegExpExecArray): EntryHead {
  const [, hops, urgency, accepted, size, bodyHash] = last;
  return {
    sender,
    recipients,
    hops: Number(hops),
    urgency: Number(urgency),
    accepted: Number(accepted),
    size: Number(size),
    bodyHash: bodyHash ?? '',
  };
}

/** What a Maildir file name tells about an entry, so that a trip can choose from one page of a listing. */
export interface EntryName {
  readonly urgency: number;
  /** 0 up to 1 KB, then one more for each doubling. */
  readonly sizeClass: number;
  readonly accepted: number;
  readonly id: string;
  /** The key of the seen record that vouches for it (shared/io/accept.ts). */
  readonly arrival: string;
}

const NAME = /^(\d)([0-9a-z])\.(\d{10,12})\.([0-9a-f]{64})\.([0-9a-f]{32}(?:-\d{1,3})?)(?:\.[0-9a-f]{8})?$/;

/**
 * Sorted by bytes, names come urgent first, then small before large, then old before new. `attempt` (8 hex digits) keeps
 * apart the files of two attempts to accept one mail.
 */
export function entryName(head: EntryHead, arrival: string, attempt?: string): string {
  const sizeClass = Math.max(0, Math.ceil(Math.log2(head.size / 1000))) || 0;
  const accepted = String(head.accepted).padStart(10, '0');
  return `${head.urgency}${Math.min(sizeClass, 35).toString(36)}.${accepted}.${mailId(head)}.${arrival}${attempt === undefined ? '' : `.${attempt}`}`;
}

/** Undefined for a file that is not an entry. A `:2,S` that a mail program appended is passed over. */
export function parseEntryName(name: string): EntryName | undefined {
  const match = NAME.exec(name.replace(/:2,[A-Za-z]*$/, ''));
  if (!match) return undefined;
  const [, urgency, sizeClass, accepted, id = '', arrival = ''] = match;
  return {
    urgency: Number(urgency),
    sizeClass: Number.parseInt(sizeClass ?? '0', 36),
    accepted: Number(accepted),
    id,
    arrival,
  };
}
