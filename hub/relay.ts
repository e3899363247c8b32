/**
 * The relay: sends what is in `internet/` to other people's servers, again and again until it is settled. When each
 * entry is due stands in its note; here is only a bounded list of the next ones, made by reading the queue through page
 * by page at the start, and kept by being told of what is published.
 */
import { EntryError } from '../shared/core/entry.ts';
import { listEntries } from '../shared/io/maildir.ts';
import { Destinations } from './destinations.ts';
import { DueList } from './due-list.ts';
import type { Hub, Service } from './hub.ts';
import { makeLeaving } from './leaving.ts';
import { INTERNET, relayEntry } from './relay-entry.ts';
import { smarthostOf } from './smarthost.ts';

/** Keys that are held: 10 MB. */
const KEYS_MAX = 20_000;
const PAGE = 1000;
/** Entries in hand for each session: while some wait for a slow domain's turn, others go on. */
const IN_HAND_PER_SESSION = 2;
const STORE_PAUSE_SECONDS = 60;
const SLEEP_SECONDS_MAX = 3600;
/** Told of new mail without its key, it reads the queue through, but not more often than this. */
const READ_PAUSE_MS = 1_000;

/** Starts it. Throws ConfigError for a smarthost that cannot be used. `isSure`: whether no other hub can be relaying. */
export function startRelay(hub: Hub, isSure: () => boolean = () => true): Service {
  const relay = new Relay(hub, isSure);
  relay.start();
  return { name: 'relay', close: (seconds) => relay.close(seconds) };
}

const lowerCase = (routes: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(routes).map(([domain, host]) => [domain.toLowerCase(), host]));

class Relay {
  readonly #hub: Hub;
  readonly #isSure: () => boolean;
  readonly #destinations: Destinations;
  readonly #due = new DueList(KEYS_MAX);
  readonly #inHand = new Map<string, Promise<void>>();
  /** Published again while in hand: to be looked at once more. */
  readonly #again = new Set<string>();
  /** The key after which the reading through goes on; undefined when it is done. */
  #cursor: string | undefined = '';
  #reading: Promise<void> | undefined;
  #readAgain = false;
  /** No page is read before this time, milliseconds. */
  #readNotBefore = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** What the store does not take is not waited for any longer. */
  readonly #stop = new AbortController();
  #stopListening: () => void = () => {};

  constructor(hub: Hub, isSure: () => boolean) {
    this.#isSure = isSure;
    const { hostname, relay } = hub.config;
    const { port, concurrency } = relay;
    this.#hub = hub;
    const smarthost = smarthostOf(hub.config);
    this.#destinations = new Destinations({
      hostname,
      smarthost,
      routes: lowerCase(relay.routes),
      port,
      concurrency,
      leaving: makeLeaving(hub),
    });
  }

  start(): void {
    this.#stopListening = this.#hub.onPublished((maildir, key) => {
      if (maildir === INTERNET) this.#published(key);
    });
    this.#pump();
  }

  /** What is in hand is finished; after `seconds` its sessions are cut, and it waits for the next start. */
  async close(seconds: number): Promise<void> {
    this.#stopped = true;
    this.#stopListening();
    clearTimeout(this.#timer);
    const timer = setTimeout(() => {
      this.#destinations.abort();
      this.#stop.abort();
    }, seconds * 1000);
    await this.#reading;
    while (this.#inHand.size > 0) await Promise.all(this.#inHand.values());
    clearTimeout(timer);
    this.#destinations.rest();
  }

  #published(key: string | undefined): void {
    if (key === undefined) this.#readAgain = true;
    else if (this.#inHand.has(key)) this.#again.add(key);
    else this.#due.set(key, 0);
    this.#pump();
  }

  /** Takes up what is due, as much as may be in hand, and sees to it that it is called again in time. */
  #pump(): void {
    clearTimeout(this.#timer);
    const inHandMax = this.#hub.config.relay.concurrency * IN_HAND_PER_SESSION;
    while (this.#inHand.size < inHandMax) {
      const key = this.#stopped ? undefined : this.#due.take(this.#hub.now());
      if (key === undefined) break;
      this.#takeUp(key);
    }
    if (!this.#stopped && this.#inHand.size < inHandMax) this.#readOrSleep();
  }

  #takeUp(key: string): void {
    const done = this.#tryEntry(key).then((at) => {
      this.#inHand.delete(key);
      if (this.#again.delete(key)) this.#due.set(key, 0);
      else if (at !== undefined) this.#due.set(key, at);
      this.#pump();
    });
    this.#inHand.set(key, done);
  }

  async #tryEntry(key: string): Promise<number | undefined> {
    if (!this.#isSure()) return this.#hub.now() + STORE_PAUSE_SECONDS;
    try {
      return await relayEntry(
        this.#hub,
        { destinations: this.#destinations, isSure: this.#isSure, stop: this.#stop.signal },
        key,
      );
    } catch (error) {
      this.#hub.log.error('a mail could not be worked on', { key, error: (error as Error).message });
      // A damaged file waits for a person, the store for better times.
      return error instanceof EntryError ? undefined : this.#hub.now() + STORE_PAUSE_SECONDS;
    }
  }

  /** Nothing is due: the next page of the queue, if one is wanted, else sleep. */
  #readOrSleep(): void {
    if (this.#reading) return;
    const leftOut = this.#due.leftOut;
    const now = this.#hub.now();
    const wanted = this.#cursor !== undefined || this.#readAgain || (leftOut !== undefined && leftOut <= now);
    const pauseMs = this.#readNotBefore - Date.now();
    if (wanted && pauseMs <= 0) this.#read();
    else if (wanted) this.#timer = setTimeout(() => this.#pump(), pauseMs);
    else this.#timer = setTimeout(() => this.#pump(), this.#secondsToSleep(now) * 1000);
  }

  #secondsToSleep(now: number): number {
    const times = [this.#due.next, this.#due.leftOut].filter((time) => time !== undefined);
    return Math.max(1, Math.min(...times, now + SLEEP_SECONDS_MAX) - now);
  }

  #read(): void {
    this.#reading = this.#readPage()
      .catch((error: Error) => {
        this.#hub.log.error('the queue could not be read; tried again in a minute', { error: error.message });
        this.#readNotBefore = Date.now() + STORE_PAUSE_SECONDS * 1000;
      })
      .finally(() => {
        this.#reading = undefined;
        this.#pump();
      });
  }

  async #readPage(): Promise<void> {
    if (this.#cursor === undefined) this.#readFromStart();
    const after = this.#cursor;
    const page = await listEntries(this.#hub.store, INTERNET, { limit: PAGE, ...(after ? { after } : {}) });
    for (const { key } of page) if (!this.#due.has(key) && !this.#inHand.has(key)) this.#due.set(key, 0);
    this.#cursor = page.length < PAGE ? undefined : page.at(-1)?.key;
    if (this.#cursor === undefined) this.#readNotBefore = Date.now() + READ_PAUSE_MS;
  }

  #readFromStart(): void {
    this.#cursor = '';
    this.#readAgain = false;
    this.#due.forgetLeftOut();
  }
}
