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
import type { Peer } from '../shared/core/delivery.ts';
import type { Failure } from '../shared/core/dsn.ts';
import { CrlfToLf } from '../shared/core/line-ends.ts';
import { accepted, deferred, refused, type Verdict } from '../shared/core/verdict.ts';
import { accept } from '../shared/io/accept.ts';
import { bounceMail } from '../shared/io/bounce.ts';
import { Intake } from '../shared/io/intake.ts';
import type { Arrival } from '../shared/io/mail.ts';
import { SpoolFull } from '../shared/io/spool.ts';
import { StoreError } from '../shared/io/store.ts';
import type { Hub } from './hub.ts';
import { officeLimit } from './office-limit.ts';

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
export async function takeMail(hub: Hub, mail: SmtpMail, data: AsyncIterable<Uint8Array>): Promise<Verdict> {
  const { protocol, helo, address, bytesMax } = mail;
  const trace = { protocol, helo, address, hostname: hub.config.hostname, now: hub.now() };
  const intake = new Intake({ spool: hub.spool, bytesMax, trace });
  try {
    const fault = await receive(intake, data, bytesMax);
    return fault ?? (await acceptMail(hub, mail, await intake.finish(mail)));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return noStore(hub, error);
  } finally {
    await intake.discard();
  }
}

function noStore({ log }: Hub, error: StoreError): Verdict {
  log.warn('a mail could not be stored', { error: error.message });
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

async function acceptMail(hub: Hub, { peer }: SmtpMail, arrival: Arrival): Promise<Verdict> {
  const { sender, recipients, body } = arrival.mail;
  const verdicts = new Map<string, Verdict>();
  for (const recipient of recipients) {
    const limit = officeLimit(hub, hub.place.route(peer, sender, recipient));
    if (limit && body.size > limit.bytesMax) verdicts.set(recipient, tooLarge(limit));
  }
  const fitting = recipients.filter((recipient) => !verdicts.has(recipient));
  const answers = await accept(hub.place, { ...arrival, mail: { ...arrival.mail, recipients: fitting } }, hub.now());
  fitting.forEach((recipient, index) => {
    const answer = answers[index];
    if (answer) verdicts.set(recipient, answer);
  });
  return oneReply(hub, arrival, verdicts);
}

/** An office's limit on the size of a mail, in words. */
export const tooLarge = ({ office, bytesMax }: { readonly office: string; readonly bytesMax: number }): Verdict =>
  refused(`office ${office} takes mails of up to ${bytesMax} bytes (#5.3.4)`);

async function oneReply(hub: Hub, { id, mail }: Arrival, verdicts: ReadonlyMap<string, Verdict>): Promise<Verdict> {
  const all = [...verdicts.values()];
  const later = all.find(({ letter }) => letter === 'Z');
  if (later) return later;
  const taken = all.find(({ letter }) => letter === 'K');
  if (!taken) return all[0] ?? refused('no recipients (#5.5.1)');
  const failures: Failure[] = [...verdicts]
    .filter(([, { letter }]) => letter === 'D')
    .map(([recipient, { text }]) => ({ recipient, text }));
  const now = hub.now();
  const reported = { id, head: { sender: mail.sender, accepted: now }, body: mail.body };
  const told = await bounceMail(hub.place, reported, failures, { kind: 'failed', now });
  return told.letter === 'Z' ? told : accepted(taken.text);
}
