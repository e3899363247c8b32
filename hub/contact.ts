/** When an office was last on line and how that went, as one small record: for `hub status` and for those who wait for it. */
import * as z from 'zod/mini';
import { readBody, textBody } from '../shared/io/body.ts';
import type { Hub } from './hub.ts';

const CONTACT = z.object({
  /** Unix seconds, by the hub's clock. */
  time: z.number(),
  /** Mails that came up and went down. */
  up: z.number(),
  down: z.number(),
  /** Why the trip ended early; absent when it was complete. */
  trouble: z.optional(z.string()),
});
export type Contact = z.infer<typeof CONTACT>;

const contactKey = (office: string): string => `office/${office}/contact`;

export const writeContact = (hub: Hub, office: string, contact: Contact): Promise<void> =>
  hub.store.put(contactKey(office), textBody(JSON.stringify(contact)));

/** Undefined when the office has never called. */
export async function readContact(hub: Hub, office: string): Promise<Contact | undefined> {
  const body = await hub.store.get(contactKey(office));
  return body && CONTACT.parse(JSON.parse((await readBody(body)).toString()));
}
