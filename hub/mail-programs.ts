/**
 * The doors for mail programs of headquarters: submission, and POP3 for the mailboxes that the hub keeps. Both in TLS only, and with
 * a password; who has logged in sends as himself. An office without an agent comes by the same doors, with its domain as its name.
 */
import { foldAddress, splitAddress } from '../shared/core/address.ts';
import type { Peer } from '../shared/core/delivery.ts';
import { ownDomain } from '../shared/core/tables.ts';
import { refused, type Verdict } from '../shared/core/verdict.ts';
import { ConfigError } from '../shared/io/config.ts';
import { Mailboxes } from '../shared/io/mailbox.ts';
import { startPop3Door } from '../shared/io/pop3-door.ts';
import { type SmtpSession, startSmtpDoor } from '../shared/io/smtp-door.ts';
import { type Certificate, readCertificate, renewed } from './certificate.ts';
import type { Hub, Service } from './hub.ts';
import { hubTables } from './hub-tables.ts';
import { officeMailbox } from './office-mailbox.ts';
import { accountOf, logIn, mailboxOf, OFFICES, ownerOf } from './people.ts';
import { smtpBasics } from './smtp-basics.ts';

type Door = 'submission' | 'submissions' | 'pop3s';

/** Starts those that the configuration names. Throws ConfigError when there is no certificate. */
export async function startMailPrograms(hub: Hub): Promise<Service[]> {
  const services: Service[] = [];
  for (const name of ['submission', 'submissions', 'pop3s'] as const) {
    const address = hub.config.listen[name];
    if (address !== undefined) services.push(await start(hub, name, address));
  }
  return services;
}

async function start(hub: Hub, name: Door, address: string): Promise<Service> {
  const tls = await readCertificate(hub.config);
  if (!tls) throw new ConfigError(`listen.${name}: passwords travel in TLS only: name a certificate in [tls]`);
  const door = await (name === 'pop3s' ? pop3(hub, address, tls) : submission(hub, { name, address, tls }));
  return renewed(hub, name, door);
}

function pop3(hub: Hub, address: string, tls: Certificate) {
  const mailboxes = new Mailboxes(hub.store);
  return startPop3Door({
    field: 'listen.pop3s',
    address,
    tls: { ...tls },
    hostname: hub.config.hostname,
    log: hub.log,
    connectionsMax: hub.config.limits.connections,
    perAddressMax: hub.config.limits.per_address,
    idleSeconds: hub.config.limits.idle,
    logIn: async (login, password) => {
      const user = await logIn(hub, { login, password, door: 'pop3s' });
      if (user === undefined) return undefined;
      return user.startsWith(OFFICES) ? officeMailbox(hub, user.slice(OFFICES.length)) : mailboxes.at(mailboxOf(user));
    },
  });
}

interface Submission {
  readonly name: 'submission' | 'submissions';
  readonly address: string;
  readonly tls: Certificate;
}

function submission(hub: Hub, { name, address, tls }: Submission) {
  const { limits } = hub.config;
  return startSmtpDoor({
    field: `listen.${name}`,
    address,
    ...smtpBasics(hub),
    tls,
    implicitTls: name === 'submissions',
    passwordsNeedTls: true,
    authenticate: async (login, password) => (await logIn(hub, { login, password, door: name })) !== undefined,
    caller: ({ user }) => ({
      peer: peerOf(hub, user),
      concurrency: limits.connections,
      mailBytesMax: limits.mail,
    }),
    checkSender: async (sender, session) => senderFault(hub, sender, session),
  });
}

/** What an office hands in is never routed back to it. */
function peerOf(hub: Hub, user: string | undefined): Peer {
  const account = user === undefined ? undefined : accountOf(hub, user);
  const office = account?.startsWith(OFFICES) ? { office: account.slice(OFFICES.length) } : {};
  return { name: 'submission', relays: user !== undefined, ...office };
}

/** Whether an address is of an office: in one of its domains, or of somebody who is posted there. */
function isOf({ config, directory }: Hub, office: string, address: string): boolean {
  const post = ownDomain(hubTables(directory.current, config), splitAddress(address).domain)?.post;
  return post === office || directory.current.users.get(foldAddress(address)) === office;
}

function senderFault(hub: Hub, sender: string, { user }: SmtpSession): Verdict | undefined {
  if (user === undefined)
    return refused('log in with name and password: this port is for the people of this organisation (#5.7.0)');
  // A mail program's note that a mail has been read comes from nobody, so that no answer to it can loop (RFC 8098).
  const account = accountOf(hub, user);
  if (sender === '' || ownerOf(hub, sender) === account) return undefined;
  // A plain office hands in what its own server has taken from its people.
  if (account?.startsWith(OFFICES) && isOf(hub, account.slice(OFFICES.length), sender)) return undefined;
  return refused(`${sender.slice(0, 200)} is not an address of ${user.slice(0, 64)} (#5.7.1)`);
}
