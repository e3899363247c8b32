/**
 * DATA at the SMTP door: bytes into an intake, then `accept`, then one reply for all recipients, for SMTP has only one:
 *
 *   any Z     451: the client sends all of it again, and those who were accepted are known again by the mail's id
 *   any K     250, and who was refused after RCPT (a directory that changed meanwhile, an office's limit) is reported
 *             to the sender, before the reply
 *   else      the refusal
 *
 * A mail without a Message-ID is not known again (DESIGN: the windows that remain), so its Z may double it for others.
 */
import { createHash } from 'node:crypto';
import type { Peer, Routed } from '../core/delivery.ts';
import type { Failure } from '../core/dsn.ts';
import { CrlfToLf } from '../core/line-ends.ts';
import { accepted, deferred, refused, type Verdict } from '../core/verdict.ts';
import { accept } from './accept.ts';
import { type Body, joinBodies, textBody } from './body.ts';
import { bounceMail } from './bounce.ts';
import { Intake } from './intake.ts';
import type { Arrival, Place } from './mail.ts';
import { SpoolFull } from './spool.ts';
import { StoreError } from './store.ts';

/** What the machine gives its SMTP door. */
export interface SmtpPlace {
  readonly place: Place;
  /** Folder for bodies on their way in. */
  readonly spool: string;
  /** Unix seconds. */
  now(): number;
  /** The limit of an office that the mail would wait for, if it has set one. */
  limitOf(routed: Routed): SizeLimit | undefined;
  /** Looks at a mail before it is accepted: a verdict refuses it, a mark changes its place in the queue. */
  screen?(mail: SmtpMail, body: Body): Promise<Verdict | Mark | undefined>;
}

/** What a mail gets that was taken for spam. */
export interface Mark {
  /** Put before its header, with its line end. */
  readonly line: string;
  readonly urgency: number;
}

export interface SizeLimit {
  readonly office: string;
  readonly bytesMax: number;
}

export interface SmtpMail {
  readonly peer: Peer;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly bytesMax: number;
  readonly protocol: string;
  readonly helo: string;
  readonly address: string;
}

/** Takes a mail; throws when the client goes away in the middle of it, and then nothing is kept. */
export async function takeMail(door: SmtpPlace, mail: SmtpMail, data: AsyncIterable<Uint8Array>): Promise<Verdict> {
  const { protocol, helo, address, bytesMax } = mail;
  const trace = { protocol, helo, address, hostname: door.place.hostname, now: door.now() };
  const intake = new Intake({ spool: door.spool, bytesMax, trace });
  try {
    const fault = await receive(intake, data, bytesMax);
    if (fault) return fault;
    const arrival = await intake.finish(mail);
    const screened = await door.screen?.(mail, arrival.mail.body);
    if (screened && 'letter' in screened) return screened;
    return await acceptMail(door, mail, screened ? await marked(arrival, screened) : arrival);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return noStore(door, error);
  } finally {
    await intake.discard();
  }
}

/** The id stays: it is that of the mail as it came, whatever is thought of it the next time. */
async function marked(arrival: Arrival, { line, urgency }: Mark): Promise<Arrival> {
  const body = joinBodies(textBody(line), arrival.mail.body);
  const hash = createHash('sha256');
  for await (const chunk of body.read()) hash.update(chunk);
  return { ...arrival, mail: { ...arrival.mail, body, bodyHash: hash.digest('hex'), urgency } };
}

function noStore({ place }: SmtpPlace, error: StoreError): Verdict {
  place.log.warn('a mail could not be stored', { error: error.message });
  return deferred('the mail cannot be stored now; try again (#4.3.0)');
}

/** Reads to the end whatever happens, for only there can the client be answered. */
async function receive(
  intake: Intake,
  data: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<Verdict | undefined> {
  const lines = new CrlfToLf();
  let failure: Error | undefined;
  const keep = async (bytes: Uint8Array): Promise<void> => {
    if (failure !== undefined || lines.fault !== undefined) return;
    failure = await intake.write(bytes).then(
      () => undefined,
      (error: Error) => error,
    );
  };
  for await (const chunk of data) await keep(lines.write(chunk));
  await keep(lines.end());
  if (lines.fault) return refused(`the mail holds ${lines.fault}, which has no place in SMTP (#5.6.0)`);
  if (failure instanceof SpoolFull)
    return refused(`the mail is larger than ${bytesMax} bytes, the limit here (#5.3.4)`);
  if (failure) throw failure;
  return undefined;
}

async function acceptMail(door: SmtpPlace, { peer }: SmtpMail, arrival: Arrival): Promise<Verdict> {
  const { sender, recipients, body } = arrival.mail;
  const verdicts = new Map<string, Verdict>();
  for (const recipient of recipients) {
    const limit = door.limitOf(door.place.route(peer, sender, recipient));
    if (limit && body.size > limit.bytesMax) verdicts.set(recipient, tooLarge(limit));
  }
  const fitting = recipients.filter((recipient) => !verdicts.has(recipient));
  const answers = await accept(door.place, { ...arrival, mail: { ...arrival.mail, recipients: fitting } }, door.now());
  fitting.forEach((recipient, index) => {
    const answer = answers[index];
    if (answer) verdicts.set(recipient, answer);
  });
  return oneReply(door, arrival, verdicts);
}

/** An office's limit on the size of a mail, in words. */
export const tooLarge = ({ office, bytesMax }: SizeLimit): Verdict =>
  refused(`office ${office} takes mails of up to ${bytesMax} bytes (#5.3.4)`);

async function oneReply(
  door: SmtpPlace,
  { id, mail }: Arrival,
  verdicts: ReadonlyMap<string, Verdict>,
): Promise<Verdict> {
  const all = [...verdicts.values()];
  const later = all.find(({ letter }) => letter === 'Z');
  if (later) return later;
  const taken = all.find(({ letter }) => letter === 'K');
  if (!taken) return all[0] ?? refused('no recipients (#5.5.1)');
  const failures: Failure[] = [...verdicts]
    .filter(([, { letter }]) => letter === 'D')
    .map(([recipient, { text }]) => ({ recipient, text }));
  const now = door.now();
  const reported = { id, head: { sender: mail.sender, accepted: now }, body: mail.body };
  const told = await bounceMail(door.place, reported, failures, { kind: 'failed', now });
  return told.letter === 'Z' ? told : accepted(taken.text);
}
