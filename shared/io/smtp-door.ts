/**
 * An SMTP door, the same at the hub, where the Internet brings its mail, and at an office, where its people do. The machine
 * says who is calling and from whom it takes mail; recipients are refused at RCPT by the tables, DATA goes to `accept`.
 */
import {
  SMTPServer,
  type SMTPServerAddress,
  type SMTPServerAuthentication,
  type SMTPServerDataStream,
  type SMTPServerSession,
} from 'smtp-server';
import { addressFault } from '../core/address.ts';
import type { Peer } from '../core/delivery.ts';
import { asciiDomain } from '../core/smtp-path.ts';
import { verdictReply } from '../core/smtp-reply.ts';
import { deferred, refused, type Verdict } from '../core/verdict.ts';
import { limitConnections } from './connection-limits.ts';
import { bind, type Listener } from './listen.ts';
import { Repeats } from './repeats.ts';
import { type SmtpPlace, takeMail, tooLarge } from './smtp-data.ts';
import { Turns } from './turns.ts';

/** Who is calling, and what it may have at once. */
export interface SmtpCaller {
  readonly peer: Peer;
  /** Mails in hand at once. */
  readonly concurrency: number;
  /** Largest mail, bytes. */
  readonly mailBytesMax: number;
}

export interface SmtpDoorOptions extends SmtpPlace {
  readonly field: string;
  readonly address: string;
  readonly hostname: string;
  /** Completes an address without a domain: postmaster's. */
  readonly domain: string;
  readonly mailBytesMax: number;
  readonly connectionsMax: number;
  readonly perAddressMax: number;
  readonly recipientsMax: number;
  readonly idleSeconds: number;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  /** TLS from the first byte. */
  readonly implicitTls?: boolean;
  /** No password is taken before TLS. */
  readonly passwordsNeedTls?: boolean;
  /** Whether a name and its password belong together; absent: nobody logs in here. */
  authenticate?(name: string, password: string): Promise<boolean>;
  /** `user`: who has logged in. */
  caller(session: SmtpSession): SmtpCaller;
  /** Why this sender is not taken from this caller; undefined: it is. */
  checkSender(sender: string, session: SmtpSession): Promise<Verdict | undefined>;
}

export interface SmtpSession {
  readonly address: string;
  readonly user: string | undefined;
}

/** A command holds an address of up to 999 bytes and a few parameters. */
const COMMAND_BYTES_MAX = 4_096;

export interface SmtpListener extends Listener {
  /** Another certificate for the connections that come from now on. */
  renew(tls: { readonly cert: Buffer; readonly key: Buffer }): void;
}

/** Starts it; throws as `bind` does. */
export async function startSmtpDoor(options: SmtpDoorOptions): Promise<SmtpListener> {
  return new SmtpDoor(options).open();
}

type Done = (error?: Error | null, text?: string) => void;

class SmtpDoor {
  readonly #options: SmtpDoorOptions;
  readonly #turns: Turns;
  readonly #server: SMTPServer;
  /** Mails between DATA and their answer. */
  readonly #inHand = new Set<Promise<void>>();

  constructor(options: SmtpDoorOptions) {
    const { tls, authenticate, place } = options;
    this.#options = options;
    this.#turns = new Turns({ totalMax: options.connectionsMax });
    this.#server = new SMTPServer({
      ...(tls ?? { hideSTARTTLS: true }),
      secure: options.implicitTls === true,
      name: options.hostname,
      banner: 'Fieldpost',
      heloResponse: '%s',
      size: options.mailBytesMax,
      // Above what is let in at all (connection-limits.ts): those that are being closed count here as well.
      maxClients: options.connectionsMax * 2 + 10,
      maxRecipients: options.recipientsMax,
      maxCommandLength: COMMAND_BYTES_MAX,
      socketTimeout: options.idleSeconds * 1000,
      // A password is asked for only where one can be had; whether it may go without TLS is the operator's choice.
      authOptional: true,
      allowInsecureAuth: options.passwordsNeedTls !== true,
      authMethods: ['PLAIN', 'LOGIN'],
      disabledCommands: ['WIZ', 'SHELL', 'KILL', ...(authenticate ? [] : ['AUTH']), ...(tls ? [] : ['STARTTLS'])],
      // Real senders have addresses that RFC 5321 would not allow; what could do harm is refused all the same.
      lenientAddressParsing: true,
      disableReverseLookup: true,
      logger: false,
      onAuth: (auth, _session, done) => this.#auth(auth, done),
      onMailFrom: (address, session, done) => this.#settle(this.#mailFrom(address, session), done),
      onRcptTo: (address, session, done) => this.#settle(this.#rcptTo(address, session), done),
      onData: (stream, session, done) => this.#data(stream, session, done),
    });
    // A client's broken connection or handshake: it comes back, and there is nothing to do here.
    const repeats = new Repeats(place.log);
    this.#server.on('error', (error) =>
      repeats.warn('SMTP connections break off', error.message, { reason: error.message }),
    );
    limitConnections(this.#server.server, { ...options, log: place.log });
  }

  async open(): Promise<SmtpListener> {
    const { field, address } = this.#options;
    return {
      address: await bind(this.#server.server, { field, address }),
      close: (seconds) => this.#close(seconds),
      renew: (tls) => this.#server.updateSecureContext(tls),
    };
  }

  #auth({ username, password }: SMTPServerAuthentication, done: AuthDone): void {
    const known = this.#options.authenticate?.(username ?? '', password ?? '') ?? Promise.resolve(false);
    known.then(
      (good) => (good ? done(null, { user: username ?? '' }) : done(new Error('no such name and password here'))),
      (error: Error) => {
        this.#options.place.log.error('a password could not be checked', { error: error.message });
        done(replyError(deferred('the password cannot be checked now; try again (#4.7.0)')));
      },
    );
  }

  async #mailFrom(address: SMTPServerAddress, session: SMTPServerSession): Promise<Verdict | undefined> {
    const fault = canonize(address);
    if (fault !== undefined) return refused(`${fault} (#5.1.7)`);
    return this.#options.checkSender(address.address, known(session));
  }

  async #rcptTo(address: SMTPServerAddress, session: SMTPServerSession): Promise<Verdict | undefined> {
    const { place, domain, caller, limitOf } = this.#options;
    // RFC 5321 section 4.5.1: postmaster needs no domain.
    if (address.address.toLowerCase() === 'postmaster') address.address = `postmaster@${domain}`;
    const fault = canonize(address);
    if (fault !== undefined) return refused(`${fault} (#5.1.3)`);
    const routed = place.route(caller(known(session)).peer, senderOf(session), address.address);
    if (routed.verdict.letter !== 'K') return routed.verdict;
    const limit = limitOf(routed);
    return limit && announcedSize(session) > limit.bytesMax ? tooLarge(limit) : undefined;
  }

  #settle(verdict: Promise<Verdict | undefined>, done: Done): void {
    verdict.then(
      (refusal) => (refusal ? done(replyError(refusal)) : done()),
      (error: Error) => {
        this.#options.place.log.error('an address could not be checked', { error: error.message });
        done(replyError(deferred('the address cannot be checked now; try again (#4.3.0)')));
      },
    );
  }

  #data(stream: SMTPServerDataStream, session: SMTPServerSession, done: Done): void {
    const work = this.#take(stream, session).then(
      (verdict) => reply(verdict, done),
      (error: Error) => {
        if (!isGone(error))
          this.#options.place.log.error('a mail failed in a way that nobody foresaw', { error: String(error.stack) });
        reply(deferred('the mail was not taken; try again (#4.3.0)'), done);
      },
    );
    this.#inHand.add(work);
    work.finally(() => this.#inHand.delete(work));
  }

  async #take(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<Verdict> {
    const { peer, concurrency, mailBytesMax } = this.#options.caller(known(session));
    const giveBack = await this.#turns.take(peer.office ?? session.remoteAddress, concurrency);
    try {
      const mail = {
        peer,
        sender: senderOf(session),
        recipients: session.envelope.rcptTo.map(({ address }) => address),
        bytesMax: mailBytesMax,
        protocol: session.transmissionType,
        helo: String(session.hostNameAppearsAs),
        address: session.remoteAddress,
      };
      return await takeMail(this.#options, mail, stream);
    } finally {
      giveBack();
    }
  }

  /** Mails whose DATA is under way get their answer; who has not come so far is sent away, and comes back. */
  async #close(seconds: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const late = new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000).unref());
    await Promise.race([Promise.all(this.#inHand), late]);
    for (const connection of this.#server.connections)
      connection.send(421, `${this.#options.hostname} is being stopped; try again`);
    await closed;
  }
}

type AuthDone = (error: Error | null, answer?: { user: string }) => void;

const known = ({ remoteAddress, user }: SMTPServerSession): SmtpSession => ({ address: remoteAddress, user });

function reply(verdict: Verdict, done: Done): void {
  if (verdict.letter === 'K') done(null, verdictReply(verdict).text);
  else done(replyError(verdict));
}

function replyError(verdict: Verdict): Error {
  const { code, text } = verdictReply(verdict);
  return Object.assign(new Error(text), { responseCode: code });
}

/** The client has hung up in the middle of a mail. */
const isGone = (error: NodeJS.ErrnoException): boolean =>
  error.code === 'ECONNECTION' || error.code === 'ERR_STREAM_PREMATURE_CLOSE';

const senderOf = ({ envelope }: SMTPServerSession): string => (envelope.mailFrom ? envelope.mailFrom.address : '');

function announcedSize({ envelope }: SMTPServerSession): number {
  const args = envelope.mailFrom ? envelope.mailFrom.args : false;
  return args ? Number(args.SIZE ?? 0) : 0;
}

/** Gives the address the form in which the directory knows it; answers why it is none. */
function canonize(address: SMTPServerAddress): string | undefined {
  if (address.address === '') return undefined;
  const at = address.address.lastIndexOf('@');
  const domain = asciiDomain(address.address.slice(at + 1));
  if (at < 1 || domain === undefined) return 'not an address';
  // The library shows an internationalized domain in Unicode, whatever came.
  address.address = `${address.address.slice(0, at)}@${domain}`;
  return addressFault(address.address);
}
