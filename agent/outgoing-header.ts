/**
 * What sendmail does to the header of a mail that a program hands it: `-t` takes recipients from it and Bcc out of it, and what
 * every mail must have (RFC 5322 section 3.6) is put before it. No other byte is changed.
 */
import { parseAddressList } from '../shared/core/address-list.ts';
import { type HeaderField, headerFields } from '../shared/core/headers.ts';
import { mailDate } from '../shared/core/trace.ts';

export interface OutgoingHeader {
  /** To go before the rest of the mail. */
  readonly bytes: Uint8Array;
  /** Those of To, Cc and Bcc. */
  readonly recipients: readonly string[];
}

export interface Facts {
  /** `-t`: its Bcc has done its work. */
  readonly dropsBcc: boolean;
  readonly sender: string;
  readonly hostname: string;
  /** Makes the Message-ID. */
  readonly nonce: string;
  /** Unix seconds. */
  readonly now: number;
}

/** `block`: the header lines as they came, without the blank line. */
export function outgoingHeader(block: Uint8Array, facts: Facts): OutgoingHeader {
  const fields = headerFields(block);
  const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString('latin1');
  const kept = facts.dropsBcc ? withoutBcc(text) : text;
  return {
    bytes: Buffer.concat([Buffer.from(missingFields(fields, facts)), Buffer.from(kept, 'latin1')]),
    recipients: fields
      .filter(({ name }) => ['to', 'cc', 'bcc'].includes(name))
      .flatMap(({ value }) => parseAddressList(value)),
  };
}

function missingFields(fields: readonly HeaderField[], { sender, hostname, nonce, now }: Facts): string {
  const has = (name: string): boolean => fields.some((field) => field.name === name);
  const lines = [
    has('message-id') ? '' : `Message-ID: <${nonce}@${hostname}>\n`,
    has('date') ? '' : `Date: ${mailDate(now)}\n`,
    has('from') || sender === '' ? '' : `From: ${sender}\n`,
  ];
  return lines.join('');
}

/** By the lines of headers.ts: a CR within one begins no line. */
const withoutBcc = (block: string): string =>
  block
    .split(/(?<=\n)(?![ \t])/)
    .filter((line) => !/^bcc[ \t]*:/i.test(line))
    .join('');

/** Whether a mail begins with a header: a field, or the blank line after none. */
export const beginsWithHeader = (start: Uint8Array): boolean =>
  /^(?:\r?\n|[!-9;-~]+[ \t]*:)/.test(
    Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, 1_000)).toString('latin1'),
  );
