/**
 * The server's side of QMTP, without I/O: bytes in, events out; verdicts in, bytes out. Many mails may be in hand at
 * once, and answers leave in the order in which their mails came.
 *
 *     state        at                     goes to       and says
 *     text         first byte of a text   text          mail-start
 *     text         bytes                  text          body (CRLF become LF)
 *     text         comma                  sender
 *     sender       comma                  recipients
 *     recipients   comma                  text          mail-end
 *     any          a byte out of place    fault         fault, and nothing after it
 *
 * A package cut short has said mail-start but never mail-end: its body is thrown away, and nobody is answered.
 * What qmail-qmtpd lets pass (leading zeros, `:,`, an empty list of recipients) is a fault here.
 */
import { ADDRESS_BYTES_MAX, addressFault } from './address.ts';
import { CrlfToLf } from './line-ends.ts';
import { NetstringCollector, NetstringError, NetstringReader } from './netstring.ts';
import { CR, encodeVerdict, LF, QmtpFault } from './qmtp.ts';
import { deferred, refused, type Verdict } from './verdict.ts';

export type ReceiverEvent =
  | { readonly type: 'mail-start'; readonly mail: number }
  | { readonly type: 'body'; readonly mail: number; readonly bytes: Uint8Array }
  /** `recipients` are those that wait for a verdict; the others are refused already. */
  | {
      readonly type: 'mail-end';
      readonly mail: number;
      readonly sender: string;
      readonly recipients: readonly string[];
    }
  | { readonly type: 'fault'; readonly reason: string };

export interface ReceiverLimits {
  /** Bytes of a text after decoding (qmail's databytes). */
  readonly mailBytesMax: number;
  /** Recipients of one mail that are served; those above are told to come again. */
  readonly recipientsMax: number;
}

/** Bounds on what is read at all, far above honest use: beyond them is a fault. */
const TEXT_BYTES_MAX = 1e12;
const SENDER_BYTES_MAX = 100_000;
const RECIPIENTS_BYTES_MAX = 20_000_000;
const RECIPIENTS_MAX = 100_000;

const TOO_LARGE = refused('sorry, that message size exceeds my databytes limit (#5.3.4)');
const BAD_SENDER = refused('unacceptable sender (#5.1.7)');
const BAD_RECIPIENT = refused("sorry, I can't handle that recipient (#5.1.3)");
const TOO_MANY = deferred('too many recipients in one mail; this one again in the next, please (#4.5.3)');

interface Open {
  readonly mail: number;
  readonly decoder: CrlfToLf | undefined;
  bodyBytes: number;
  sender: string;
  /** Set when no recipient can have the mail. */
  refusal: Verdict | undefined;
}

/** A verdict of our own for each recipient, or undefined where the caller gives it. */
type Answers = readonly (Verdict | undefined)[];

export class QmtpReceiver {
  readonly #limits: ReceiverLimits;
  readonly #outer = new NetstringReader();
  #state: 'text' | 'sender' | 'recipients' | 'fault' = 'text';
  #open: Open | undefined;
  #small = new NetstringCollector({ bytesMax: ADDRESS_BYTES_MAX + 1 });
  #senderBytes: Uint8Array[] = [];
  #senderLength = 0;
  #recipients: string[] = [];
  #answers: (Verdict | undefined)[] = [];
  #mails = 0;
  #nextToAnswer = 0;
  /** Mails wholly read and not yet answered on the wire; the answer once it is known. */
  readonly #waiting = new Map<number, { readonly answers: Answers; bytes?: Buffer }>();

  constructor(limits: ReceiverLimits) {
    this.#limits = limits;
  }

  /** Mails wholly read whose answers have not left. */
  get inHand(): number {
    return this.#waiting.size;
  }

  /** Whether the bytes so far end inside a package. */
  get midPackage(): boolean {
    return this.#state !== 'fault' && !(this.#state === 'text' && this.#outer.between);
  }

  /**
   * Understands more bytes, as far as the caller asks for events: what he does not ask for is not yet read. After a
   * fault nothing more is read; mails that came before it are still answered.
   */
  *receive(bytes: Uint8Array): Generator<ReceiverEvent, void> {
    if (this.#state === 'fault') return;
    try {
      for (const event of this.#outer.receive(bytes)) {
        if (event.type === 'begin') this.#begin(event.length);
        else if (event.type === 'bytes') yield* this.#content(event.bytes);
        else yield* this.#end();
      }
    } catch (error) {
      if (!(error instanceof NetstringError || error instanceof QmtpFault)) throw error;
      this.#state = 'fault';
      this.#open = undefined;
      yield { type: 'fault', reason: error.message };
    }
  }

  /** Verdicts for the recipients that `mail-end` named, in their order. Answers the bytes that may leave now. */
  answer(mail: number, verdicts: readonly Verdict[]): Uint8Array {
    const waiting = this.#waiting.get(mail);
    const open = waiting?.answers.filter((answer) => answer === undefined).length;
    if (!waiting || waiting.bytes || open !== verdicts.length)
      throw new Error(`mail ${mail} of this connection waits for ${open ?? 'no'} verdicts, ${verdicts.length} given`);
    const given = verdicts.values();
    waiting.bytes = Buffer.concat(
      waiting.answers.map((answer) => encodeVerdict(answer ?? (given.next().value as Verdict))),
    );
    return this.#leaving();
  }

  #leaving(): Uint8Array {
    const leaving: Uint8Array[] = [];
    for (;;) {
      const next = this.#waiting.get(this.#nextToAnswer);
      if (!next?.bytes) return Buffer.concat(leaving);
      leaving.push(next.bytes);
      this.#waiting.delete(this.#nextToAnswer++);
    }
  }

  #begin(length: number): void {
    if (this.#state === 'text' && length === 0) throw new QmtpFault('a text without the byte that tells its line ends');
    if (this.#state === 'text' && length > TEXT_BYTES_MAX) throw new QmtpFault('a text of more than a terabyte');
    if (this.#state === 'sender' && length > SENDER_BYTES_MAX) throw new QmtpFault('a sender longer than any address');
    if (this.#state !== 'recipients') return;
    if (length === 0) throw new QmtpFault('a mail without recipients');
    if (length > RECIPIENTS_BYTES_MAX) throw new QmtpFault('a list of recipients longer than any honest one');
  }

  *#content(bytes: Uint8Array): Generator<ReceiverEvent, void> {
    if (this.#state === 'text') yield* this.#text(bytes);
    else if (this.#state === 'sender') this.#sender(bytes);
    else this.#recipientList(bytes);
  }

  *#text(bytes: Uint8Array): Generator<ReceiverEvent, void> {
    if (this.#open) {
      yield* this.#body(this.#open, bytes);
      return;
    }
    const ends = bytes[0];
    if (ends !== LF && ends !== CR) throw new QmtpFault('the first byte of a text is 10 or 13');
    const mail = this.#mails++;
    const decoder = ends === CR ? new CrlfToLf() : undefined;
    this.#open = { mail, decoder, bodyBytes: 0, sender: '', refusal: undefined };
    yield { type: 'mail-start', mail };
    yield* this.#body(this.#open, bytes.subarray(1));
  }

  #body(open: Open, raw: Uint8Array): Generator<ReceiverEvent, void> {
    return this.#decoded(open, open.decoder ? open.decoder.write(raw) : raw);
  }

  /** A text that is too large is read to its end, for only then can the refusal be understood. */
  *#decoded(open: Open, bytes: Uint8Array): Generator<ReceiverEvent, void> {
    open.bodyBytes += bytes.length;
    if (open.bodyBytes > this.#limits.mailBytesMax) open.refusal = TOO_LARGE;
    else if (bytes.length > 0) yield { type: 'body', mail: open.mail, bytes };
  }

  #sender(bytes: Uint8Array): void {
    // One byte more than an address has shows that it is none; what is still longer need not be kept.
    const kept = bytes.subarray(0, ADDRESS_BYTES_MAX + 1 - this.#senderLength);
    if (kept.length === 0) return;
    this.#senderBytes.push(Uint8Array.from(kept));
    this.#senderLength += kept.length;
  }

  #recipientList(bytes: Uint8Array): void {
    for (const { content, length } of this.#small.receive(bytes)) this.#recipient(content, length);
  }

  #recipient(content: Buffer, length: number): void {
    if (this.#answers.length === RECIPIENTS_MAX)
      throw new QmtpFault(`a mail to more than ${RECIPIENTS_MAX} recipients`);
    if (this.#answers.length >= this.#limits.recipientsMax) {
      this.#answers.push(TOO_MANY);
      return;
    }
    const address = content.toString('utf8');
    if (length === 0 || length > ADDRESS_BYTES_MAX || addressFault(address)) {
      this.#answers.push(BAD_RECIPIENT);
      return;
    }
    this.#answers.push(undefined);
    this.#recipients.push(address);
  }

  *#end(): Generator<ReceiverEvent, void> {
    const open = this.#open as Open;
    if (this.#state === 'text') {
      this.#state = 'sender';
      if (open.decoder) yield* this.#decoded(open, open.decoder.end());
    } else if (this.#state === 'sender') {
      open.sender = Buffer.concat(this.#senderBytes).toString('utf8');
      this.#senderBytes = [];
      this.#senderLength = 0;
      if (addressFault(open.sender)) open.refusal ??= BAD_SENDER;
      this.#state = 'recipients';
    } else {
      if (!this.#small.between) throw new QmtpFault('the last recipient overruns the list');
      yield this.#mailEnd(open);
    }
  }

  #mailEnd({ mail, sender, refusal }: Open): ReceiverEvent {
    const answers = refusal ? this.#answers.map(() => refusal) : this.#answers;
    const recipients = refusal ? [] : this.#recipients;
    this.#waiting.set(mail, { answers });
    this.#answers = [];
    this.#recipients = [];
    this.#open = undefined;
    this.#state = 'text';
    return { type: 'mail-end', mail, sender, recipients };
  }
}
