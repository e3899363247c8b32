/**
 * Answers what people ask for of held mail: the replies to summaries, which wait in `fetch/OFFICE`. Each does the same when
 * it is done again, so it is removed last.
 */

import { splitAddress } from '../shared/core/address.ts';
import { EntryError } from '../shared/core/entry.ts';
import { fieldValue, type HeaderField, headerFields } from '../shared/core/headers.ts';
import { requestsOf, tokenOf } from '../shared/core/held-address.ts';
import { bounceMail, headerOf } from '../shared/io/bounce.ts';
import type { Log } from '../shared/io/log.ts';
import { type Entry, listEntries, openEntry, removeEntry } from '../shared/io/maildir.ts';
import { StoreError } from '../shared/io/store.ts';
import { giveHeld } from './give-held.ts';
import { choiceOf } from './held-choice.ts';
import { openHeld } from './held-record.ts';
import type { Hub, Service } from './hub.ts';
import { HeldElsewhere } from './leases.ts';
import { readParts } from './mail-parts.ts';
import { withOffice } from './office-lock.ts';

const PAUSE_MS = 60_000;
const PAGE = 200;

/** Answers requests as they come. */
export function startRequests(hub: Hub): Service {
  let answering: Promise<void> | undefined;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  const later = (): void => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE_MS);
  };
  const look = (): void => {
    again = answering !== undefined;
    answering ??= answerRequests(hub)
      .then((areLeft) => {
        if (areLeft) later();
      })
      .catch((error: Error) => {
        hub.log.error('requests for held mail could not be answered; tried again in a minute', {
          error: error.message,
        });
        later();
      })
      .finally(() => {
        answering = undefined;
        if (again) look();
      });
  };
  const stopListening = hub.onPublished((maildir) => {
    if (maildir.startsWith(requestsOf(''))) look();
  });
  look();
  return {
    name: 'requests',
    close: async () => {
      stopListening();
      clearTimeout(timer);
      again = false;
      await answering;
    },
  };
}

/** Answers all that waits, but for offices that another hub works on: true when there are some. */
export async function answerRequests(hub: Hub): Promise<boolean> {
  let areLeft = false;
  for (const { name } of hub.directory.current.offices.values()) {
    try {
      for (let page = await requests(hub, name); page.length > 0; page = await requests(hub, name))
        for (const request of page) await withOffice(hub, name, () => answer(hub, name, request), { patienceMs: 0 });
    } catch (error) {
      // That hub answers them, or this one later.
      if (!(error instanceof HeldElsewhere)) throw error;
      areLeft = true;
    }
  }
  return areLeft;
}

async function requests({ store, log }: Hub, office: string): Promise<readonly Entry[]> {
  const listed = await listEntries(store, requestsOf(office), { limit: PAGE });
  const entries = await Promise.all(
    listed.map(({ key }) => openEntry(store, key).catch((error: unknown) => damaged(log, error))),
  );
  return entries.filter((entry) => entry !== undefined);
}

/** What cannot be read stays, for a person to look at. */
function damaged(log: Log, error: unknown): undefined {
  if (!(error instanceof EntryError)) throw error;
  log.error('a mail about held mail cannot be read', { reason: error.message });
}

async function answer(hub: Hub, office: string, request: Entry): Promise<void> {
  // Another hub may have come before.
  if (!(await openEntry(hub.store, request.key))) return;
  const { sender, recipients } = request.head;
  if (sender === '' || isAutomatic(headerFields(await headerOf(request.body))))
    hub.log.info('an automatic mail asks for a held one: not answered', { office, sender });
  else
    for (const recipient of recipients) {
      const text = await fulfil(hub, office, { request, recipient });
      if (text === undefined) continue;
      hub.log.info('a request for held mail was refused', { office, sender, reason: text });
      const told = await bounceMail(hub.place, request, [{ recipient, text }], { kind: 'failed', now: hub.now() });
      if (told.letter === 'Z') throw new StoreError(`the refusal cannot be stored: ${told.text}`);
    }
  await removeEntry(hub.store, request);
}

/** RFC 3834: what a machine answers of itself asks for nothing. */
function isAutomatic(fields: readonly HeaderField[]): boolean {
  const value = (name: string): string => fieldValue(fields, name)?.toLowerCase() ?? '';
  return !/^(no\b|$)/.test(value('auto-submitted')) || /^(bulk|list|junk)\b/.test(value('precedence'));
}

const GONE = 'there is no held mail for you under this address (any more) (#5.1.1)';

/** Does what is asked; answers why it does not. */
async function fulfil(
  hub: Hub,
  office: string,
  { request, recipient: address }: { readonly request: Entry; readonly recipient: string },
): Promise<string | undefined> {
  const token = tokenOf(splitAddress(address).local) ?? '';
  const held = await openHeld(hub, office, token).catch((error: unknown) => damaged(hub.log, error));
  if (!held) return GONE;
  const recipient = held.recipients.find((known) => isSamePerson(hub, request.head.sender, known));
  if (recipient === undefined) return GONE;
  const choice = choiceOf(await firstLine(request));
  if (choice === undefined)
    return "the first line has to be one of these alone: all, text, drop, small, or the numbers of attachments, such as '1 3' or 'small 2' (#5.6.0)";
  return giveHeld(hub, { office, request: request.id, choice, recipient, entry: held.entry });
}

/** Whoever writes as the sender of a trip's mail has been let through by the office; both addresses lead to one mailbox. */
function isSamePerson({ place }: Hub, one: string, other: string): boolean {
  const [a, b] = [one, other].map((address) => {
    const { deliveries } = place.route({ name: 'requests', relays: true }, '', address);
    const [only] = deliveries;
    return only && deliveries.length === 1 ? `${only.maildir} ${only.recipient.toLowerCase()}` : undefined;
  });
  return a !== undefined && a === b;
}

async function firstLine(request: Entry): Promise<string> {
  const lines = (await readParts(request.body))?.text.split(/\r?\n/) ?? [];
  return lines.find((line) => line.trim() !== '' && !line.startsWith('>')) ?? '';
}
