/**
 * The client's side of QMTP, without I/O: mails in, bytes out; bytes in, settlements out. Everything is pipelined: a
 * mail may begin while others wait for their answers, as long as the window has room.
 *
 *     state   begin()     body()    end()      receive() of an answer
 *     idle    → open                           for the oldest mail that waits
 *     open                → open    → idle     likewise; never for the open mail
 *     fault   nothing more is sent or understood; what was settled stays settled
 */
import { NetstringCollector, NetstringError } from './netstring.ts';
import { decodeVerdict, packageAround, QmtpFault } from './qmtp.ts';
import type { Verdict } from './verdict.ts';

/** An answer longer than this is no answer. */
const ANSWER_BYTES_MAX = 10_000;

export interface SenderMail {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Bytes of the body. */
  readonly size: number;
}

export type SenderEvent =
  /** `mail` is the number that `begin` gave; `recipient` the index in its list. */
  | { readonly type: 'settled'; readonly mail: number; readonly recipient: number; readonly verdict: Verdict }
  | { readonly type: 'fault'; readonly reason: string };

export interface SenderWindow {
  /** Mails sent and not wholly answered. */
  readonly mailsMax: number;
  /** Bytes of those mails; one larger mail goes alone. */
  readonly bytesMax: number;
}

interface Sent {
  readonly mail: number;
  readonly size: number;
  readonly recipients: number;
  answered: number;
}

export class QmtpSender {
  readonly #window: SenderWindow;
  readonly #answers = new NetstringCollector({ bytesMax: ANSWER_BYTES_MAX });
  readonly #sent: Sent[] = [];
  #open: { readonly entry: Sent; readonly tail: Buffer; left: number } | undefined;
  #bytes = 0;
  #mails = 0;
  #fault = false;

  constructor(window: SenderWindow) {
    this.#window = window;
  }

  /** Mails that wait for answers, without the one that is being sent. */
  get waiting(): number {
    return this.#sent.length;
  }

  /** Whether a mail of this size may begin now. */
  hasRoom(size: number): boolean {
    if (this.#fault || this.#open) return false;
    return (
      this.#sent.length === 0 ||
      (this.#sent.length < this.#window.mailsMax && this.#bytes + size <= this.#window.bytesMax)
    );
  }

  /** Begins a mail: its number, and the bytes to send before the body. */
  begin(mail: SenderMail): { readonly mail: number; readonly bytes: Uint8Array } {
    if (!this.hasRoom(mail.size)) throw new Error('a mail begins only when the window has room');
    if (mail.recipients.length === 0) throw new Error('a mail has recipients');
    const { head, tail } = packageAround(mail);
    const entry = { mail: this.#mails++, size: mail.size, recipients: mail.recipients.length, answered: 0 };
    this.#open = { entry, tail, left: mail.size };
    this.#bytes += mail.size;
    return { mail: entry.mail, bytes: head };
  }

  /** Body bytes are sent as they are; they are counted here, because a package whose length lies harms the next one. */
  body(bytes: Uint8Array): Uint8Array {
    if (!this.#open || bytes.length > this.#open.left) throw new Error('the body is longer than was announced');
    this.#open.left -= bytes.length;
    return bytes;
  }

  /** The bytes that complete the mail. */
  end(): Uint8Array {
    if (!this.#open || this.#open.left > 0) throw new Error('the body is shorter than was announced');
    const { entry, tail } = this.#open;
    this.#sent.push(entry);
    this.#open = undefined;
    return tail;
  }

  /** Understands answers. After a fault nothing more is understood. */
  receive(bytes: Uint8Array): SenderEvent[] {
    const events: SenderEvent[] = [];
    if (this.#fault) return events;
    try {
      for (const { content, length } of this.#answers.receive(bytes)) events.push(this.#settle(content, length));
    } catch (error) {
      if (!(error instanceof NetstringError || error instanceof QmtpFault)) throw error;
      this.#fault = true;
      events.push({ type: 'fault', reason: error.message });
    }
    return events;
  }

  #settle(content: Uint8Array, length: number): SenderEvent {
    const [oldest] = this.#sent;
    if (!oldest) throw new QmtpFault('an answer that no mail waits for');
    const verdict = length > ANSWER_BYTES_MAX ? undefined : decodeVerdict(content);
    if (!verdict) throw new QmtpFault('an answer begins with K, Z or D');
    const recipient = oldest.answered++;
    if (oldest.answered === oldest.recipients) {
      this.#sent.shift();
      this.#bytes -= oldest.size;
    }
    return { type: 'settled', mail: oldest.mail, recipient, verdict };
  }
}
