/**
 * Several hubs on one store. Most of their work needs no lock, because ids make it harmless; for the rest they have leases.
 * Here is what the parts of a hub see of it: take a lease, hear what others have published, know who is there.
 */
import { hostname } from 'node:os';
import { EXIT, Exit } from '../shared/io/command-line.ts';
import type { Log } from '../shared/io/log.ts';
import { type Store, StoreError } from '../shared/io/store.ts';
import { isSameSystem, writerToken } from '../shared/io/writer.ts';
import type { HubRecord } from './hub-record.ts';
import { HubSession } from './hub-session.ts';
import { BEAT_MS, TAKE_PAUSE_MS, TICK_MS } from './hub-times.ts';
import { disownLease, freeLease, type Held, HeldElsewhere, takeLease } from './leases.ts';
import { type OtherHub, OtherHubs } from './other-hubs.ts';

const TOLD_MAX = 40;

export interface Lease {
  /** Aborted when it is lost. */
  readonly lost: AbortSignal;
  /** Whether no other hub can have it now. */
  isSure(): boolean;
  release(): Promise<void>;
}

export type LeaseNumber = number | 'alone';

export interface HubSeen extends Pick<HubRecord, 'name' | 'since' | 'holds' | 'onLine' | 'directory'> {
  readonly isThis: boolean;
}

/** What a hub has to say of itself, and what it does when others speak. */
export interface Voice {
  directory(): number;
  onLine(): readonly string[];
  /** Another hub has edited the directory. */
  refresh(): Promise<void>;
  /** Another hub has published. */
  published(maildir: string, key: string | undefined): void;
  /** Another hub waits for a lease that this one works under. */
  wanted(what: string): void;
}

export interface Hubs {
  /** Begins to be there, which `take` does as well. Throws Exit where the store cannot hold another hub. */
  join(): Promise<void>;
  leave(): Promise<void>;
  /** Throws HeldElsewhere when another hub holds it for longer than `patienceMs`; with some, that one is asked for it. */
  take(what: string, options?: { readonly patienceMs?: number }): Promise<Lease>;
  /** Of the lease that this hub works under; undefined when it has none; `alone` where no other hub can be. */
  numberOf(what: string): LeaseNumber | undefined;
  /** Tells the others what has been published here. */
  tell(maildir: string, key: string | undefined): void;
  /** Waits until all hubs work with that edit of the directory; false when one does not come to it. */
  haveSeen(directory: number): Promise<boolean>;
  seen(): readonly HubSeen[];
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const NEVER = new AbortController().signal;
const ALONE: Lease = { lost: NEVER, isSure: () => true, release: async () => undefined };

/** A hub that nobody else can be beside. */
export const aloneHubs = (): Hubs => ({
  join: async () => undefined,
  leave: async () => undefined,
  take: async () => ALONE,
  numberOf: () => 'alone',
  tell: () => undefined,
  haveSeen: async () => true,
  seen: () => [],
});

export class StoreHubs implements Hubs {
  readonly #store: Store;
  readonly #log: Log;
  readonly #others: OtherHubs;
  readonly #held = new Map<string, Held>();
  readonly #taking = new Map<string, Promise<unknown>>();
  readonly #wants = new Set<string>();
  readonly #since = Math.floor(Date.now() / 1000);
  #told: HubRecord['told'] = [];
  #tellings = 0;
  #session: HubSession;
  readonly #voice: Voice;
  #joined: Promise<void> | undefined;
  readonly #loops: Loop[] = [];
  #watch: NodeJS.Timeout | undefined;
  #hasNews = false;
  #inTrouble = false;
  #lookedAt = 0;
  #left = false;

  constructor(store: Store, log: Log, voice: Voice) {
    this.#store = store;
    this.#log = log;
    this.#voice = voice;
    this.#session = new HubSession(store);
    this.#others = new OtherHubs(store, log);
    this.#others.onSaid = (other, before) => this.#hear(other, before);
  }

  join(): Promise<void> {
    this.#joined ??= this.#begin().catch((error: unknown) => {
      this.#joined = undefined;
      throw error;
    });
    return this.#joined;
  }

  async leave(): Promise<void> {
    this.#left = true;
    clearInterval(this.#watch);
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    this.#dropAll();
    if (!this.#joined) return;
    try {
      await this.#session.end();
    } catch (error) {
      // It is found dead then.
      if (!(error instanceof StoreError)) throw error;
    }
  }

  async take(what: string, { patienceMs = 0 }: { readonly patienceMs?: number } = {}): Promise<Lease> {
    await this.join();
    if (!this.#store.create) return ALONE;
    const until = performance.now() + patienceMs;
    try {
      for (;;) {
        const held = await this.#tryTake(what);
        if (held) return this.#leaseOf(held);
        if (performance.now() >= until)
          throw new HeldElsewhere(`another hub has ${what} in hand; try again in a minute`);
        if (!this.#wants.has(what)) this.#hasNews = true;
        this.#wants.add(what);
        if (this.#others.alive.length === 0) await this.#others.look(this.#session.id);
        await sleep(TAKE_PAUSE_MS);
      }
    } finally {
      this.#wants.delete(what);
    }
  }

  numberOf(what: string): LeaseNumber | undefined {
    return this.#store.create ? this.#held.get(what)?.number : 'alone';
  }

  tell(maildir: string, key: string | undefined): void {
    if (this.#others.alive.length === 0) return;
    this.#tellings += 1;
    this.#told = [...this.#told, [this.#tellings, maildir, key] as HubRecord['told'][number]].slice(-TOLD_MAX);
    this.#hasNews = true;
  }

  async haveSeen(directory: number): Promise<boolean> {
    this.#hasNews = true;
    const until = performance.now() + BEAT_MS + 3 * TICK_MS;
    while (this.#others.alive.some(({ record }) => record.directory < directory)) {
      if (performance.now() > until) return false;
      await sleep(TAKE_PAUSE_MS);
    }
    return true;
  }

  seen(): readonly HubSeen[] {
    return [
      { ...this.#record(), isThis: true },
      ...this.#others.alive.map(({ record }) => ({ ...record, isThis: false })),
    ];
  }

  async #begin(): Promise<void> {
    await this.#session.beat(() => this.#record());
    await this.#others.look(this.#session.id);
    await this.#standAlone();
    if (this.#left) return;
    const trouble = (error: Error): void => this.#trouble(error);
    // Each for itself: a beat must not wait for what others have to say.
    this.#loops.push(new Loop(() => this.#beatInTime(), trouble), new Loop(() => this.#listen(), trouble));
    this.#watch = setInterval(() => {
      if (!this.#session.isSure) this.#dropAll();
    }, TICK_MS).unref();
  }

  /** Where two hubs would harm each other, the second one does not start. A dead one does not beat. */
  async #standAlone(): Promise<void> {
    const until = performance.now() + BEAT_MS + 3 * TICK_MS;
    const inTheWay = () => this.#others.alive.find(({ record }) => !this.#mayBeBeside(record));
    for (let other = inTheWay(); other && performance.now() < until; other = inTheWay()) {
      if (other.beats > 0) {
        await this.#session.end();
        throw new Exit(
          EXIT.later,
          `another hub, ${other.record.name}, works on this store, and ${this.#store.create ? 'a folder can be shared only by hubs of one machine' : 'the store cannot create exclusively (If-None-Match), which several hubs need'}: stop that one first`,
        );
      }
      await sleep(TICK_MS);
      await this.#others.follow();
    }
  }

  #mayBeBeside({ writer }: HubRecord): boolean {
    return this.#store.create !== undefined && (this.#store.staging === 'in place' || isSameSystem(writer));
  }

  async #tryTake(what: string): Promise<Held | undefined> {
    const mine = (this.#taking.get(what) ?? Promise.resolve()).then(() => this.#takeNow(what));
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#taking.set(what, settled);
    return mine;
  }

  async #takeNow(what: string): Promise<Held | undefined> {
    const known = this.#held.get(what);
    if (known && this.#session.isSure) {
      known.users += 1;
      return known;
    }
    if (!this.#session.isSure) await this.#beat();
    const session = this.#session;
    if (!session.isSure) throw new StoreError('this hub has lost its place on the store; it takes a new one');
    const number = await takeLease(this.#store, what, { hub: session.id, isGone: (hub) => this.#others.isGone(hub) });
    if (number === undefined || session !== this.#session || !session.isSure) return undefined;
    const held: Held = { what, number, lost: new AbortController(), users: 1 };
    this.#held.set(what, held);
    return held;
  }

  #leaseOf(held: Held): Lease {
    let isReleased = false;
    return {
      lost: held.lost.signal,
      isSure: () => this.#session.isSure && this.#held.get(held.what) === held,
      release: async () => {
        if (isReleased) return;
        isReleased = true;
        held.users -= 1;
        if (this.#others.alive.length > 0) await this.#freeIdle(held);
      },
    };
  }

  /** A hub that is alone keeps what it has: nobody asks for it, and taking it again costs. */
  async #freeIdle(held: Held): Promise<void> {
    const { what } = held;
    const mine = (this.#taking.get(what) ?? Promise.resolve()).then(async () => {
      if (held.users > 0 || this.#held.get(what) !== held) return;
      this.#held.delete(what);
      await freeLease(this.#store, held, this.#session.id);
    });
    const settled = mine.catch((error: unknown) => {
      // It stays this hub's by the record, which takes it again with the next number.
      if (!(error instanceof StoreError)) throw error;
    });
    this.#taking.set(what, settled);
    await settled;
  }

  /** Another hub waits for what this one does not work under; by the record it may have it all the same. */
  async #disown(what: string): Promise<void> {
    const mine = (this.#taking.get(what) ?? Promise.resolve()).then(async () => {
      if (!this.#held.has(what)) await disownLease(this.#store, what, this.#session.id);
    });
    const settled = mine.catch((error: Error) => this.#trouble(error));
    this.#taking.set(what, settled);
    await settled;
  }

  #record(): HubRecord {
    return {
      name: `${hostname()}, process ${process.pid}`,
      writer: writerToken(),
      since: this.#since,
      directory: this.#voice.directory(),
      holds: [...this.#held.keys()],
      wants: [...this.#wants],
      onLine: [...this.#voice.onLine()],
      told: this.#told,
    };
  }

  #hear({ record }: OtherHub, before: HubRecord | undefined): void {
    if (record.directory > this.#voice.directory())
      void this.#voice.refresh().catch((error: Error) => this.#trouble(error));
    for (const what of record.wants) {
      if (this.#held.has(what)) this.#voice.wanted(what);
      else void this.#disown(what);
    }
    // What a hub has told before it was seen for the first time is news as well.
    const last = before?.told.at(-1)?.[0] ?? 0;
    const isGap = (record.told[0]?.[0] ?? 0) > last + 1;
    for (const [number, maildir, key] of record.told)
      if (number > last) this.#voice.published(maildir, isGap ? undefined : key);
  }

  async #beatInTime(): Promise<void> {
    if (this.#session.idleMs < BEAT_MS && !(this.#hasNews && this.#others.alive.length > 0)) return;
    await this.#beat();
    this.#inTrouble = false;
  }

  async #listen(): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedAt < BEAT_MS) await this.#others.follow();
    else {
      await this.#others.look(this.#session.id);
      this.#lookedAt = now;
    }
    if (this.#others.alive.length === 0) return;
    for (const held of this.#held.values()) if (held.users === 0) await this.#freeIdle(held);
  }

  /** A hub that was shut out begins anew, under another id and without leases. */
  async #beat(): Promise<void> {
    this.#hasNews = false;
    const session = this.#session;
    if (!session.isSure) this.#dropAll();
    await session.beat(() => this.#record());
    if (!session.isOver || session !== this.#session || this.#left) return;
    this.#dropAll();
    this.#log.warn('this hub was taken for dead by another, and begins anew', {});
    this.#session = new HubSession(this.#store);
    await this.#session.beat(() => this.#record());
  }

  #dropAll(): void {
    for (const held of this.#held.values()) held.lost.abort();
    this.#held.clear();
  }

  #trouble(error: Error): void {
    if (!(error instanceof StoreError)) {
      this.#log.error('what other hubs say could not be heard', { error: String(error.stack) });
      return;
    }
    if (!this.#inTrouble)
      this.#log.warn('the store does not answer: other hubs cannot be heard', { reason: error.message });
    this.#inTrouble = true;
  }
}

/** Does something again and again, until it is stopped. */
class Loop {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(work: () => Promise<void>, failed: (error: Error) => void) {
    const arm = (): void => {
      if (this.#stopped) return;
      this.#timer = setTimeout(() => {
        this.#running = work().catch(failed).then(arm);
      }, TICK_MS).unref();
    };
    arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}
