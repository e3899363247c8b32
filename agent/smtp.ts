/**
 * Where the mail programs of the office hand in mail. Who has logged in sends as himself only; a trusted host needs no
 * login and sends as anybody of this office; nobody else is served. An office takes no mail from the Internet: that is the hub's.
 */
import { refused, type Verdict } from '../shared/core/verdict.ts';
import { type SmtpCaller, type SmtpSession, startSmtpDoor } from '../shared/io/smtp-door.ts';
import type { Agent, AgentService } from './agent.ts';
import { checkReach, type Trusts, trustedHosts } from './lan.ts';
import { accountOf, logIn, ownerOf } from './people.ts';

/** Starts it when the configuration names it. */
export async function startSmtp(agent: Agent): Promise<AgentService[]> {
  const { config, place, spool, now } = agent;
  const { listen, limits } = config;
  if (listen.smtp === undefined) return [];
  checkReach(agent, 'smtp');
  const trusts = trustedHosts(config);
  const door = await startSmtpDoor({
    field: 'listen.smtp',
    address: listen.smtp,
    hostname: place.hostname,
    domain: agent.directory().domain,
    place,
    spool,
    now,
    mailBytesMax: limits.mail,
    connectionsMax: limits.connections,
    perAddressMax: limits.per_address,
    recipientsMax: limits.recipients,
    idleSeconds: limits.idle,
    // What the hub allows this office is told by the hub, when the mail is offered to it.
    limitOf: () => undefined,
    authenticate: async (login, password) => (await logIn(agent, { login, password, door: 'smtp' })) !== undefined,
    caller: (session) => callerOf(agent, trusts, session),
    checkSender: (sender, session) => senderFault(agent, { sender, session, trusts }),
  });
  return [{ name: 'smtp', ...door }];
}

const isOurs = (trusts: Trusts, { user, address }: SmtpSession): boolean => user !== undefined || trusts(address);

function callerOf({ config }: Agent, trusts: Trusts, session: SmtpSession): SmtpCaller {
  return {
    peer: { name: 'smtp', relays: isOurs(trusts, session), office: config.office },
    concurrency: config.limits.connections,
    mailBytesMax: config.limits.mail,
  };
}

interface Asked {
  readonly sender: string;
  readonly session: SmtpSession;
  readonly trusts: Trusts;
}

async function senderFault(agent: Agent, { sender, session, trusts }: Asked): Promise<Verdict | undefined> {
  if (!isOurs(trusts, session))
    return refused('this office takes mail from its own people only: log in with name and password (#5.7.0)');
  // A mail program's note that a mail has been read comes from nobody, so that no answer to it can loop (RFC 8098).
  if (sender === '') return undefined;
  await agent.refresh();
  const owner = ownerOf(agent, sender);
  const { user } = session;
  if (user !== undefined && owner !== accountOf(agent, user))
    return refused(`${sender.slice(0, 200)} is not an address of ${user.slice(0, 64)} (#5.7.1)`);
  if (owner === undefined)
    return refused(
      `${sender.slice(0, 200)} is not an address of anybody at office ${agent.config.office}; its operator can run 'agent user add' or 'agent sync' (#5.7.1)`,
    );
  return undefined;
}
