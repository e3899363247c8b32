/**
 * Sends mails over one connection by QMTP: pipelined, reading answers while it writes. Each mail is settled as soon as
 * all its answers are there; what was answered before a cut is settled too.
 */
import type { Socket } from 'node:net';
import { QmtpSender, type SenderEvent } from '../core/qmtp-sender.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Body } from './body.ts';
import { Condition } from './condition.ts';

/** Mails and bytes on their way at once. A line of 600 ms and 1 Mbit/s holds 75 KB: this is never what slows one down. */
const WINDOW = { mailsMax: 100, bytesMax: 8_000_000 };

export interface QmtpOutgoing {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly body: Body;
}

/** One for each recipient; undefined where the answer did not come before a cut. */
export type QmtpVerdicts = readonly (Verdict | undefined)[];

export interface QmtpSendOptions<Mail> {
  /** Without a byte either way while the other side owes one. */
  readonly idleSeconds: number;
  /** Called once for each mail with at least one answer; the mail counts as on its way until this is done. */
  settle(mail: Mail, verdicts: QmtpVerdicts): Promise<void>;
}

export interface QmtpSendResult {
  /** Bytes of packages written. */
  readonly bytes: number;
  /** Recipients whose mail had wholly left when the connection ended, unanswered: it may have arrived. */
  readonly unconfirmed: number;
  /** Why not everything was sent and answered. */
  readonly cut?: string;
}

/** Sends all; the socket is closed afterwards. Throws only what `mails`, a body or `settle` throw. */
export function sendByQmtp<Mail extends QmtpOutgoing>(
  socket: Socket,
  mails: AsyncIterable<Mail>,
  options: QmtpSendOptions<Mail>,
): Promise<QmtpSendResult> {
  return new Sending(socket, options).run(mails);
}

interface OnItsWay<Mail> {
  readonly mail: Mail;
  readonly verdicts: (Verdict | undefined)[];
  open: number;
  whole: boolean;
}

class Sending<Mail extends QmtpOutgoing> {
  readonly #socket: Socket;
  readonly #options: QmtpSendOptions<Mail>;
  readonly #sender = new QmtpSender(WINDOW);
  readonly #onItsWay = new Map<number, OnItsWay<Mail>>();
  readonly #changed = new Condition();
  #settling = 0;
  #bytes = 0;
  #exhausted = false;
  #cut: string | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(socket: Socket, options: QmtpSendOptions<Mail>) {
    this.#socket = socket;
    this.#options = options;
  }

  async run(mails: AsyncIterable<Mail>): Promise<QmtpSendResult> {
    this.#listen();
    try {
      for await (const mail of mails) {
        if (!(await this.#send(mail))) break;
      }
      this.#exhausted = !this.#over();
    } catch (error) {
      this.#failure ??= { error };
    }
    // Whole mails that have left get their answers, even if the next one could not be read.
    await this.#changed.until(() => this.#cut !== undefined || this.#onItsWay.size === this.#unfinished());
    this.#socket.removeAllListeners('close').end();
    this.#socket.destroy();
    // A server that hangs up when it has answered everything has cut nothing.
    const done = this.#exhausted && this.#onItsWay.size === 0;
    const unconfirmed = this.#settleWhatIsKnown();
    await this.#changed.until(() => this.#settling === 0);
    if (this.#failure) throw this.#failure.error;
    return { bytes: this.#bytes, unconfirmed, ...(done || this.#cut === undefined ? {} : { cut: this.#cut }) };
  }

  #listen(): void {
    const socket = this.#socket;
    socket.setTimeout(this.#options.idleSeconds * 1000);
    socket.on('timeout', () => this.#idle());
    socket.on('data', (chunk: Buffer) => {
      for (const event of this.#sender.receive(chunk)) this.#answered(event);
    });
    socket.on('drain', () => this.#changed.wake());
    socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#end(`the connection broke (${error.code ?? error.message})`),
    );
    socket.on('end', () => this.#end('the other side hung up'));
    socket.on('close', () => this.#end('the other side hung up'));
    if (socket.destroyed) this.#end('the other side hung up');
  }

  /** Whether more may follow. */
  async #send(mail: Mail): Promise<boolean> {
    const { sender, recipients, body } = mail;
    const { size } = body;
    const mayBegin = () => this.#sender.hasRoom(size) && this.#settling < WINDOW.mailsMax;
    await this.#changed.until(() => this.#over() || mayBegin());
    if (this.#over()) return false;
    const { mail: number, bytes } = this.#sender.begin({ sender, recipients, size });
    const onItsWay: OnItsWay<Mail> = {
      mail,
      verdicts: recipients.map(() => undefined),
      open: recipients.length,
      whole: false,
    };
    this.#onItsWay.set(number, onItsWay);
    await this.#write(bytes);
    for await (const chunk of body.read()) {
      await this.#write(this.#sender.body(chunk));
      if (this.#over()) return false;
    }
    // Said before it is true: once the tail is with the system, nobody knows how much of it arrives.
    onItsWay.whole = true;
    await this.#write(this.#sender.end());
    return !this.#over();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#cut !== undefined) return;
    this.#bytes += bytes.length;
    if (!this.#socket.write(bytes)) await this.#changed.until(() => this.#over() || !this.#socket.writableNeedDrain);
  }

  #answered(event: SenderEvent): void {
    if (event.type === 'fault') {
      this.#end(`the other side does not speak QMTP: ${event.reason}`);
      return;
    }
    const onItsWay = this.#onItsWay.get(event.mail) as OnItsWay<Mail>;
    onItsWay.verdicts[event.recipient] = event.verdict;
    onItsWay.open -= 1;
    if (onItsWay.open > 0) return;
    this.#onItsWay.delete(event.mail);
    this.#settle(onItsWay);
  }

  #settle({ mail, verdicts }: OnItsWay<Mail>): void {
    this.#settling += 1;
    this.#options
      .settle(mail, verdicts)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#settling -= 1;
        this.#changed.wake();
      });
  }

  /** After the end: settles mails that were answered in part; answers how many recipients nobody knows of. */
  #settleWhatIsKnown(): number {
    let unconfirmed = 0;
    for (const onItsWay of this.#onItsWay.values()) {
      if (onItsWay.whole) unconfirmed += onItsWay.open;
      if (onItsWay.open < onItsWay.verdicts.length) this.#settle(onItsWay);
    }
    this.#onItsWay.clear();
    return unconfirmed;
  }

  #unfinished(): number {
    return [...this.#onItsWay.values()].filter(({ whole }) => !whole).length;
  }

  #over(): boolean {
    return this.#cut !== undefined || this.#failure !== undefined;
  }

  #idle(): void {
    if (this.#sender.waiting > 0 || this.#socket.writableLength > 0)
      this.#end(`no progress for ${this.#options.idleSeconds} s`);
    // Otherwise the wait is for our own store.
    else this.#socket.setTimeout(this.#options.idleSeconds * 1000);
  }

  #end(reason: string): void {
    this.#cut ??= reason;
    this.#changed.wake();
  }
}
