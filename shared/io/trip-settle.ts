/**
 * What an answer of the other side does to the entry that was offered. The order is what keeps mail and bounces from
 * being lost: first the sender is told of what was refused, then the entry goes; a recipient who has to wait keeps
 * the entry, and a note beside it says who is settled.
 */
import type { Failure } from '../core/dsn.ts';
import type { Answer } from '../core/trip-message.ts';
import { accepted, type Verdict } from '../core/verdict.ts';
import { bounceMail } from './bounce.ts';
import type { Place } from './mail.ts';
import { type Entry, openEntry, removeEntry } from './maildir.ts';
import { type Note, readNote, writeNote } from './note.ts';

export interface Settling {
  readonly maildir: string;
  /** Key of the entry. */
  readonly key: string;
  readonly answer: Answer;
  /** Unix seconds. */
  readonly now: number;
  /** Called before an entry that somebody accepted is removed. */
  delivered?(entry: Entry): Promise<void>;
}

/** Seconds until the next try, by tries so far: 5 minutes, doubled each time up to a day. */
export const RETRY_SECONDS_MAX = 86_400;
const retrySeconds = (attempts: number): number => Math.min(RETRY_SECONDS_MAX, 300 * 2 ** Math.min(attempts, 10));

/** Does all of it durably before it returns; doing it again is harmless. */
export async function settleEntry(place: Place, settling: Settling): Promise<void> {
  const { maildir, key, now } = settling;
  const entry = await openEntry(place.store, key);
  if (!entry) return;
  const note = await readNote(place.store, maildir, entry.id);
  const settled = new Map(Object.entries(note?.settled ?? {}));
  const verdicts = verdictsOf(entry, settling.answer).filter(([recipient]) => !settled.has(recipient));
  for (const [recipient, verdict] of verdicts) if (verdict.letter !== 'Z') settled.set(recipient, verdict);

  const failures: readonly Failure[] = verdicts
    .filter(([, { letter }]) => letter === 'D')
    .map(([recipient, { text }]) => ({ recipient, text }));
  const told = await bounceMail(place, entry, failures, { kind: 'failed', now });
  if (told.letter === 'Z') return;
  if (entry.head.recipients.some((recipient) => !settled.has(recipient))) {
    await writeNote(
      place.store,
      maildir,
      entry.id,
      waitingNote(note, { settled: Object.fromEntries(settled), verdicts, now }),
    );
    return;
  }
  if ([...settled.values()].some(({ letter }) => letter === 'K')) await settling.delivered?.(entry);
  await removeEntry(place.store, entry);
}

/** One verdict for all when the other side could not read who they are. */
function verdictsOf({ head }: Entry, answer: Answer): readonly (readonly [string, Verdict])[] {
  const all = accepted('by the other side');
  return head.recipients.map((recipient, index) => {
    if (answer === 'K') return [recipient, all] as const;
    const verdict = answer[answer.length === 1 ? 0 : index];
    return [recipient, verdict ?? { letter: 'Z', text: 'the other side did not answer for this recipient' }] as const;
  });
}

function waitingNote(
  note: Note | undefined,
  {
    settled,
    verdicts,
    now,
  }: {
    readonly settled: Record<string, Verdict>;
    readonly verdicts: readonly (readonly [string, Verdict])[];
    readonly now: number;
  },
): Note {
  const attempts = (note?.attempts ?? 0) + 1;
  const [, last] = verdicts.findLast(([, { letter }]) => letter === 'Z') ?? [];
  return {
    ...note,
    attempts,
    nextTry: now + retrySeconds(attempts),
    settled,
    ...(last ? { lastError: last.text } : {}),
  };
}
