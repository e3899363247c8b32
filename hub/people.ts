/** The people of headquarters, whose mailboxes the hub keeps (`hub user add NAME hub`): whose an address is, and who has logged in. */
import type { Peer } from '../shared/core/delivery.ts';
import { passwordFits, readAccounts } from '../shared/io/accounts.ts';
import { Turns } from '../shared/io/turns.ts';
import type { Hub } from './hub.ts';

/** Only where the mail goes is asked. */
const ASKING: Peer = { name: 'people', relays: true };
const MAILBOXES = 'mailbox/';
/** Of the hub's page; no mailbox and no office has such a name. */
export const PAGE_ACCOUNT = '@page';
/** How the account of an office without an agent begins. */
export const OFFICES = 'office/';

export const mailboxOf = (name: string): string => `${MAILBOXES}${name}`;

/** The name of the one mailbox here that an address leads to; undefined when it leads elsewhere, to several people, or nowhere. */
export function ownerOf({ place }: Hub, address: string): string | undefined {
  const { deliveries } = place.route(ASKING, '', address);
  const [only] = deliveries;
  if (deliveries.length !== 1 || !only?.maildir.startsWith(MAILBOXES)) return undefined;
  return only.maildir.slice(MAILBOXES.length);
}

/** The account that a mail program logs in to: `akbar`, or one of his addresses; of an office, its domain (`farah.example.org`). */
export function accountOf(hub: Hub, login: string): string | undefined {
  const name = login.toLowerCase();
  const office = [...hub.directory.current.offices.values()].find(({ domains }) => domains[0] === name);
  if (office) return office.revoked ? undefined : `${OFFICES}${office.name}`;
  return ownerOf(hub, login.includes('@') ? login : `${name}@${hub.config.domain}`);
}

/** One password at a time: each costs a moment of the processor. */
const turns = new Turns({ totalMax: 1 });

/** The account when the password fits, and it still is somebody's. */
export async function logIn(
  hub: Hub,
  { login, password, door }: { readonly login: string; readonly password: string; readonly door: string },
): Promise<string | undefined> {
  const giveBack = await turns.take('password', 1);
  try {
    await hub.directory.refresh();
    const name = accountOf(hub, login);
    if ((await passwordFits(await readAccounts(hub.store), name ?? '', password)) && name !== undefined) return name;
    hub.log.warn('somebody gave a wrong password', { door, user: name });
    return undefined;
  } finally {
    giveBack();
  }
}
