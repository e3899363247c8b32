/**
 * One entry of `internet/` on its way out. Every answer for good is in the entry's note before anything else happens, so
 * a restart never asks a server again what it has said. A D stands there until its report to the sender is durable, and
 * then becomes a K: nothing more to do. When all recipients are settled the entry goes.
 *
 * The one window that remains is SMTP's own: between a server's 250 and the note. An answer lost there means that the
 * mail is sent again; the log says so.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Peer } from '../shared/core/delivery.ts';
import type { DsnKind, Failure } from '../shared/core/dsn.ts';
import { parseEntryName } from '../shared/core/entry.ts';
import { accepted, refused, type Verdict } from '../shared/core/verdict.ts';
import { bounceMail } from '../shared/io/bounce.ts';
import { type Entry, openEntry, removeEntry } from '../shared/io/maildir.ts';
import { type Note, readNote, writeNote } from '../shared/io/note.ts';
import { StoreError } from '../shared/io/store.ts';
import type { Destinations } from './destinations.ts';
import type { Hub } from './hub.ts';
import { nextTry } from './retry-times.ts';
import { bodyForm, inexactText } from './smtp-exact.ts';

export const INTERNET = 'internet';

const RELAY: Peer = { name: 'relay', relays: true };

/** Marks those that were given up for their age (RFC 3463: delivery time expired). */
const EXPIRED = '(#4.4.7)';
const REPORT_PAUSE_SECONDS = 60;
const INSIST_MS = 500;
const INSIST_MS_MAX = 10_000;

export interface Way {
  readonly destinations: Destinations;
  /** Aborted when the relay stops: then what the store does not take is left. */
  readonly stop: AbortSignal;
  /** Whether no other hub can be relaying. */
  isSure(): boolean;
}

/** Tries an entry if it is due. Answers when to look at it again; undefined when it has gone. */
export async function relayEntry(hub: Hub, way: Way, key: string): Promise<number | undefined> {
  const note = (await readNote(hub.store, INTERNET, idOfKey(key))) ?? { attempts: 0, nextTry: 0, settled: {} };
  // Before the entry is opened: after a start, all of a long queue is looked at once.
  if (note.nextTry > hub.now() && refusals(note).length === 0) return note.nextTry;
  const entry = await openEntry(hub.store, key);
  if (!entry) return undefined;
  const passage = new Passage(hub, entry, { note, way });
  // A stop may have come between an answer and its report.
  if (!(await passage.report())) return hub.now() + REPORT_PAUSE_SECONDS;
  if (note.nextTry > hub.now()) return note.nextTry;
  await passage.tryAll(way);
  if (!(await passage.report())) return hub.now() + REPORT_PAUSE_SECONDS;
  if (passage.pending.length > 0) return passage.nextTry;
  await passage.remove();
  return undefined;
}

const idOfKey = (key: string): string => parseEntryName(key.slice(key.lastIndexOf('/') + 1))?.id ?? '';

/** Recipients refused for good, of whom the sender has not been told. */
const refusals = ({ settled }: Note): readonly (readonly [string, Verdict])[] =>
  Object.entries(settled).filter(([, { letter }]) => letter === 'D');

class Passage {
  readonly #hub: Hub;
  readonly #entry: Entry;
  #note: Note;
  readonly #way: Way;
  #saved: Promise<void> = Promise.resolve();

  constructor(hub: Hub, entry: Entry, { note, way }: { readonly note: Note; readonly way: Way }) {
    this.#hub = hub;
    this.#entry = entry;
    this.#note = note;
    this.#way = way;
  }

  get nextTry(): number {
    return this.#note.nextTry;
  }

  /** Recipients that are not settled. */
  get pending(): readonly string[] {
    return this.#entry.head.recipients.filter((recipient) => !Object.hasOwn(this.#note.settled, recipient));
  }

  async tryAll({ destinations }: Way): Promise<void> {
    await this.#refuseOurOwn();
    const { pending } = this;
    if (pending.length === 0) return;
    const form = await bodyForm(this.#entry.body);
    if (form.fault !== undefined) return this.#settle(forEach(pending, refused(inexactText(form.fault))));
    // `queue retry` sets the time to 0: an operator wants it tried whatever we think of the destination.
    const insist = this.#note.attempts > 0 && this.#note.nextTry === 0;
    const { body, id, head } = this.#entry;
    await Promise.all(
      destinations.group(pending).map(async ({ destination, recipients }) => {
        if (!this.#way.isSure()) return;
        const outcome = await destinations.send(destination, { sender: head.sender, recipients, body, form, insist });
        if (outcome.inDoubt)
          this.#hub.log.warn('the answer to a whole mail was lost: its next try may double it', { id, destination });
        await this.#settle(outcome.verdicts);
      }),
    );
    if (this.#way.isSure()) await this.#endRound();
  }

  /** A list's member in a domain of ours whom nobody knows stands here too (route.ts); no other server has to be asked. */
  async #refuseOurOwn(): Promise<void> {
    const { place } = this.#hub;
    const verdicts = this.pending.map(
      (recipient) => [recipient, place.route(RELAY, this.#entry.head.sender, recipient).verdict] as const,
    );
    const unknown = verdicts.filter(([, { letter }]) => letter === 'D');
    if (unknown.length > 0) await this.#settle(new Map(unknown));
  }

  /** Durable when it returns, but for an entry that is wholly delivered: that goes itself, which says the same. */
  async #settle(verdicts: ReadonlyMap<string, Verdict>): Promise<void> {
    const final = [...verdicts].filter(([, { letter }]) => letter !== 'Z');
    const later = [...verdicts.values()].find(({ letter }) => letter === 'Z');
    for (const [recipient, { letter, text }] of verdicts)
      this.#hub.log.info(EVENTS[letter], {
        id: this.#entry.id,
        sender: this.#entry.head.sender,
        recipient,
        answer: text,
      });
    const settled = { ...this.#note.settled, ...Object.fromEntries(final) };
    this.#note = { ...this.#note, settled, ...(later ? { lastError: later.text } : {}) };
    if (final.length > 0 && !this.#delivered()) await this.#save();
  }

  #delivered(): boolean {
    return this.pending.length === 0 && Object.values(this.#note.settled).every(({ letter }) => letter === 'K');
  }

  /** After all destinations: the rest is tried again later, or given up. */
  async #endRound(): Promise<void> {
    const { pending } = this;
    if (pending.length === 0) return;
    const { lifetime } = this.#hub.config.relay;
    const { accepted: since } = this.#entry.head;
    const now = this.#hub.now();
    if (now - since > lifetime) {
      const text = `not delivered within ${inDays(lifetime)}; the last answer was: ${this.#note.lastError ?? 'none'} ${EXPIRED}`;
      return this.#settle(forEach(pending, refused(text)));
    }
    this.#note = { ...this.#note, attempts: this.#note.attempts + 1, nextTry: nextTry(since, now) };
    await this.#save();
  }

  /** Tells the sender of every D that he has not been told of. False: it has to be done again later. */
  async report(): Promise<boolean> {
    const failures = refusals(this.#note);
    if (failures.length === 0) return true;
    const told = Object.fromEntries(
      failures.map(([recipient, { text }]) => [recipient, accepted(`sender told: ${text}`)]),
    );
    for (const [kind, list] of Map.groupBy(
      failures,
      ([, { text }]): DsnKind => (text.endsWith(EXPIRED) ? 'expired' : 'failed'),
    ))
      if (!(await this.#bounce(kind, list))) return false;
    this.#note = { ...this.#note, settled: { ...this.#note.settled, ...told } };
    if (this.pending.length > 0) await this.#save();
    return true;
  }

  async #bounce(kind: DsnKind, list: readonly (readonly [string, Verdict])[]): Promise<boolean> {
    const failures: readonly Failure[] = list.map(([recipient, { text }]) => ({ recipient, text }));
    const { letter } = await bounceMail(this.#hub.place, this.#entry, failures, { kind, now: this.#hub.now() });
    return letter !== 'Z';
  }

  /** One after another, because destinations answer side by side. */
  #save(): Promise<void> {
    const save = this.#saved.then(() => this.#insist(() => this.#write()));
    // A failure is told to whoever waits for this save; the next one is another.
    this.#saved = save.catch(() => {});
    return save;
  }

  /** All recipients are settled. */
  remove(): Promise<void> {
    return this.#insist(() => removeEntry(this.#hub.store, this.#entry));
  }

  /** An answer that a server has given is not asked for again only because the store is away for a while. */
  async #insist(work: () => Promise<void>): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof StoreError) || this.#way.stop.aborted) throw error;
        if (tries === 0)
          this.#hub.log.warn('the answer to a mail cannot be noted; tried until the store takes it', {
            id: this.#entry.id,
            reason: error.message,
          });
      }
      await sleep(Math.min(INSIST_MS_MAX, INSIST_MS * 2 ** tries), undefined, { signal: this.#way.stop }).catch(
        () => undefined,
      );
    }
  }

  /** When another hub may relay by now, what it has noted counts as well. */
  async #write(): Promise<void> {
    const { store } = this.#hub;
    if (!this.#way.isSure()) {
      const theirs = await readNote(store, INTERNET, this.#entry.id);
      if (!(await openEntry(store, this.#entry.key))) return;
      this.#note = { ...theirs, ...this.#note, settled: { ...theirs?.settled, ...this.#note.settled } };
    }
    await writeNote(store, INTERNET, this.#entry.id, this.#note);
  }
}

const EVENTS = { K: 'sent', Z: 'not sent yet', D: 'refused for good' } as const;

const forEach = (recipients: readonly string[], verdict: Verdict): ReadonlyMap<string, Verdict> =>
  new Map(recipients.map((recipient) => [recipient, verdict]));

function inDays(seconds: number): string {
  const days = Math.round(seconds / 86_400);
  return days >= 1 ? `${days} day${days === 1 ? '' : 's'}` : `${seconds} seconds`;
}
