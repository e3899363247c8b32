/**
 * Where mail for a recipient goes out: to the smarthost, or to the mail hosts of its domain. Holds how many sessions
 * there are at once, in all and for each destination, and which destinations let us wait in vain a moment ago.
 */
import { splitAddress } from '../shared/core/address.ts';
import { asciiDomain, smtpPath } from '../shared/core/smtp-path.ts';
import { deferred, refused, type Verdict } from '../shared/core/verdict.ts';
import type { Body } from '../shared/io/body.ts';
import { DialError } from '../shared/io/dial.ts';
import { Turns } from '../shared/io/turns.ts';
import { IdleSessions } from './idle-sessions.ts';
import type { Leaving } from './leaving.ts';
import { mailHosts } from './mx.ts';
import type { Smarthost } from './smarthost.ts';
import { type BodyForm, needsUtf8 } from './smtp-exact.ts';
import { type Extensions, NoSession, SmtpOut, type Target } from './smtp-out.ts';

/** One mail for recipients of one destination. */
export interface Transaction {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly body: Body;
  readonly form: BodyForm;
  /** Connects even where connecting was in vain a moment ago. */
  readonly insist: boolean;
}

export interface Outcome {
  /** One per recipient. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** The server may have taken the mail although its answer was lost: the next try may double it. */
  readonly inDoubt: boolean;
}

export interface DestinationsOptions {
  readonly hostname: string;
  readonly smarthost: Smarthost | undefined;
  /** host or host:port by domain, or `.suffix` for all below it; before the smarthost and the MX. */
  readonly routes: Readonly<Record<string, string>>;
  /** Port of MX hosts. */
  readonly port: number;
  /** Sessions at once. */
  readonly concurrency: number;
  /** What each mail gets on its way out. */
  readonly leaving: Leaving;
}

/** One slow domain leaves room for others. */
const SHARE_OF_ONE_DOMAIN = 4;
/** A destination that let us wait this long in vain is left alone for a while, or every mail for it would wait. */
const SLOW_MS = 5_000;
const LEFT_ALONE_MS = 120_000;
/** Every server takes this many recipients at once (RFC 5321 section 4.5.3.1.8). */
const RECIPIENTS_MAX = 100;

export class Destinations {
  readonly #options: DestinationsOptions;
  readonly #turns: Turns;
  readonly #stop = new AbortController();
  readonly #inUse = new Set<SmtpOut>();
  readonly #idle: IdleSessions;
  readonly #leftAlone = new Map<string, { readonly until: number; readonly verdict: Verdict }>();

  constructor(options: DestinationsOptions) {
    this.#options = options;
    this.#turns = new Turns({ totalMax: options.concurrency });
    this.#idle = new IdleSessions(options.concurrency);
  }

  /** Recipients by destination, each group small enough for one transaction. */
  group(
    recipients: readonly string[],
  ): readonly { readonly destination: string; readonly recipients: readonly string[] }[] {
    const groups = Map.groupBy(recipients, (recipient) => this.#nameOf(recipient));
    return [...groups].flatMap(([destination, all]) =>
      Array.from({ length: Math.ceil(all.length / RECIPIENTS_MAX) }, (_, part) => ({
        destination,
        recipients: all.slice(part * RECIPIENTS_MAX, (part + 1) * RECIPIENTS_MAX),
      })),
    );
  }

  #nameOf(recipient: string): string {
    const domain = splitAddress(recipient).domain;
    const name = (asciiDomain(domain) ?? domain).toLowerCase();
    const { smarthost } = this.#options;
    return smarthost && this.#routeOf(name) === undefined ? smarthost.host : name;
  }

  /** The domain itself, then `.parent`, longest first. */
  #routeOf(domain: string): string | undefined {
    const { routes } = this.#options;
    for (let name = domain; name !== ''; name = name.slice(name.indexOf('.', 1))) {
      if (Object.hasOwn(routes, name)) return routes[name];
      if (name.indexOf('.', 1) < 0) return undefined;
    }
    return undefined;
  }

  /** One transaction, when its turn has come. */
  async send(destination: string, transaction: Transaction): Promise<Outcome> {
    const { concurrency, smarthost } = this.#options;
    const share = smarthost ? concurrency : Math.max(1, Math.floor(concurrency / SHARE_OF_ONE_DOMAIN));
    const giveBack = await this.#turns.take(destination, share);
    try {
      return await this.#connectAndSend(destination, await this.#options.leaving(transaction));
    } finally {
      giveBack();
    }
  }

  /** Ends the sessions that nobody uses. */
  rest(): void {
    this.#idle.closeAll();
  }

  /** Cuts off those that are in use or being set up; from now on there are no new ones. */
  abort(): void {
    this.#stop.abort();
    for (const session of this.#inUse) session.abort();
  }

  async #connectAndSend(destination: string, transaction: Transaction): Promise<Outcome> {
    const vain = this.#leftAlone.get(destination);
    if (vain && vain.until > Date.now() && !transaction.insist) return forAll(transaction, vain.verdict);
    this.#leftAlone.delete(destination);
    const kept = this.#idle.take(destination);
    const outcome = kept && (await this.#use(kept, destination, transaction));
    // A kept session that its server has ended meanwhile says nothing of the mail.
    if (outcome && (outcome.inDoubt || !kept.brokeOff)) return outcome;
    const started = Date.now();
    const session = await this.#session(destination);
    if (session instanceof SmtpOut) return this.#use(session, destination, transaction);
    if (session.letter === 'Z' && Date.now() - started > SLOW_MS) this.#leaveAlone(destination, session);
    return forAll(transaction, session);
  }

  async #use(session: SmtpOut, destination: string, transaction: Transaction): Promise<Outcome> {
    this.#inUse.add(session);
    try {
      return await sendOver(session, transaction);
    } finally {
      this.#inUse.delete(session);
      this.#idle.giveBack(destination, session);
    }
  }

  #leaveAlone(destination: string, verdict: Verdict): void {
    const now = Date.now();
    for (const [name, { until }] of this.#leftAlone) if (until <= now) this.#leftAlone.delete(name);
    this.#leftAlone.set(destination, { until: now + LEFT_ALONE_MS, verdict });
  }

  /** With the first host that wants to talk to us; a verdict when there is none. */
  async #session(destination: string): Promise<SmtpOut | Verdict> {
    const targets = await this.#targets(destination);
    if ('letter' in targets) return targets;
    const reasons: string[] = [];
    for (const target of targets) {
      if (this.#stop.signal.aborted) return deferred('the hub is being stopped (#4.3.2)');
      try {
        return await SmtpOut.open(target, { hostname: this.#options.hostname, signal: this.#stop.signal });
      } catch (error) {
        if (!(error instanceof DialError || error instanceof NoSession)) throw error;
        reasons.push(error.message);
      }
    }
    return deferred(`${reasons.join('; ')} (#4.4.1)`);
  }

  async #targets(destination: string): Promise<readonly Target[] | Verdict> {
    const { smarthost, hostname, port } = this.#options;
    const route = this.#routeOf(destination);
    if (route !== undefined) {
      const [host = '', own] = route.split(':');
      return [{ name: host, address: host, port: Number(own ?? port), tls: 'opportunistic' }];
    }
    if (smarthost) return [{ ...smarthost, name: smarthost.host, address: smarthost.host }];
    const answer = await mailHosts(destination, hostname);
    if ('verdict' in answer) return answer.verdict;
    return answer.hosts.map(({ name, address }) => ({ name, address, port, tls: 'opportunistic' as const }));
  }
}

const forAll = ({ recipients }: Transaction, verdict: Verdict): Outcome => ({
  verdicts: new Map(recipients.map((recipient) => [recipient, verdict])),
  inDoubt: false,
});

/** Sends to those recipients for whom this server can carry the mail unchanged. */
async function sendOver(session: SmtpOut, transaction: Transaction): Promise<Outcome> {
  const { sender, recipients, body, form } = transaction;
  const from = smtpPath(sender);
  const fault = from === undefined ? 'its sender cannot be written in SMTP (#5.1.7)' : mailFault(session, sender, form);
  if (fault !== undefined) return forAll(transaction, refused(fault));
  const verdicts = new Map<string, Verdict>();
  const paths = new Map<string, string>();
  for (const recipient of recipients) {
    const path = recipientPath(session, recipient);
    if (typeof path === 'string') paths.set(recipient, path);
    else verdicts.set(recipient, path);
  }
  if (paths.size === 0) return { verdicts, inDoubt: false };
  const envelope = {
    from: from ?? '',
    to: [...new Set(paths.values())],
    wireBytes: form.wireBytes,
    eightBit: form.eightBit,
  };
  const sent = await session.send(envelope, body);
  for (const [recipient, path] of paths)
    verdicts.set(recipient, sent.verdicts.get(path) ?? deferred('no answer (#4.4.2)'));
  return { verdicts, inDoubt: sent.inDoubt };
}

function mailFault({ name, extensions }: SmtpOut, sender: string, form: BodyForm): string | undefined {
  const { eightBitMime, utf8, sizeMax } = extensions;
  if (sizeMax > 0 && form.wireBytes > sizeMax)
    return `${name} takes mails of up to ${sizeMax} bytes; this one has ${form.wireBytes} (#5.3.4)`;
  if (form.eightBit && !eightBitMime)
    return `${name} takes no bytes beyond ASCII (8BITMIME), and this mail holds some (#5.6.3)`;
  if (needsUtf8(smtpPath(sender) ?? '') && !utf8)
    return `${name} takes no addresses beyond ASCII (SMTPUTF8), and the sender's is one (#5.6.7)`;
  return undefined;
}

function recipientPath(
  { name, extensions }: { readonly name: string; readonly extensions: Extensions },
  recipient: string,
): string | Verdict {
  const path = smtpPath(recipient);
  if (!path) return refused('this address cannot be written in SMTP (#5.1.3)');
  if (needsUtf8(path) && !extensions.utf8)
    return refused(`${name} takes no addresses beyond ASCII (SMTPUTF8) (#5.6.7)`);
  return path;
}
