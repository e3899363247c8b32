/** Where mail programs of the office fetch mail, by POP3. */
import { Mailboxes } from '../shared/io/mailbox.ts';
import { startPop3Door } from '../shared/io/pop3-door.ts';
import { type Agent, type AgentService, userMaildir } from './agent.ts';
import { checkReach } from './lan.ts';
import { logIn } from './people.ts';

/** Starts it when the configuration names it. */
export async function startPop3(agent: Agent): Promise<AgentService[]> {
  const { config, store, log, place } = agent;
  const { listen, limits } = config;
  if (listen.pop3 === undefined) return [];
  checkReach(agent, 'pop3');
  const mailboxes = new Mailboxes(store);
  const door = await startPop3Door({
    field: 'listen.pop3',
    address: listen.pop3,
    hostname: place.hostname,
    log,
    connectionsMax: limits.connections,
    perAddressMax: limits.per_address,
    idleSeconds: limits.idle,
    logIn: async (login, password) => {
      const user = await logIn(agent, { login, password, door: 'pop3' });
      return user === undefined ? undefined : mailboxes.at(userMaildir(user));
    },
  });
  return [{ name: 'pop3', ...door }];
}
