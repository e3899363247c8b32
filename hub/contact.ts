/**
 * When an office was last on line, how that went, and what its trips carried in each month, as one small record: for
 * `hub status`, for the bill, and for those who wait for the office.
 */
import * as z from 'zod/mini';
import { readBody, textBody } from '../shared/io/body.ts';
import { StoreError } from '../shared/io/store.ts';
import type { Hub } from './hub.ts';

const CARRIED = z.object({
  trips: z.number(),
  /** Mails that came up and went down, and their bytes as they are. */
  mailsUp: z.number(),
  mailsDown: z.number(),
  bytesRawUp: z.number(),
  bytesRawDown: z.number(),
  /** What the line carried, handshakes included. */
  bytesWireUp: z.number(),
  bytesWireDown: z.number(),
  seconds: z.number(),
  /** Frames that went on where an earlier trip was cut. */
  resumed: z.number(),
});
export type Carried = z.infer<typeof CARRIED>;

export const CONTACT = z.object({
  /** Unix seconds, by the hub's clock. */
  time: z.number(),
  /** The last trip. */
  last: z.optional(CARRIED),
  /** When the latest calls ended: its habit. */
  calls: z._default(z.array(z.number()), []),
  /** Of the latest months, by name: `2026-11`. */
  months: z._default(z.array(z.tuple([z.string(), CARRIED])), []),
  /** Why the last trip ended early; absent when it was complete. */
  trouble: z.optional(z.string()),
});
export type Contact = z.infer<typeof CONTACT>;

const MONTHS_KEPT = 14;
const CALLS_KEPT = 40;

const contactKey = (office: string): string => `office/${office}/contact`;

/** Adds a trip. Trips of one office follow each other, so nobody writes beside this. */
export async function noteTrip(
  hub: Hub,
  office: string,
  { trouble, ...carried }: Carried & { readonly trouble: string | undefined },
): Promise<void> {
  const time = hub.now();
  const known = await readContact(hub, office);
  const months = new Map(known?.months);
  const month = monthOf(time);
  const before = months.get(month);
  months.set(month, before ? sum(before, carried) : carried);
  const kept = [...months].slice(-MONTHS_KEPT);
  const calls = [...(known?.calls ?? []), time].slice(-CALLS_KEPT);
  const contact: Contact = { time, last: carried, calls, months: kept, ...(trouble === undefined ? {} : { trouble }) };
  await hub.store.put(contactKey(office), textBody(JSON.stringify(contact)));
}

/** The name of a month: `2026-11`. */
export const monthOf = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(0, 7);

const sum = (one: Carried, other: Carried): Carried => ({
  trips: one.trips + other.trips,
  mailsUp: one.mailsUp + other.mailsUp,
  mailsDown: one.mailsDown + other.mailsDown,
  bytesRawUp: one.bytesRawUp + other.bytesRawUp,
  bytesRawDown: one.bytesRawDown + other.bytesRawDown,
  bytesWireUp: one.bytesWireUp + other.bytesWireUp,
  bytesWireDown: one.bytesWireDown + other.bytesWireDown,
  seconds: one.seconds + other.seconds,
  resumed: one.resumed + other.resumed,
});

/** Undefined when the office has never called. */
export async function readContact(hub: Hub, office: string): Promise<Contact | undefined> {
  const body = await hub.store.get(contactKey(office));
  if (!body) return undefined;
  const contact = CONTACT.safeParse(parseJson((await readBody(body)).toString()));
  if (contact.success) return contact.data;
  throw new StoreError(`${contactKey(office)} is damaged: remove it; the record of the office's trips begins anew`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
