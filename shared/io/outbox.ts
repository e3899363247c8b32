/**
 * Chooses what a trip offers: the entries of one maildir, urgent and small ones first, one page of the listing at a time. What
 * has been published meanwhile joins, at its place in the order.
 */
import type { Ledger } from '../core/trip-ledger.ts';
import type { Waiting } from '../core/trip-message.ts';
import type { Place } from './mail.ts';
import { type ListedEntry, listEntries, takeable } from './maildir.ts';
import { readNote } from './note.ts';
import { RETRY_SECONDS_MAX } from './trip-settle.ts';

export interface OutboxOptions {
  readonly place: Place;
  readonly maildir: string;
  readonly ledger: Ledger;
  /** Larger ones stay and are counted as waiting; 0: none is too large. */
  readonly offerBytesMax: number;
  now(): number;
}

export interface Chosen {
  readonly seq: number;
  readonly key: string;
}

const PAGE = 200;

export class Outbox {
  readonly #options: OutboxOptions;
  /** Entries of the page that have not been looked at. */
  #page: ListedEntry[] = [];
  #after: string | undefined;
  #whole = false;
  /** Entries that this trip has dealt with. */
  readonly #handled = new Set<string>();
  readonly #repeats: Chosen[] = [];
  #waiting: Waiting = { mails: 0, bytes: 0 };

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** What stays behind in this trip, as far as it has looked. */
  get waiting(): Waiting {
    return this.#waiting;
  }

  /** Something was published: looks from the start again. */
  rescan(): void {
    this.#page = [];
    this.#after = undefined;
    this.#whole = false;
  }

  /** A frame has to go again from its first byte. */
  repeat(chosen: Chosen): void {
    this.#repeats.push(chosen);
  }

  /** Up to `count` entries, each with its number; none when nothing is left. The caller makes the ledger durable. */
  async choose(count: number): Promise<readonly Chosen[]> {
    const chosen = this.#repeats.splice(0, count);
    while (chosen.length < count && this.#options.ledger.hasRoom) {
      const entry = await this.#next();
      if (!entry) break;
      const { id } = entry.name;
      if (this.#handled.has(id)) continue;
      this.#handled.add(id);
      if (await this.#stays(entry)) this.#count(entry);
      else chosen.push({ seq: this.#numberOf(entry.key), key: entry.key });
    }
    return chosen;
  }

  /** Offers of earlier trips whose entries are gone need no answer any more. */
  async forgetGone(): Promise<void> {
    const { ledger, place } = this.#options;
    for (const [seq, key] of ledger.open) if (!(await place.store.get(key))) ledger.settle(seq);
  }

  async #next(): Promise<ListedEntry | undefined> {
    if (this.#page.length === 0 && !this.#whole) {
      const page = await listEntries(this.#options.place.store, this.#options.maildir, {
        ...(this.#after === undefined ? {} : { after: this.#after }),
        limit: PAGE,
      });
      this.#page = [...page];
      this.#after = page.at(-1)?.key;
      this.#whole = page.length < PAGE;
    }
    return this.#page.shift();
  }

  async #stays({ key, name, size }: ListedEntry): Promise<boolean> {
    const { place, maildir, offerBytesMax } = this.#options;
    if (offerBytesMax > 0 && size > offerBytesMax) return true;
    if (!(await takeable(place.store, key))) return true;
    const note = await readNote(place.store, maildir, name.id);
    // A next try further off than any is ever set was written under another clock.
    const now = this.#options.now();
    return note !== undefined && note.nextTry > now && note.nextTry <= now + RETRY_SECONDS_MAX;
  }

  #count({ size }: ListedEntry): void {
    this.#waiting = { mails: this.#waiting.mails + 1, bytes: this.#waiting.bytes + size };
  }

  #numberOf(key: string): number {
    for (const [seq, open] of this.#options.ledger.open) if (open === key) return seq;
    return this.#options.ledger.offer(key);
  }
}
