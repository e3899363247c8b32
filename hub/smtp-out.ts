/**
 * One SMTP session with another server, for one transaction after another. Time-outs go by progress: a server that keeps
 * answering or taking bytes is never cut off.
 */
import { isIP, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import SMTPConnection, { type SMTPError } from 'nodemailer/lib/smtp-connection';
import { replyVerdict } from '../shared/core/smtp-reply.ts';
import { deferred, type Verdict } from '../shared/core/verdict.ts';
import type { Body } from '../shared/io/body.ts';
import { dial } from '../shared/io/dial.ts';
import type { Smarthost } from './smarthost.ts';

/** One host that may be tried. */
export interface Target {
  /** What people know it as, and what its certificate is for. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** As for a smarthost; `opportunistic` takes any certificate, and goes without TLS where it fails, as between MX hosts. */
  readonly tls: Smarthost['tls'] | 'opportunistic';
  readonly auth?: Smarthost['auth'];
}

/** What the server said that it can. */
export interface Extensions {
  readonly eightBitMime: boolean;
  readonly utf8: boolean;
  /** Largest mail, bytes; 0: it did not say. */
  readonly sizeMax: number;
}

export interface Envelope {
  /** As SMTP writes them (smtp-path.ts). */
  readonly from: string;
  readonly to: readonly string[];
  readonly wireBytes: number;
  readonly eightBit: boolean;
}

export interface Greeting {
  /** How we call ourselves. */
  readonly hostname: string;
  /** Gives up a session that does not stand yet. */
  readonly signal: AbortSignal;
}

const DIAL_SECONDS = 30;
const SETUP_MS = 300_000;
const GREETING_MS = 120_000;
/** RFC 5321 section 4.5.3.2: ten minutes for the answer to the last dot. */
const SILENCE_MS = 600_000;
const QUIT_MS = 5_000;
/** Some servers end a session after so many. */
const TRANSACTIONS_MAX = 100;

/** No session with this server: refused, cut off, no TLS where it must be, password not taken. */
export class NoSession extends Error {}
/** STARTTLS was offered and did not work. */
class NoTls extends NoSession {}

export class SmtpOut {
  readonly #connection: SMTPConnection;
  readonly name: string;
  readonly extensions: Extensions;
  #transactions = 0;
  #last: 'carried' | 'refused' | 'broke off' | undefined;

  private constructor(connection: SMTPConnection, name: string, extensions: Extensions) {
    this.#connection = connection;
    this.name = name;
    this.extensions = extensions;
  }

  /** Throws NoSession or DialError. */
  static async open(target: Target, greeting: Greeting): Promise<SmtpOut> {
    try {
      return await SmtpOut.#open(target, greeting, target.tls);
    } catch (error) {
      if (target.tls !== 'opportunistic' || !(error instanceof NoTls)) throw error;
      // RFC 7435: some protection when possible. What a broken TLS would prevent is worse than mail in clear.
      return SmtpOut.#open(target, greeting, 'none');
    }
  }

  static async #open(target: Target, { hostname, signal }: Greeting, tls: Target['tls']): Promise<SmtpOut> {
    const socket = await dial({ host: target.address, port: target.port, seconds: DIAL_SECONDS, signal });
    const connection = new SMTPConnection({ ...tlsOptions(target, tls), ...optionsOf(target, hostname, socket) });
    const giveUp = (): void => hangUp(connection);
    signal.addEventListener('abort', giveUp);
    try {
      await connected(connection);
      const extensions = extensionsOf(connection.lastServerResponse || '');
      if (target.auth) await loggedIn(connection, target.auth);
      return new SmtpOut(connection, target.name, extensions);
    } catch (error) {
      const failed = connection.upgrading ? NoTls : NoSession;
      connection.close();
      socket.destroy();
      throw new failed(`no session with ${target.name}: ${wordsOf(error as SMTPError)}`);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /**
   * One transaction. Answers a verdict per recipient; `inDoubt` says that the server was given all of the mail, and
   * then its answer was lost: it may have taken it.
   */
  async send(
    envelope: Envelope,
    body: Body,
  ): Promise<{ readonly verdicts: ReadonlyMap<string, Verdict>; readonly inDoubt: boolean }> {
    const message = Readable.from(body.read(), { objectMode: false });
    let complete = false;
    message.once('end', () => {
      complete = true;
    });
    const { from, to, wireBytes: size, eightBit: use8BitMime } = envelope;
    return new Promise((resolve) => {
      this.#connection.send({ from, to: [...to], size, use8BitMime }, message, (error, info) => {
        this.#transactions += 1;
        this.#last = error ? (error.response ? 'refused' : 'broke off') : 'carried';
        const rejected = (error as RejectedError | null)?.rejectedErrors ?? info?.rejectedErrors ?? [];
        const rest = error ? this.#failure(error) : replyVerdict(this.name, info?.response ?? '250 ok');
        const verdicts = new Map(to.map((recipient) => [recipient, rest]));
        for (const { recipient, response } of rejected as readonly RejectedError[]) {
          if (recipient !== undefined) verdicts.set(recipient, replyVerdict(this.name, response ?? ''));
        }
        resolve({ verdicts, inDoubt: complete && this.brokeOff });
      });
    });
  }

  get isOpen(): boolean {
    return !this.#connection.destroyed;
  }

  /** The last mail was carried, so both sides are at the start of the next. */
  get isReusable(): boolean {
    return this.isOpen && this.#last === 'carried' && this.#transactions < TRANSACTIONS_MAX;
  }

  /** The connection was lost, and with it the answer to the last mail. */
  get brokeOff(): boolean {
    return this.#last === 'broke off';
  }

  /** Says good-bye without waiting for long. */
  close(): void {
    // In the middle of a mail a QUIT would become part of it.
    if (this.brokeOff) {
      this.#connection.close();
      return;
    }
    const timer = setTimeout(() => this.#connection.close(), QUIT_MS);
    this.#connection.once('end', () => clearTimeout(timer));
    this.#connection.quit();
  }

  /** Cuts it off, whatever is under way. */
  abort(): void {
    hangUp(this.#connection);
  }

  #failure({ response, message }: SMTPError): Verdict {
    if (typeof response === 'string' && /^[45]/.test(response)) return replyVerdict(this.name, response);
    return deferred(`the connection to ${this.name} broke off: ${message} (#4.4.2)`);
  }
}

type RejectedError = SMTPError & { readonly recipient?: string; readonly rejectedErrors?: readonly SMTPError[] };

function optionsOf({ address, port }: Target, name: string, connection: Socket) {
  return {
    host: address,
    port,
    name,
    connection,
    connectionTimeout: SETUP_MS,
    greetingTimeout: GREETING_MS,
    socketTimeout: SILENCE_MS,
    logger: false,
  };
}

function tlsOptions({ name }: Target, tls: Target['tls']) {
  const servername = isIP(name) || name.startsWith('[') ? {} : { servername: name };
  const verified = { host: name, ...servername };
  switch (tls) {
    case 'none':
      return { secure: false, ignoreTLS: true };
    case 'implicit':
      return { secure: true, tls: verified };
    case 'required':
      return { secure: false, requireTLS: true, tls: verified };
    case 'offered':
      return { secure: false, tls: verified };
    case 'opportunistic':
      return { secure: false, opportunisticTLS: true, tls: { ...servername, rejectUnauthorized: false } };
  }
}

/** Without a word: what waits for an answer hears that there is none. */
function hangUp({ _socket }: SMTPConnection): void {
  if (_socket) _socket.destroy();
}

function connected(connection: SMTPConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays for the connection's life: an error that comes between two commands has nobody else to hear it.
    connection.on('error', reject);
    connection.once('end', () => reject(new Error('it hung up')));
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
}

function loggedIn(connection: SMTPConnection, auth: NonNullable<Smarthost['auth']>): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once('error', reject);
    connection.once('end', () => reject(new Error('it hung up')));
    connection.login(auth, (error) => (error ? reject(error) : resolve()));
  });
}

/** From the answer to EHLO; from that to HELO, nothing. */
function extensionsOf(answer: string): Extensions {
  const lines = answer.split('\n').map((line) =>
    line
      .replace(/^\d{3}[ -]/, '')
      .trim()
      .toUpperCase(),
  );
  const size = lines.find((line) => /^SIZE( |$)/.test(line))?.slice(5);
  return { eightBitMime: lines.includes('8BITMIME'), utf8: lines.includes('SMTPUTF8'), sizeMax: Number(size) || 0 };
}

const wordsOf = ({ message, response }: SMTPError): string => (typeof response === 'string' ? response : message);
