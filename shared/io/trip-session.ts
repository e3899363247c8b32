/**
 * One trip, with its I/O: reads, accepts and answers what comes, while the sender offers what waits. Hub and agent run the
 * same session and differ in their TripSide.
 *
 * Answers that were given are saved when the trip ends, however it ends; a crash before that costs bytes, since the mail
 * comes again, and `accept` knows it.
 */
import { Trip, type TripEvent } from '../core/trip.ts';
import type { Refusal, Waiting } from '../core/trip-message.ts';
import { TripError } from '../core/trip-record.ts';
import { EXIT } from './command-line.ts';
import { Condition } from './condition.ts';
import { StoreError } from './store.ts';
import { TripInbox } from './trip-inbox.ts';
import { TripOutput, type Wire } from './trip-output.ts';
import { TripSender } from './trip-sender.ts';
import { type TripCounts, TripCut, TripRefused, type TripSide } from './trip-side.ts';

export interface TripOutcome extends TripCounts {
  /** Both sides have nothing left to do. */
  readonly complete: boolean;
  /** The other side's last word, if it refused. */
  readonly refusal?: Refusal;
  /** Why this side ended the trip. */
  readonly error?: Error;
  /** What stays behind on the other side. */
  readonly peerWaiting?: Waiting;
}

const TASKS_MAX = 8;
/** So many settled offers more, and the other side is told that it may forget them. */
const FLOOR_STEP = 64;
/** A side that has had nothing to say for this long says so, that the other may tell a slow link from a dead one. */
const PULSE_MS = 30_000;
/** How often a silent link is looked at. */
const LOOK_MS = 5_000;
/** Time that a last word has to get through. */
const LAST_WORD_MS = 3_000;

export class TripSession {
  readonly #side: TripSide;
  readonly #wire: Wire;
  readonly #trip: Trip;
  readonly #output: TripOutput;
  readonly #inbox: TripInbox;
  readonly #sender: TripSender;
  readonly #changed = new Condition();
  readonly #tasks = new Set<Promise<void>>();
  #sending: Promise<void> | undefined;
  /** No more is done for this trip. */
  #over = false;
  /** The link takes no more; what has arrived is still read. */
  #muted: Error | undefined;
  /** All is settled, and said. */
  #closing = false;
  #queuedSave: Promise<void> | undefined;
  #lastSave: Promise<void> = Promise.resolve();
  #floorTold: number;
  #lastRead = performance.now();
  /** The two sides speak in turns; the agent begins. */
  #halfDuplex: boolean;
  /** What the other side lets this one send, on the line. */
  #lineBytesMax = Number.POSITIVE_INFINITY;
  #lastLook = performance.now();
  #unacknowledged = 0;
  #error: Error | undefined;
  #refusal: Refusal | undefined;
  #peerWaiting: Waiting | undefined;

  constructor(side: TripSide, wire: Wire) {
    this.#side = side;
    this.#wire = wire;
    const { ledger, greeting } = side;
    const trip = new Trip({ side: 'instance' in greeting ? 'agent' : 'hub', ledger });
    const output = new TripOutput({
      trip,
      wire,
      failed: (error) => this.#mute(error),
      sent: () => {
        this.#changed.wake();
        this.#closeIfSettled().catch((error: Error) => this.#fail(error));
      },
    });
    const common = { side, trip, output, progress: () => side.progress?.(this.#counts) };
    this.#trip = trip;
    this.#output = output;
    this.#inbox = new TripInbox({ ...common, work: (task) => this.#work(task) });
    this.#sender = new TripSender({
      ...common,
      changed: this.#changed,
      over: () => this.#over || this.#muted !== undefined || this.#closing,
      resting: () => this.#passTurn(),
      save: () => this.#save(),
      room: () => this.#output.roomOf(this.#lineBytesMax),
    });
    this.#floorTold = ledger.outFloor;
    this.#halfDuplex = 'instance' in greeting && greeting.halfDuplex === true;
  }

  /** Runs the trip to its end. What the link or the other side did is told by the outcome, never thrown. */
  async run(): Promise<TripOutcome> {
    const stopListening = this.#side.onPublished((maildir, key) => {
      if (maildir === this.#side.maildir && this.#side.offers) this.#sender.published(key);
    });
    const watch = setInterval(() => void this.#watch(), 1_000);
    try {
      await this.#sender.forgetGone();
      if ('instance' in this.#side.greeting) await this.#begin();
      await this.#read();
    } catch (error) {
      this.#fail(error as Error);
    } finally {
      await this.#finish();
      clearInterval(watch);
      stopListening();
    }
    return this.#outcome();
  }

  /** Ends the trip from outside; a TripRefused is told to the other side. */
  abort(error: Error): void {
    this.#fail(error);
  }

  get #counts(): TripCounts {
    return {
      sent: this.#sender.carried,
      received: this.#inbox.carried,
      resumed: this.#sender.resumed + this.#inbox.resumed,
    };
  }

  #outcome(): TripOutcome {
    return {
      ...this.#counts,
      complete: this.#trip.settled && this.#error === undefined && this.#refusal === undefined,
      ...(this.#refusal ? { refusal: this.#refusal } : {}),
      ...(this.#error ? { error: this.#error } : {}),
      ...(this.#peerWaiting ? { peerWaiting: this.#peerWaiting } : {}),
    };
  }

  async #begin(): Promise<void> {
    const { greeting, partials, ledger } = this.#side;
    this.#output.push(this.#trip.greet(greeting, await partials.list(), this.#side.links));
    // An agent whose last trip was cut hears first how far the hub got.
    if ('instance' in greeting && ledger.open.size === 0) this.#startSending();
    else this.#passTurn();
  }

  /** In half duplex, when this side has nothing more to say for now: the other one has the line. */
  #passTurn(): void {
    if (!this.#halfDuplex || this.#over || this.#tasks.size > 0 || !this.#output.speaks) return;
    if (!this.#sending || this.#sender.resting) this.#output.passTurn();
  }

  async #takeTurn(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    this.#output.speak();
    // An answer to TURN is owed even when all is settled: the other side may have found more to say.
    this.#passTurn();
  }

  #startSending(): void {
    this.#sending ??= this.#sender.send(() => this.#closeIfSettled()).catch((error: Error) => this.#fail(error));
  }

  async #finish(): Promise<void> {
    this.#over = true;
    this.#changed.wake();
    await this.#sending;
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    this.#output.stop();
    try {
      await this.#inbox.cut();
      await this.#side.partials.dropBelow(this.#side.ledger.floor);
      await this.#side.ended?.();
      await this.#side.history.in.save();
      await this.#side.history.out.save();
      await this.#side.parts.out.save();
      await this.#save();
    } catch (error) {
      this.#error ??= error as Error;
    }
  }

  /** The first failure ends the trip, with a last word where it is the other side's to know. */
  #fail(error: Error): void {
    if (this.#over) return;
    this.#error ??= error;
    this.#over = true;
    this.#changed.wake();
    const refusal = refusalOf(error);
    if (!refusal) {
      this.#wire.destroy(error);
      return;
    }
    this.#output.speak();
    this.#output.push(this.#trip.refuse(refusal));
    // Whether it gets through or not, the trip is over.
    void this.#output.flush().then(() => this.#wire.end());
    setTimeout(() => this.#wire.destroy(error), LAST_WORD_MS).unref();
  }

  /**
   * What is on its way to us when our own words do not get through any more may be the rest of a mail, or the answer
   * that settles the trip: then nothing is amiss.
   */
  #mute(error: Error): void {
    if (this.#over || this.#muted) return;
    this.#muted = error;
    this.#changed.wake();
    setTimeout(() => this.#wire.destroy(error), LAST_WORD_MS).unref();
  }

  /** When both sides have all, says so and closes. */
  async #closeIfSettled(): Promise<void> {
    if (this.#closing || this.#over || this.#muted || !this.#trip.settled || this.#tasks.size > 0) return;
    this.#closing = true;
    this.#changed.wake();
    this.#output.speak();
    // The agent's next HELLO says its floor before the hub repeats an answer; the hub's WELCOME would come too late. In half
    // duplex a repeated answer is cheaper than one more turn of the line.
    if (!('instance' in this.#side.greeting) && !this.#halfDuplex) await this.#tellFloor(1);
    await this.#output.flush();
    this.#wire.end();
  }

  /** Tells the other side what it may forget, once at least `step` more offers are settled, and durably so. */
  async #tellFloor(step: number): Promise<void> {
    if (this.#side.ledger.outFloor - this.#floorTold < step) return;
    this.#floorTold = this.#side.ledger.outFloor;
    await this.#save();
    this.#output.push(this.#trip.floor());
  }

  /** One save at a time; whoever comes while one waits to start shares it. */
  #save(): Promise<void> {
    this.#queuedSave ??= this.#lastSave.then(() => {
      this.#queuedSave = undefined;
      return this.#side.save();
    });
    const save = this.#queuedSave;
    this.#lastSave = save.catch(() => undefined);
    return save;
  }

  async #read(): Promise<void> {
    try {
      for await (const chunk of this.#wire.incoming) {
        this.#lastRead = performance.now();
        if (this.#over) continue;
        for (const event of this.#trip.receive(chunk)) await this.#handle(event);
        this.#side.progress?.(this.#counts);
        if (this.#refusal) return;
        this.#changed.wake();
        await this.#closeIfSettled();
      }
    } catch (error) {
      // How the other side hangs up once all is said is its own affair.
      if (!this.#trip.settled) throw error;
    }
    // The other side may have closed while the last of what it said is still being done.
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    if (!this.#trip.settled) throw this.#muted ?? new TripCut('the link was cut');
    await this.#closeIfSettled();
  }

  async #handle(event: TripEvent): Promise<void> {
    switch (event.type) {
      case 'hello':
        this.#side.ledger.greeted(event.hello.floor);
        this.#halfDuplex = event.hello.halfDuplex === true;
        this.#lineBytesMax = event.hello.downBytesMax ?? Number.POSITIVE_INFINITY;
        if (this.#halfDuplex) this.#output.listen();
        return this.#begin();
      case 'welcome':
        this.#side.ledger.greeted(event.welcome.floor);
        if (!event.welcome.halfDuplex) this.#speakFreely();
        return this.#side.welcomed?.(event.welcome);
      case 'links':
        return this.#side.takeLinks?.(event.links);
      case 'ready':
        while (this.#tasks.size > 0) await Promise.all(this.#tasks);
        if (this.#trip.renumbered) await this.#tellFloor(1);
        return this.#startSending();
      case 'offer':
        return this.#inbox.offered(event.offer, event.known);
      case 'data':
        return this.#inbox.data(event.bytes);
      case 'arrived':
        return this.#inbox.arrived(event.offer);
      case 'answered':
        return this.#work(async () => {
          await this.#sender.answered(event.seq, event.answer);
          await this.#tellFloor(FLOOR_STEP);
        });
      case 'repeat':
        return this.#sender.repeat(event.repeat);
      case 'done':
        this.#peerWaiting = event.waiting;
        return;
      case 'ask':
        this.#output.push(this.#trip.lacking((await this.#side.lacking?.(event.ids)) ?? []));
        return;
      case 'lacking':
        return this.#sender.lacking(event.lacking);
      case 'turn':
        return this.#takeTurn();
      case 'refused':
        this.#refusal = event.refusal;
        this.#over = true;
        return;
    }
  }

  async #work(task: () => Promise<void>): Promise<void> {
    while (this.#tasks.size >= TASKS_MAX) await Promise.race(this.#tasks);
    const running = task().catch((error: Error) => this.#fail(error));
    this.#tasks.add(running);
    running
      .finally(() => this.#tasks.delete(running))
      .then(() => {
        this.#passTurn();
        return this.#closeIfSettled();
      })
      .catch((error: Error) => this.#fail(error));
  }

  /** A hub that does not know of turns speaks at once, and never gives one back. */
  #speakFreely(): void {
    this.#halfDuplex = false;
    this.#output.speak();
  }

  async #watch(): Promise<void> {
    await this.#lookForLife();
    const silent = performance.now() - this.#lastRead;
    if (silent > this.#side.idleSeconds * 1_000)
      this.#fail(new TripCut(`no byte came for ${this.#side.idleSeconds} s: the link is dead`));
    else if (!this.#over && !this.#closing && this.#output.speaks && this.#output.silentMs > PULSE_MS)
      await this.#pulse();
  }

  /** While what was said last is still on its way, there is no need to say more. */
  async #pulse(): Promise<void> {
    if (((await this.#wire.unacknowledged?.()) ?? 0) === 0) this.#output.push(this.#trip.pulse());
  }

  /** A link that takes what we say is alive, however long that takes and however little it answers. */
  async #lookForLife(): Promise<void> {
    const now = performance.now();
    if (now - Math.max(this.#lastRead, this.#lastLook) < LOOK_MS) return;
    this.#lastLook = now;
    const left = (await this.#wire.unacknowledged?.()) ?? 0;
    if (left < this.#unacknowledged) this.#lastRead = now;
    this.#unacknowledged = left;
  }
}

/** What the other side is told of a failure; nothing when there is nobody to tell. */
function refusalOf(error: Error): Refusal | undefined {
  if (error instanceof TripRefused) return { exit: error.exit, text: error.message };
  if (error instanceof TripError)
    return { exit: EXIT.later, text: `the other side broke the protocol: ${error.message}` };
  if (error instanceof StoreError) return { exit: EXIT.later, text: 'the store of the other side does not work now' };
  return undefined;
}
