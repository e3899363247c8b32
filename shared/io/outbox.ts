/**
 * Chooses what a trip offers: the entries of one maildir, urgent and small ones first, one page of the listing at a time. What
 * has been published meanwhile joins, at its place in the order.
 */
import { EntryError, parseEntryName } from '../core/entry.ts';
import { GROUP_MAILS_MAX } from '../core/group.ts';
import type { Ledger, Opened } from '../core/trip-ledger.ts';
import type { Waiting } from '../core/trip-message.ts';
import type { Place } from './mail.ts';
import { type ListedEntry, listEntries, takeable } from './maildir.ts';
import { type Note, readNote } from './note.ts';
import { RETRY_SECONDS_MAX } from './trip-settle.ts';

export interface OutboxOptions {
  readonly place: Place;
  readonly maildir: string;
  readonly ledger: Ledger;
  /** Larger ones that nobody has asked for stay and are counted as waiting; 0: none is too large. */
  readonly offerBytesMax: number;
  /** Asked of an entry before it is first offered: `gone` when another has taken its place, `stays` when one is to, later. */
  replaced?(entry: ListedEntry, note: Note | undefined): Promise<'gone' | 'stays' | undefined>;
  /** Called for each that stays because of its size. */
  tooLarge?(entry: ListedEntry): Promise<void>;
  /** Whether also what is on a stick is chosen. */
  readonly again?: boolean;
  /** Whether the other side holds part of the frame: then the stick has been there. */
  isHeldInPart?(seq: number): boolean;
  /** Bytes of entries that share a frame; 0: each has its own. */
  groupBytes(): number;
  now(): number;
}

export interface Chosen {
  readonly seq: number;
  /** Entries of the frame. */
  readonly keys: readonly string[];
}

/** Whether a stick is still waited for. A time further off than any wait is was set under another clock. */
export const isOnStick = (stick: Opened['stick'], now: number): boolean =>
  stick !== undefined && stick.until > now && stick.since <= now + CLOCK_SECONDS;

/** Clocks of a hub and a laptop that has heard its time may differ by so much. */
const CLOCK_SECONDS = 86_400;

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
  /** Bytes of what stays, by id. */
  readonly #staying = new Map<string, number>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** What stays behind in this trip, as far as it has looked. */
  get waiting(): Waiting {
    const bytes = [...this.#staying.values()].reduce((sum, size) => sum + size, 0);
    return { mails: this.#staying.size, bytes };
  }

  /** Something was published, or an entry that stayed may go: looks from the start again. */
  rescan(key?: string): void {
    const id = key === undefined ? '' : idOf(key);
    if (this.#staying.delete(id)) this.#handled.delete(id);
    this.#page = [];
    this.#after = undefined;
    this.#whole = false;
  }

  /** A frame has to go again from its first byte. */
  repeat(chosen: Chosen): void {
    this.#repeats.push(chosen);
  }

  /** The next frame; undefined when nothing is left. The caller makes the ledger durable. */
  async choose(): Promise<Chosen | undefined> {
    const repeat = this.#repeats.shift();
    if (repeat) return repeat;
    const first = await this.#peek();
    if (!first) return undefined;
    this.#take(first);
    const open = this.#openWith(first.key);
    return open ?? this.#group(first);
  }

  /** Offers of earlier trips whose entries are gone need no answer any more. */
  async forgetGone(): Promise<void> {
    const { ledger, place } = this.#options;
    for (const [seq, { keys }] of ledger.open) {
      const bodies = await Promise.all(keys.map((key) => place.store.get(key)));
      if (bodies.every((body) => body === undefined)) ledger.settle(seq);
    }
  }

  /** A new frame of what comes next, as much as may share one. */
  async #group(first: ListedEntry): Promise<Chosen> {
    const { ledger } = this.#options;
    const bytesMax = this.#options.groupBytes();
    const keys = [first.key];
    let bytes = first.size;
    while (bytes < bytesMax && keys.length < GROUP_MAILS_MAX) {
      const entry = await this.#peek();
      bytes += entry?.size ?? 0;
      if (!entry || bytes > bytesMax || this.#seqOf(entry.key) !== undefined) break;
      this.#take(entry);
      keys.push(entry.key);
    }
    return { seq: ledger.offer(keys), keys };
  }

  /** The frame of an earlier offer that the entry is in: what is in it goes together, or what is held of it is lost. */
  #openWith(key: string): Chosen | undefined {
    const seq = this.#seqOf(key);
    const opened = seq === undefined ? undefined : this.#options.ledger.open.get(seq);
    if (seq === undefined || !opened) return undefined;
    for (const other of opened.keys) this.#handled.add(idOf(other));
    return { seq, keys: opened.keys };
  }

  #seqOf(key: string): number | undefined {
    for (const [seq, { keys }] of this.#options.ledger.open) if (keys.includes(key)) return seq;
    return undefined;
  }

  #take({ name }: ListedEntry): void {
    this.#handled.add(name.id);
    this.#page.shift();
  }

  /** The next entry that is to go, left where it is. */
  async #peek(): Promise<ListedEntry | undefined> {
    for (let entry = await this.#next(); entry; entry = await this.#next()) {
      if (!this.#handled.has(entry.name.id)) {
        const fate = await this.#fateOf(entry).catch((error: unknown) => this.#damaged(error));
        if (fate === 'goes') return entry;
        // The file of an attempt that was given up says nothing of the mail, which may lie beside it under the same id.
        if (fate !== 'nobodys') this.#handled.add(entry.name.id);
        if (fate === 'stays') this.#staying.set(entry.name.id, entry.size);
      }
      this.#page.shift();
    }
    return undefined;
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
    return this.#page[0];
  }

  /** A damaged entry stays where it is, for a person to look at, and holds up no other. */
  #damaged(error: unknown): 'stays' {
    if (!(error instanceof EntryError)) throw error;
    this.#options.place.log.error('an entry cannot travel', { reason: error.message });
    return 'stays';
  }

  /** Nothing new begins while numbers have run too far ahead; then what holds them up goes, on a stick or not. */
  #mayGo(key: string): boolean {
    const { ledger, again, isHeldInPart, now } = this.#options;
    const seq = this.#seqOf(key);
    if (seq === undefined) return ledger.hasRoom;
    const stick = ledger.open.get(seq)?.stick;
    return !isOnStick(stick, now()) || again === true || !ledger.hasRoom || isHeldInPart?.(seq) === true;
  }

  async #fateOf(entry: ListedEntry): Promise<'goes' | 'stays' | 'gone' | 'nobodys'> {
    const { place, maildir, offerBytesMax, tooLarge, replaced } = this.#options;
    if (!this.#mayGo(entry.key)) return 'stays';
    if (!(await takeable(place.store, entry.key))) return 'nobodys';
    const note = await readNote(place.store, maildir, entry.name.id);
    const fate = this.#seqOf(entry.key) === undefined ? await replaced?.(entry, note) : undefined;
    if (fate) return fate;
    if (offerBytesMax > 0 && entry.size > offerBytesMax && !note?.fetch) {
      await tooLarge?.(entry);
      return 'stays';
    }
    // A next try further off than any is ever set was written under another clock.
    const now = this.#options.now();
    const waits = note !== undefined && note.nextTry > now && note.nextTry <= now + RETRY_SECONDS_MAX;
    return waits ? 'stays' : 'goes';
  }
}

const idOf = (key: string): string => parseEntryName(key.slice(key.lastIndexOf('/') + 1))?.id ?? '';
