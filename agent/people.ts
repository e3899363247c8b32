/** Whose an address is, and who has logged in: what the doors ask before they take mail from somebody, or give it to them. */
import { splitAddress } from '../shared/core/address.ts';
import type { Peer } from '../shared/core/delivery.ts';
import { passwordFits, readAccounts } from '../shared/io/accounts.ts';
import { Turns } from '../shared/io/turns.ts';
import { type Agent, userMaildir } from './agent.ts';

/** Only where the mail goes is asked. */
const ASKING: Peer = { name: 'people', relays: true };
const USERS = userMaildir('');

/**
 * The name of the one mailbox here that an address leads to; undefined when it leads elsewhere, to several people, or nowhere.
 * Somebody's aliases are theirs, a list is nobody's.
 */
export function ownerOf(agent: Agent, address: string): string | undefined {
  const { deliveries } = agent.place.route(ASKING, '', address);
  const [only] = deliveries;
  if (only?.form === 'mailbox' && deliveries.length === 1) return only.maildir.slice(USERS.length);
  return ownerBeforeTheFirstTrip(agent, address);
}

/** Until then an office cannot know who has which address in the common domain, and takes its own people's word for it. */
function ownerBeforeTheFirstTrip({ directory, accounts }: Agent, address: string): string | undefined {
  const { domain, hubDomains } = directory();
  const parts = splitAddress(address);
  const name = parts.local.toLowerCase();
  return hubDomains.length === 0 && parts.domain === domain && accounts().has(name) ? name : undefined;
}

/** The name of the account that a mail program logs in to: `farid`, or one of his addresses. */
export const accountOf = (agent: Agent, login: string): string | undefined =>
  login.includes('@') ? ownerOf(agent, login) : login.toLowerCase();

/** One password at a time: each costs a moment of the processor and of the threads that also write mail. */
const turns = new Turns({ totalMax: 1 });

/** The name of the account when the password fits. Reads the accounts anew: they change while the agent runs. */
export async function logIn(
  agent: Agent,
  { login, password, door }: { readonly login: string; readonly password: string; readonly door: string },
): Promise<string | undefined> {
  const giveBack = await turns.take('password', 1);
  try {
    await agent.refresh();
    const name = accountOf(agent, login);
    if (await passwordFits(await readAccounts(agent.store), name ?? '', password)) return name;
    agent.log.warn('somebody gave a wrong password', { door, user: name });
    return undefined;
  } finally {
    giveBack();
  }
}
