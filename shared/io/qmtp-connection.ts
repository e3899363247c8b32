/**
 * One connection of a QMTP client: sockets on the one side, core/qmtp-receiver on the other, `accept` between them.
 * Mails are accepted side by side while more is read; nothing is read while too much is in hand, or while the client
 * does not read its answers. However it ends, mails wholly read are accepted, and answered if the client still listens.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Peer } from '../core/delivery.ts';
import { QmtpReceiver, type ReceiverEvent } from '../core/qmtp-receiver.ts';
import { deferred, type Verdict } from '../core/verdict.ts';
import { accept } from './accept.ts';
import { Condition } from './condition.ts';
import { Intake } from './intake.ts';
import type { Arrival, Place } from './mail.ts';
import type { Repeats } from './repeats.ts';
import { StoreError } from './store.ts';
import type { Turns } from './turns.ts';

/** Mails of one connection whose answers wait for an earlier one. */
const IN_HAND_MAX = 200;
/** A client that still sends when we hang up would lose our last answers to a reset: so much longer we listen. */
const LINGER_MS = 5000;

const NO_STORE = deferred('the mail cannot be stored now; it is tried again (#4.3.0)');

/** Who calls, and what it may. */
export interface QmtpCaller {
  readonly peer: Peer;
  /** Connections and mails in hand are counted under this name. */
  readonly name: string;
  readonly concurrency: number;
  readonly mailBytesMax: number;
  /** Why it may hand over nothing; asked before each accept, for an office may be revoked at any time. */
  refusal?(): Promise<Verdict | undefined>;
  /** Why a recipient may not have a mail of this size. */
  tooLarge?(sender: string, recipient: string, bytes: number): Verdict | undefined;
}

export interface QmtpDoor {
  readonly place: Place;
  /** Folder for bodies on their way in. */
  readonly spool: string;
  readonly recipientsMax: number;
  /** For what any caller can bring about. */
  readonly repeats: Repeats;
  /** Without a byte either way, and without a mail being accepted. */
  readonly idleSeconds: number;
  /** Unix seconds. */
  now(): number;
}

interface OpenMail {
  readonly intake: Intake;
  /** Set when the body could not be kept. */
  failed: boolean;
}

type MailEnd = Extract<ReceiverEvent, { readonly type: 'mail-end' }>;

export class QmtpConnection {
  readonly #socket: Socket;
  readonly #door: QmtpDoor;
  readonly #caller: QmtpCaller;
  readonly #turns: Turns;
  readonly #receiver: QmtpReceiver;
  readonly #ended = Promise.withResolvers<void>();
  #open: OpenMail | undefined;
  #reading: Promise<void> = Promise.resolve();
  readonly #changed = new Condition();
  #working = 0;
  #stopping = false;

  constructor(
    socket: Socket,
    { door, caller, turns }: { readonly door: QmtpDoor; readonly caller: QmtpCaller; readonly turns: Turns },
  ) {
    this.#socket = socket;
    this.#door = door;
    this.#caller = caller;
    this.#turns = turns;
    this.#receiver = new QmtpReceiver({ mailBytesMax: caller.mailBytesMax, recipientsMax: door.recipientsMax });
  }

  /** Serves until the connection is gone and nothing of it is in hand. */
  run(): Promise<void> {
    const socket = this.#socket;
    socket.setTimeout(this.#door.idleSeconds * 1000);
    socket.on('timeout', () => this.#idle());
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('drain', () => this.#changed.wake());
    // The end may be told while the last bytes are still being taken.
    socket.on('end', () => void this.#reading.then(() => this.stop()));
    socket.on('close', () => {
      this.#changed.wake();
      this.stop();
    });
    return this.#ended.promise;
  }

  /** Reads no more; finishes what is in hand, answers it, hangs up. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#finish().then(this.#ended.resolve, this.#ended.reject);
  }

  #data(chunk: Buffer): void {
    if (this.#stopping) return;
    this.#socket.pause();
    this.#reading = this.#read(chunk).then(
      () => void (this.#stopping || this.#socket.resume()),
      (error: unknown) => this.#broken(error),
    );
  }

  async #read(chunk: Buffer): Promise<void> {
    for (const event of this.#receiver.receive(chunk)) {
      if (this.#stopping) return;
      await this.#take(event);
    }
    await this.#mayGoOn(() => !this.#socket.writableNeedDrain);
  }

  /** A client that is gone holds nobody up. */
  #mayGoOn(holds: () => boolean): Promise<void> {
    return this.#changed.until(() => holds() || this.#socket.destroyed);
  }

  async #take(event: ReceiverEvent): Promise<void> {
    switch (event.type) {
      case 'mail-start':
        this.#open = { intake: this.#newIntake(), failed: false };
        return;
      case 'body':
        return this.#keep(event.bytes);
      case 'mail-end':
        return this.#mailEnd(event);
      case 'fault':
        this.#log('not QMTP: the connection is closed', event.reason);
        this.stop();
    }
  }

  async #keep(bytes: Uint8Array): Promise<void> {
    const open = this.#open as OpenMail;
    if (open.failed) return;
    try {
      await open.intake.write(bytes);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // The rest is read all the same: only at its end can the mail be answered, and the next one begin.
      open.failed = true;
      this.#log('a mail could not be spooled', error.message);
    }
  }

  async #mailEnd(end: MailEnd): Promise<void> {
    const open = this.#open as OpenMail;
    this.#open = undefined;
    this.#working += 1;
    await this.#mayGoOn(() => this.#receiver.inHand <= IN_HAND_MAX && !this.#socket.writableNeedDrain);
    const giveBack = await this.#turns.take(this.#caller.name, this.#caller.concurrency);
    // Not awaited: the next mail is read meanwhile.
    this.#accept(open, end)
      .then((verdicts) => this.#answer(end.mail, verdicts))
      .catch((error: unknown) => this.#broken(error))
      .finally(() => {
        giveBack();
        this.#working -= 1;
        this.#changed.wake();
      });
  }

  async #accept({ intake, failed }: OpenMail, { sender, recipients }: MailEnd): Promise<readonly Verdict[]> {
    const all = (verdict: Verdict) => recipients.map(() => verdict);
    try {
      if (recipients.length === 0) return [];
      const refusal = await this.#caller.refusal?.();
      if (refusal) return all(refusal);
      if (failed) return all(NO_STORE);
      // With all recipients, also those that are refused: the id is made of the whole envelope, which a retry has again.
      return await this.#acceptFitting(await intake.finish({ peer: this.#caller.peer, sender, recipients }));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#log('a mail could not be stored', error.message);
      return all(NO_STORE);
    } finally {
      await this.#discard(intake);
    }
  }

  async #acceptFitting(arrival: Arrival): Promise<readonly Verdict[]> {
    const { sender, recipients, body } = arrival.mail;
    const refusals = recipients.map((recipient) => this.#caller.tooLarge?.(sender, recipient, body.size));
    const fitting = recipients.filter((_, index) => !refusals[index]);
    const mail = { ...arrival.mail, recipients: fitting };
    const verdicts = (await accept(this.#door.place, { ...arrival, mail }, this.#door.now())).values();
    return refusals.map((refusal) => refusal ?? (verdicts.next().value as Verdict));
  }

  /** What cannot be cleaned up changes no verdict; the next start empties the folder. */
  async #discard(intake: Intake): Promise<void> {
    try {
      await intake.discard();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#log('a spool file could not be removed', error.message);
    }
  }

  #answer(mail: number, verdicts: readonly Verdict[]): void {
    const bytes = this.#receiver.answer(mail, verdicts);
    if (bytes.length > 0 && this.#socket.writable) this.#socket.write(bytes);
  }

  async #finish(): Promise<void> {
    this.#socket.pause();
    await this.#reading;
    if (this.#open) await this.#discard(this.#open.intake);
    this.#open = undefined;
    await this.#changed.until(() => this.#working === 0);
    await this.#hangUp();
  }

  async #hangUp(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.removeAllListeners('data');
    socket.resume();
    socket.end();
    await closed;
    clearTimeout(timer);
  }

  #idle(): void {
    if (this.#working > 0 && !this.#socket.writableNeedDrain) {
      // The time is ours, not the client's.
      this.#socket.setTimeout(this.#door.idleSeconds * 1000);
      return;
    }
    this.#log('a silent connection is closed', `no progress for ${this.#door.idleSeconds} s`);
    this.#socket.destroy();
  }

  /** What nobody foresaw costs this connection, not the program: its mails are unanswered and come again. */
  #broken(error: unknown): void {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    this.#door.place.log.error('a QMTP connection failed', { peer: this.#caller.name, error: stack ?? message });
    this.#socket.destroy();
  }

  #log(event: string, reason: string): void {
    this.#door.repeats.warn(event, this.#caller.name, { door: 'qmtp', peer: this.#caller.name, reason });
  }

  #newIntake(): Intake {
    const { place, spool, now } = this.#door;
    const protocol = this.#socket instanceof TLSSocket ? 'QMTPS' : 'QMTP';
    const address = this.#socket.remoteAddress?.replace(/^::ffff:/, '') ?? 'gone';
    const trace = { protocol, address, hostname: place.hostname, now: now() };
    return new Intake({ spool, bytesMax: this.#caller.mailBytesMax, trace });
  }
}
