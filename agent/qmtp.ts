/**
 * The office's QMTP door: for a qmail beside the agent, which relays for the whole office, and for a hub that pushes, which is
 * a stranger like any other and reaches the mailboxes here, nothing else.
 */
import { DEFAULT_LIMITS } from '../shared/core/directory.ts';
import { refused } from '../shared/core/verdict.ts';
import type { Place } from '../shared/io/mail.ts';
import type { QmtpCaller } from '../shared/io/qmtp-connection.ts';
import { startQmtpServer } from '../shared/io/qmtp-server.ts';
import type { Agent, AgentService } from './agent.ts';
import { checkReach, trustedHosts } from './lan.ts';

/** Starts it when the configuration names it. */
export async function startQmtp(agent: Agent): Promise<AgentService[]> {
  const { config, spool, now } = agent;
  const { listen, limits } = config;
  if (listen.qmtp === undefined) return [];
  checkReach(agent, 'qmtp');
  const trusts = trustedHosts(config);
  const listener = await startQmtpServer({
    field: 'listen.qmtp',
    address: listen.qmtp,
    place: onlyMailboxesForStrangers(agent.place),
    spool,
    now,
    connectionsMax: limits.connections,
    perAddressMax: limits.per_address,
    recipientsMax: limits.recipients,
    idleSeconds: limits.idle,
    caller: async ({ remoteAddress = '' }) => callerAt(agent, remoteAddress, trusts(remoteAddress)),
  });
  return [{ name: 'qmtp', ...listener }];
}

function callerAt(agent: Agent, address: string, trusted: boolean): QmtpCaller {
  const { office, limits } = agent.config;
  return {
    peer: trusted ? { name: 'qmtp', relays: true, office } : { name: 'qmtp/stranger', relays: false },
    name: address,
    concurrency: trusted ? limits.connections : DEFAULT_LIMITS.concurrency,
    mailBytesMax: limits.mail,
    refusal: async () => {
      await agent.refresh();
      return undefined;
    },
  };
}

const ELSEWHERE = refused('sorry, that mailbox is not at this office (#5.7.1)');

/** What a stranger brings must not travel on over a link that the office pays for. */
const onlyMailboxesForStrangers = (place: Place): Place => ({
  ...place,
  route: (peer, sender, recipient) => {
    const routed = place.route(peer, sender, recipient);
    const stays = routed.deliveries.every(({ form }) => form === 'mailbox');
    return peer.relays || stays ? routed : { verdict: ELSEWHERE, deliveries: [] };
  },
});
