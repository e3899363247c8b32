/**
 * The hub's SMTP door, where the Internet brings its mail. Strangers reach our own recipients, hosts of `[[allow]]`
 * relay for their office; nobody logs in here. Unknown recipients and foreign domains are refused at RCPT.
 */
import { readFile } from 'node:fs/promises';
import { SMTPServer, type SMTPServerAddress, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { addressFault } from '../shared/core/address.ts';
import { type AllowRule, allowRuleFor } from '../shared/core/allow.ts';
import type { Peer } from '../shared/core/delivery.ts';
import { DEFAULT_LIMITS } from '../shared/core/directory.ts';
import { deferred, refused, type Verdict } from '../shared/core/verdict.ts';
import { ConfigError } from '../shared/io/config.ts';
import { bind } from '../shared/io/listen.ts';
import { Turns } from '../shared/io/turns.ts';
import { allowRules } from './allow-rules.ts';
import type { Hub, Service } from './hub.ts';
import { officeLimit } from './office-limit.ts';
import { takeMail, tooLarge } from './smtp-data.ts';
import { asciiDomain } from './smtp-path.ts';
import { verdictReply } from './smtp-reply.ts';

/** A command holds an address of up to 999 bytes and a few parameters. */
const COMMAND_BYTES_MAX = 4_096;

/** Starts it when the configuration names it. */
export async function startSmtp(hub: Hub): Promise<Service[]> {
  const { smtp } = hub.config.listen;
  if (smtp === undefined) return [];
  const door = new SmtpDoor(hub, await certificate(hub));
  return [await door.open(smtp)];
}

interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

async function certificate({ config: { tls } }: Hub): Promise<Certificate | undefined> {
  if (!tls) return undefined;
  return { cert: await readNamed('tls.cert', tls.cert), key: await readNamed('tls.key', tls.key) };
}

async function readNamed(field: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ConfigError(`${field} = "${path}" cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

type Done = (error?: Error | null, text?: string) => void;

class SmtpDoor {
  readonly #hub: Hub;
  readonly #rules: readonly AllowRule[];
  readonly #turns: Turns;
  readonly #server: SMTPServer;
  /** Mails between DATA and their answer. */
  readonly #inHand = new Set<Promise<void>>();

  constructor(hub: Hub, tls: Certificate | undefined) {
    const { hostname, limits } = hub.config;
    this.#hub = hub;
    this.#rules = allowRules(hub.config, hub.directory);
    this.#turns = new Turns({ totalMax: limits.connections });
    this.#server = new SMTPServer({
      ...(tls ?? { hideSTARTTLS: true }),
      name: hostname,
      banner: 'Fieldpost',
      heloResponse: '%s',
      size: limits.mail,
      maxClients: limits.connections,
      maxRecipients: limits.recipients,
      maxCommandLength: COMMAND_BYTES_MAX,
      socketTimeout: limits.idle * 1000,
      disabledCommands: ['AUTH', 'WIZ', 'SHELL', 'KILL', ...(tls ? [] : ['STARTTLS'])],
      // Real senders have addresses that RFC 5321 would not allow; what could do harm is refused all the same.
      lenientAddressParsing: true,
      disableReverseLookup: true,
      logger: false,
      onMailFrom: (address, session, done) => this.#settle(this.#mailFrom(address, session), done),
      onRcptTo: (address, session, done) => this.#settle(this.#rcptTo(address, session), done),
      onData: (stream, session, done) => this.#data(stream, session, done),
    });
    // A client's broken connection or handshake: it comes back, and there is nothing to do here.
    this.#server.on('error', (error) => hub.log.info('an SMTP connection broke off', { reason: error.message }));
  }

  async open(address: string): Promise<Service> {
    const bound = await bind(this.#server.server, { field: 'listen.smtp', address });
    return { name: 'smtp', address: bound, close: (seconds) => this.#close(seconds) };
  }

  async #mailFrom(address: SMTPServerAddress, { remoteAddress }: SMTPServerSession): Promise<Verdict | undefined> {
    const fault = canonize(address);
    if (fault !== undefined) return refused(`${fault} (#5.1.7)`);
    const office = this.#peer(remoteAddress).office;
    if (office === undefined) return undefined;
    await this.#hub.directory.refresh();
    if (this.#hub.directory.office(office)?.revoked === false) return undefined;
    return refused(`office ${office} has been shut out of this hub; ask its operator (#5.7.1)`);
  }

  async #rcptTo(address: SMTPServerAddress, session: SMTPServerSession): Promise<Verdict | undefined> {
    // RFC 5321 section 4.5.1: postmaster needs no domain.
    if (address.address.toLowerCase() === 'postmaster') address.address = `postmaster@${this.#hub.config.domain}`;
    const fault = canonize(address);
    if (fault !== undefined) return refused(`${fault} (#5.1.3)`);
    const routed = this.#hub.place.route(this.#peer(session.remoteAddress), senderOf(session), address.address);
    if (routed.verdict.letter !== 'K') return routed.verdict;
    const limit = officeLimit(this.#hub, routed);
    return limit && announcedSize(session) > limit.bytesMax ? tooLarge(limit) : undefined;
  }

  #settle(verdict: Promise<Verdict | undefined>, done: Done): void {
    verdict.then(
      (refusal) => (refusal ? done(replyError(refusal)) : done()),
      (error: Error) => {
        this.#hub.log.error('an address could not be checked', { error: error.message });
        done(replyError(deferred('the address cannot be checked now; try again (#4.3.0)')));
      },
    );
  }

  #data(stream: SMTPServerDataStream, session: SMTPServerSession, done: Done): void {
    const work = this.#take(stream, session).then(
      (verdict) => reply(verdict, done),
      (error: Error) => {
        if (!isGone(error))
          this.#hub.log.error('a mail failed in a way that nobody foresaw', { error: String(error.stack) });
        reply(deferred('the mail was not taken; try again (#4.3.0)'), done);
      },
    );
    this.#inHand.add(work);
    work.finally(() => this.#inHand.delete(work));
  }

  async #take(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<Verdict> {
    const peer = this.#peer(session.remoteAddress);
    const limits = peer.office === undefined ? undefined : this.#hub.directory.office(peer.office)?.limits;
    const giveBack = await this.#turns.take(
      peer.office ?? session.remoteAddress,
      (limits ?? DEFAULT_LIMITS).concurrency,
    );
    try {
      const mail = {
        peer,
        sender: senderOf(session),
        recipients: session.envelope.rcptTo.map(({ address }) => address),
        bytesMax: Math.min(this.#hub.config.limits.mail, limits?.mailBytesMax || Number.POSITIVE_INFINITY),
        protocol: session.transmissionType,
        helo: String(session.hostNameAppearsAs),
        address: session.remoteAddress,
      };
      return await takeMail(this.#hub, mail, stream);
    } finally {
      giveBack();
    }
  }

  #peer(address: string): Peer {
    const rule = allowRuleFor(this.#rules, address);
    return rule?.relay
      ? { name: `smtp/${rule.office}`, relays: true, office: rule.office }
      : { name: 'smtp', relays: false };
  }

  /** Mails whose DATA is under way get their answer; who has not come so far is sent away, and comes back. */
  async #close(seconds: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const late = new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000).unref());
    await Promise.race([Promise.all(this.#inHand), late]);
    for (const connection of this.#server.connections)
      connection.send(421, `${this.#hub.config.hostname} is being stopped; try again`);
    await closed;
  }
}

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
