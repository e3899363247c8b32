/** What an answer does to the entries of the frame that it is for, however it came: over a link, or from a stick. */
import { EntryError } from '../core/entry.ts';
import type { Opened } from '../core/trip-ledger.ts';
import type { Answer } from '../core/trip-message.ts';
import type { Entry } from './maildir.ts';
import { settleEntry } from './trip-settle.ts';
import type { TripSide } from './trip-side.ts';

/** Done durably when it returns; the caller then settles the number. */
export async function settleOffer(side: TripSide, opened: Opened, answer: Answer): Promise<void> {
  const { place, maildir } = side;
  const delivered = async (entry: Entry): Promise<void> => side.delivered?.(entry);
  for (const [key, part] of answersOf(opened, answer)) {
    try {
      await settleEntry(place, { maildir, key, answer: part, now: side.now(), delivered });
    } catch (error) {
      // A damaged entry stays where it is, for a person to look at, and holds up no other.
      if (!(error instanceof EntryError)) throw error;
      place.log.error('an entry cannot travel', { reason: error.message });
    }
  }
}

/** Which part of an answer is for which entry. One verdict for all: its receiver could not read who they are. */
function answersOf({ keys, sealing }: Opened, answer: Answer): readonly (readonly [string, Answer])[] {
  if (answer === 'K' || answer.length === 1 || !sealing) return keys.map((key) => [key, answer] as const);
  let at = 0;
  return keys.map((key, index) => {
    const from = at;
    at += sealing.recipients[index] ?? 0;
    return [key, answer.slice(from, at)] as const;
  });
}
