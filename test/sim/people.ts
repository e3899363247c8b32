/** People who write and read: mail programs at an office's door or the Internet's servers at the hub's, and mailboxes that are emptied. */
import type { Agent } from '../../agent/agent.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Peer } from '../../shared/core/delivery.ts';
import { readBody } from '../../shared/io/body.ts';
import { Mailboxes, type OpenMailbox } from '../../shared/io/mailbox.ts';
import { type SmtpPlace, takeMail } from '../../shared/io/smtp-data.ts';
import type { Account, Mail } from './account.ts';
import { around } from './around.ts';
import type { HubSite } from './hub-site.ts';
import type { OfficeSite } from './office-site.ts';

interface Reply {
  /** Refused before any byte of the mail. */
  readonly refused: readonly string[];
  readonly later: readonly string[];
  /** Those whom the reply to the mail is for. */
  readonly taken: readonly string[];
  readonly letter: 'K' | 'Z' | 'D';
}

const BYTES_MAX = 10_000_000;

/** A client's talk with a door: recipients, then the mail. */
async function dialog(door: SmtpPlace, peer: Peer, mail: Mail, recipients: readonly string[]): Promise<Reply> {
  const { place } = door;
  const refused: string[] = [];
  const later: string[] = [];
  const taken: string[] = [];
  for (const recipient of recipients) {
    const { letter } = place.route(peer, mail.from, recipient).verdict;
    (letter === 'K' ? taken : letter === 'D' ? refused : later).push(recipient);
  }
  if (taken.length === 0) return { refused, later, taken, letter: 'Z' };
  const wire = Buffer.from(mail.bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
  const data = (async function* () {
    yield wire;
  })();
  const about = { bytesMax: BYTES_MAX, protocol: 'ESMTP', helo: 'client', address: '192.0.2.1' };
  const { letter } = await takeMail(door, { ...about, peer, sender: mail.from, recipients: taken }, data);
  return { refused, later, taken, letter };
}

const doorOf = ({ place, spool, now }: Hub | Agent): SmtpPlace => ({
  place,
  spool,
  now: () => now(),
  limitOf: () => undefined,
});

const STRANGER: Peer = { name: 'smtp', relays: false };

/** Tries until every recipient has an answer for good. */
export async function send(mail: Mail, door: () => HubSite | OfficeSite): Promise<void> {
  const { simulation, faults } = around();
  let left: readonly string[] = [...mail.recipients.keys()];
  for (let pause = 60_000; left.length > 0; pause = Math.min(pause * 2, 3_600_000)) {
    const recipients = left;
    const site = door();
    const isUp = site.running !== undefined;
    if (isUp) mail.attempts += 1;
    const reply = await (site as { ask: OfficeSite['ask'] }).ask((program) => {
      const peer = mail.door === 'internet' ? STRANGER : { name: 'smtp', relays: true, office: mail.door };
      return dialog(doorOf(program), peer, mail, recipients);
    });
    if (reply && !faults.strikes('answerLost')) left = settle(mail, reply);
    else if (isUp) mail.answersLost += 1;
    if (left.length > 0) await simulation.wait(pause * simulation.delays.between(0.5, 1.5));
  }
}

/** Notes what the client has heard; answers who is to be tried again. */
function settle(mail: Mail, { refused, later, taken, letter }: Reply): readonly string[] {
  for (const recipient of refused) mail.refused.add(recipient);
  if (letter === 'Z') return [...later, ...taken];
  for (const recipient of taken)
    if (letter === 'K') mail.accepted.set(recipient, around().simulation.now);
    else mail.refused.add(recipient);
  return later;
}

/** Mail that was taken away for good comes under a new name if it comes again. */
export class Readers {
  readonly #account: Account;
  readonly #removed = new Map<string, number>();

  constructor(account: Account) {
    this.#account = account;
  }

  /** Somebody empties their mailbox, or some of it, by POP3. */
  async read(site: OfficeSite, user: string, share = 1): Promise<void> {
    await site.ask(({ store }) =>
      this.#empty(new Mailboxes(store).at(`users/${user}`), { user, place: site.name, share }),
    );
  }

  /** The same for a mailbox that is kept at the hub. */
  async readAtHub(site: HubSite, user: string, share = 1): Promise<void> {
    await site.ask(({ store }) =>
      this.#empty(new Mailboxes(store).at(`mailbox/${user}`), { user, place: 'hub', share }),
    );
  }

  async #empty(
    mailbox: OpenMailbox,
    { user, place, share }: { readonly user: string; readonly place: string; readonly share: number },
  ): Promise<void> {
    for (const { key, uid } of await mailbox.list()) {
      if (!around().simulation.delays.one(share)) continue;
      const body = await mailbox.open(key);
      if (!body) continue;
      this.#came(user, await readBody(body, BYTES_MAX), place, uid);
      await mailbox.remove(key);
      this.#gone(place, uid);
    }
  }

  #came(user: string, bytes: Buffer, place: string, file: string): void {
    const times = this.#removed.get(`${place} ${file}`) ?? 0;
    this.#account.came(user, bytes, { place, name: `${file}#${times}` });
  }

  #gone(place: string, file: string): void {
    const name = `${place} ${file}`;
    this.#removed.set(name, (this.#removed.get(name) ?? 0) + 1);
  }
}
