/**
 * The note beside an entry, `X/note/<id>`: what changes while the entry waits. It is small, so that a retry never writes
 * the body again. Losing it would send the mail again to recipients who have it, so a damaged one is said, not passed over.
 */

import * as z from 'zod/mini';
import type { Verdict } from '../core/verdict.ts';
import { readBody, textBody } from './body.ts';
import { type Store, StoreError } from './store.ts';

export interface Note {
  readonly attempts: number;
  /** Unix seconds. */
  readonly nextTry: number;
  /** Recipients who need nothing more: their K, or their D after the sender was told. */
  readonly settled: Readonly<Record<string, Verdict>>;
  readonly lastError?: string | undefined;
  /** The sender has been told that the mail waits. */
  readonly told?: boolean | undefined;
  /** It is too large for its office's links: its recipients have had a summary. */
  readonly held?: boolean | undefined;
  /** Some of those who are settled have moved: before it travels, an entry for the others takes its place. */
  readonly moved?: boolean | undefined;
  /** Somebody has asked for it: it travels whatever its size. */
  readonly fetch?: boolean | undefined;
  /** `made`: its plain version takes its place, and it goes as soon as that is there. `is`: it is to stay as it is. */
  readonly plain?: 'made' | 'is' | undefined;
  /** Sender and recipients have been told that it is given back soon. */
  readonly lapses?: boolean | undefined;
}

/** What there is to say of an entry that nothing has happened to. */
export const FRESH: Note = { attempts: 0, nextTry: 0, settled: {} };

/** Room for ten thousand recipients and their answers. */
const NOTE_BYTES_MAX = 8_000_000;

const SAID = z.optional(z.boolean());

/** `settled` as pairs: a recipient may have any name, also `__proto__`, which an object in JSON would lose. */
const STORED = z.object({
  attempts: z.number(),
  nextTry: z.number(),
  settled: z.array(z.tuple([z.string(), z.enum(['K', 'Z', 'D']), z.string()])),
  lastError: z.optional(z.string()),
  told: SAID,
  held: SAID,
  moved: SAID,
  fetch: SAID,
  plain: z.optional(z.enum(['made', 'is'])),
  lapses: SAID,
});

/** How readNote says that a note cannot be read. */
export const NOTE_FAULT = 'is damaged';

export const noteKey = (maildir: string, id: string): string => `${maildir}/note/${id}`;

/** Undefined when nothing has happened to the entry yet. */
export async function readNote(store: Store, maildir: string, id: string): Promise<Note | undefined> {
  const key = noteKey(maildir, id);
  const body = await store.get(key);
  if (!body) return undefined;
  const stored = z.safeParse(STORED, parsed((await readBody(body, NOTE_BYTES_MAX)).toString()));
  if (!stored.success) throw new StoreError(`${key} ${NOTE_FAULT}: 'fsck --repair' keeps what can be read of it`);
  const { settled, ...rest } = stored.data;
  return {
    ...rest,
    settled: Object.fromEntries(settled.map(([recipient, letter, text]) => [recipient, { letter, text }])),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A recipient and what was answered, as it stands in a note that may be cut off. */
const SETTLED = /\[("(?:[^"\\]|\\.)*"),"([KD])",("(?:[^"\\]|\\.)*")\]/g;

/** What can be read of a damaged note: the recipients who need nothing more. */
export function salvageNote(text: string): Note {
  const settled = [...text.matchAll(SETTLED)].flatMap(([, recipient = '', letter, said = '']) => {
    const [name, words] = [parsed(recipient), parsed(said)];
    return typeof name === 'string' && typeof words === 'string'
      ? [[name, { letter: letter as 'K' | 'D', text: words }] as const]
      : [];
  });
  return { ...FRESH, settled: Object.fromEntries(settled) };
}

export async function writeNote(store: Store, maildir: string, id: string, note: Note): Promise<void> {
  const settled = Object.entries(note.settled).map(([recipient, { letter, text }]) => [recipient, letter, text]);
  await store.put(noteKey(maildir, id), textBody(JSON.stringify({ ...note, settled })));
}

export const removeNote = (store: Store, maildir: string, id: string): Promise<void> =>
  store.remove(noteKey(maildir, id));
