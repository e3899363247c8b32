/**
 * A file of a Maildir that is a queue (`[[queue]]`), as qmail-local writes it and serialmail reads it: the envelope in two lines, then the mail.
 *
 *     Return-Path: <farid@herat.example.org>
 *     Delivered-To: qrelay-friend@example.com
 *
 * The prefix is cut from the recipient by its bytes. A file that does not fit is told with its reason: serialmail passed
 * it over in silence, and its mail lay there for ever.
 */
import { addressFault } from './address.ts';

export interface QueueHead {
  readonly sender: string;
  readonly recipient: string;
  /** Bytes of the two lines. */
  readonly length: number;
}

/** Both lines must end within so many bytes: two addresses, quoted at worst. */
export const QUEUE_HEAD_BYTES_MAX = 8_192;

/** `start`: the beginning of the file. Answers a reason when the file does not fit. */
export function readQueueHead(start: Uint8Array, prefix: string): QueueHead | string {
  const buffer = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  const first = buffer.indexOf(10);
  const second = first < 0 ? -1 : buffer.indexOf(10, first + 1);
  const [, path] = /^Return-Path: <(.*)>$/s.exec(buffer.toString('utf8', 0, Math.max(0, first))) ?? [];
  if (path === undefined) return 'its first line is not "Return-Path: <sender>"';
  const [, delivered] = /^Delivered-To: (.+)$/s.exec(buffer.toString('utf8', first + 1, Math.max(0, second))) ?? [];
  if (delivered === undefined) return 'its second line is not "Delivered-To: recipient"';
  if (!delivered.startsWith(prefix)) return `its Delivered-To does not begin with the prefix "${prefix}"`;
  const [sender, recipient] = [unquote(path), delivered.slice(prefix.length)];
  const fault = addressFault(sender) ?? addressFault(recipient);
  if (fault !== undefined) return fault;
  if (!/.@./.test(recipient)) return `its recipient "${recipient}" is no address`;
  return { sender, recipient, length: second + 1 };
}

/** qmail quotes an odd local part, and its bounces of bounces come from `#@[]`: they must not be answered either. */
function unquote(path: string): string {
  if (path === '#@[]') return '';
  const [, quoted, domain = ''] = /^"((?:\\.|[^"\\])*)"(@.*)?$/s.exec(path) ?? [];
  return quoted === undefined ? path : quoted.replace(/\\(.)/gs, '$1') + domain;
}
