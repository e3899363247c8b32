/**
 * The files that one mail becomes: one entry for each maildir (and sender) that it goes on from, with all its recipients
 * there; one file for each mailbox, that shows no other recipient.
 */

import type { Delivery } from '../core/delivery.ts';
import { ENTRY_HEAD_BYTES_MAX, type EntryHead, encodeEntryHead, entryName } from '../core/entry.ts';
import { mailboxName } from '../core/mailbox-name.ts';
import { type Body, bytesBody, joinBodies } from './body.ts';
import type { Mail } from './mail.ts';

/** A file to be written. */
export interface Copy {
  readonly maildir: string;
  readonly key: string;
  readonly body: Body;
}

export interface Copying {
  readonly mail: Mail;
  /** Name of the seen record that will vouch for the files. */
  readonly arrival: string;
  /** 8 hex digits: no two attempts write to one key, so that a late write never brings back what a reader has taken. */
  readonly attempt: string;
  readonly hostname: string;
  /** Unix seconds. */
  readonly now: number;
}

export function copiesOf(deliveries: readonly Delivery[], copying: Copying): readonly Copy[] {
  const entries = groupBy(
    deliveries.filter(({ form }) => form === 'entry'),
    ({ maildir, sender }) => `${maildir} ${sender}`,
  );
  const mailboxes = groupBy(
    deliveries.filter(({ form }) => form === 'mailbox'),
    ({ maildir }) => maildir,
  );
  return [
    ...entries.flatMap((group) => entryCopies(group, copying)),
    ...mailboxes.map(([first]) => mailboxCopy(first, copying)),
  ];
}

type Group = readonly [Delivery, ...Delivery[]];

function groupBy(deliveries: readonly Delivery[], keyOf: (delivery: Delivery) => string): readonly Group[] {
  const groups = new Map<string, [Delivery, ...Delivery[]]>();
  for (const delivery of deliveries) {
    const key = keyOf(delivery);
    const group = groups.get(key);
    if (group) group.push(delivery);
    else groups.set(key, [delivery]);
  }
  return [...groups.values()];
}

function entryCopies(group: Group, copying: Copying): readonly Copy[] {
  const [{ maildir, sender }] = group;
  const { mail, arrival, attempt, now } = copying;
  return portions([...new Set(group.map(({ recipient }) => recipient))]).map((recipients) => {
    const head: EntryHead = {
      sender,
      recipients,
      hops: mail.hops + 1,
      urgency: mail.urgency,
      accepted: now,
      size: mail.body.size,
      bodyHash: mail.bodyHash,
    };
    const body = joinBodies(bytesBody(encodeEntryHead(head)), mail.body);
    return { maildir, key: `${maildir}/new/${entryName(head, arrival, attempt)}`, body };
  });
}

/** A list of ten thousand recipients may not fit into one entry's block; then it becomes two. */
function portions(recipients: readonly string[]): readonly (readonly string[])[] {
  const all: string[][] = [[]];
  let bytes = 0;
  for (const recipient of recipients) {
    bytes += Buffer.byteLength(recipient) + 'Delivered-To: \n'.length;
    if (bytes > ENTRY_HEAD_BYTES_MAX / 2) {
      all.push([]);
      bytes = 0;
    }
    all.at(-1)?.push(recipient);
  }
  return all;
}

function mailboxCopy({ maildir, sender, recipient }: Delivery, copying: Copying): Copy {
  const head = Buffer.from(`Return-Path: <${sender}>\nDelivered-To: ${recipient}\n`);
  const body = joinBodies(bytesBody(head), copying.mail.body);
  return { maildir, key: `${maildir}/new/${mailboxName(copying)}`, body };
}
