/**
 * Bounces: tells the sender of a mail what became of it, through the one door in. A report's id is made from the mail,
 * the kind and the recipients, so reporting twice is harmless: `accept` remembers.
 *
 * A bounce never bounces: what befalls a mail without a sender, or a report that cannot be given to the sender, ends
 * as a line in the log.
 */
import { composeDsn, type DsnKind, type Failure } from '../core/dsn.ts';
import { HEADER_BYTES_MAX, headerBlock } from '../core/headers.ts';
import { digest } from '../core/mail-id.ts';
import { accepted, type Verdict } from '../core/verdict.ts';
import { type Body, readBody, sliceBody } from './body.ts';
import type { Place } from './mail.ts';
import { sendNotice } from './notice.ts';

/** The answer when there is nobody to tell. */
export const NOBODY_TOLD = accepted('nobody to tell');

/** What a report is about; an entry is one. */
export interface Reported {
  readonly id: string;
  readonly head: { readonly sender: string; readonly accepted: number };
  readonly body: Body;
}

export interface BounceOptions {
  readonly kind: DsnKind;
  /** Unix seconds. */
  readonly now: number;
  /** Tells a second report of the same kind from the first. */
  readonly occasion?: string;
}

/**
 * Reports `failures` to the sender. K: the report is durable, or there is nobody to give it to. Z: do it again later,
 * and keep the mail until then.
 */
export async function bounceMail(
  place: Place,
  reported: Reported,
  failures: readonly Failure[],
  { kind, now, occasion }: BounceOptions,
): Promise<Verdict> {
  const { sender, accepted: since } = reported.head;
  if (failures.length === 0) return NOBODY_TOLD;
  if (sender === '') return unreported(place, reported, failures, 'it has no sender, so it is a report itself');
  const recipients = failures.map(({ recipient }) => recipient);
  const id = digest(['bounce', reported.id, kind, ...recipients, ...(occasion === undefined ? [] : [occasion])]);
  const header = await headerOf(reported.body);
  const bytes = composeDsn({ kind, id, hostname: place.hostname, sender, failures, accepted: since, now, header });
  const verdict = await sendNotice(place, { id, recipient: sender, bytes, now });
  if (verdict.letter !== 'D') return verdict;
  return unreported(place, reported, failures, `its sender cannot be told: ${verdict.text}`);
}

function unreported({ log }: Place, { id, head }: Reported, failures: readonly Failure[], why: string): Verdict {
  log.warn(`a mail was not delivered, and nobody is told: ${why}`, {
    id,
    sender: head.sender,
    recipients: failures.length,
    recipient: failures[0]?.recipient,
    reason: failures[0]?.text,
  });
  return NOBODY_TOLD;
}

/** The header block of a body, or the beginning of a very long one. */
export async function headerOf(body: Body): Promise<Uint8Array> {
  return headerBlock(await readBody(sliceBody(body, 0, Math.min(body.size, HEADER_BYTES_MAX))));
}
