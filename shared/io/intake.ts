/**
 * One mail at a door of its first holder, while it comes in: our Received line, then the bytes as they come, spooled and
 * hashed. At its end it becomes an Arrival for `accept`.
 *
 * The id makes a retry harmless where the sender can retry: it is made from the sender and the bytes before our line, if the
 * mail has a Message-ID to tell it from a second mail with the same words; else it is drawn.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Peer } from '../core/delivery.ts';
import { countReceived, fieldValue, HEADER_BYTES_MAX, headerBlock, headerFields, urgencyOf } from '../core/headers.ts';
import { digest } from '../core/mail-id.ts';
import { receivedLine, type Trace } from '../core/trace.ts';
import { HOPS_MAX } from './accept.ts';
import { readBody, sliceBody } from './body.ts';
import type { Arrival } from './mail.ts';
import { Spool } from './spool.ts';

/** A mail that has passed more servers than this goes round in a circle (RFC 5321 section 6.3: at least 100). */
const RECEIVED_MAX = 100;

export interface IntakeOptions {
  /** Folder for large bodies. */
  readonly spool: string;
  /** Largest mail, bytes as they come. */
  readonly bytesMax: number;
  /** What our Received line says; its nonce is drawn here. */
  readonly trace: Omit<Trace, 'nonce'>;
}

export interface Envelope {
  readonly peer: Peer;
  readonly sender: string;
  readonly recipients: readonly string[];
  /** The file that the mail stands in, where its sender keeps it in one: the same file is the same mail. */
  readonly file?: string;
}

export class Intake {
  readonly #spool: Spool;
  readonly #raw = createHash('sha256');
  readonly #line: Buffer;

  constructor({ spool, bytesMax, trace }: IntakeOptions) {
    this.#line = Buffer.from(receivedLine({ ...trace, nonce: randomBytes(6).toString('hex') }));
    this.#spool = new Spool({ folder: spool, bytesMax: bytesMax + this.#line.length });
  }

  /** The next bytes, with LF line ends. Throws SpoolFull, or StoreError when the disk does not take them. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#spool.size === 0) await this.#spool.write(this.#line);
    this.#raw.update(bytes);
    await this.#spool.write(bytes);
  }

  /** Ends the writing. The Arrival can be used until `discard`. */
  async finish({ peer, sender, recipients, file }: Envelope): Promise<Arrival> {
    if (this.#spool.size === 0) await this.#spool.write(this.#line);
    const { body, hash } = await this.#spool.finish();
    const start = sliceBody(body, this.#line.length, Math.min(body.size - this.#line.length, HEADER_BYTES_MAX));
    const fields = headerFields(headerBlock(await readBody(start)));
    const id = doorId({ hash: this.#raw.digest('hex'), sender, recipients, file }, fieldValue(fields, 'message-id'));
    // A mail that goes round outside of our machines is treated as one that goes round among them: `accept` refuses it.
    const hops = countReceived(fields) > RECEIVED_MAX ? HOPS_MAX : 0;
    return { peer, id, mail: { sender, recipients, hops, urgency: urgencyOf(fields), body, bodyHash: hash } };
  }

  /** Cleans up, at whatever point the mail was given up or taken. */
  discard(): Promise<void> {
    return this.#spool.discard();
  }
}

interface Stamp extends Pick<Envelope, 'sender' | 'recipients'> {
  /** SHA-256 of the bytes as they came, hex. */
  readonly hash: string;
  readonly file: string | undefined;
}

/**
 * Without the recipients: of a mail that is handed in again some may be left out, since they were answered meanwhile, or are
 * refused by a directory that has changed. `accept` answers each for himself.
 */
function doorId({ hash, sender, recipients, file }: Stamp, messageId: string | undefined): string {
  if (file !== undefined) return digest(['file', file, hash, sender, ...recipients]);
  return messageId ? digest(['door', hash, sender]) : randomBytes(32).toString('hex');
}
