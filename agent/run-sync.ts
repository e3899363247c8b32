/** One sync with all that belongs to it: the queues of other mail servers, the link with its hours and budgets, the record of trips. */
import { EXIT } from '../shared/io/command-line.ts';
import { countMaildir } from '../shared/io/maildir.ts';
import { type Agent, OUT } from './agent.ts';
import { carry, takeInboxes } from './carry.ts';
import type { LinkConfig } from './config.ts';
import { closedUntil } from './hours.ts';
import { reckonTime } from './hub-time.ts';
import { chooseLink } from './link.ts';
import { NotConnected, onDemand } from './on-demand.ts';
import { moneyText, priceOf } from './price.ts';
import { scanQueues } from './queue-maildir.ts';
import { type SyncOptions, type SyncResult, sync } from './sync.ts';
import { budgetLeft, moneyLeft, recordTrip } from './trips.ts';
import { tellWriters } from './waiting-note.ts';

export interface RunSyncOptions extends Omit<SyncOptions, 'link' | 'allowance'> {
  /** Name of the link; default: the first that matches. */
  readonly linkName?: string;
  /** Whatever the hours of the link are. */
  readonly force?: boolean;
}

/** What a session of which nothing travels costs, handshakes included; with less there is no sense in a call. */
const SESSION = { bytes: 1_200, seconds: 1 } as const;

/** Throws Exit 64 for a link that is not in the configuration; whatever else goes wrong is told by the result. */
export async function runSync(agent: Agent, { linkName, force, ...options }: RunSyncOptions = {}): Promise<SyncResult> {
  const link = await chooseLink(agent.config, linkName);
  await scanQueues(agent);
  const taken = await takeInboxes(agent);
  if (!link.command) await askTheTime(agent, link, options);
  const [bytes, money] = [await budgetLeft(agent, link), await moneyLeft(agent, link)];
  const hindrance = (force ? undefined : await closed(agent, link)) ?? usedUp(link, bytes, money);
  if (hindrance !== undefined) {
    await tellWriters(agent, link);
    return notNow(agent, link, hindrance);
  }
  const allowance = { ...(bytes === undefined ? {} : { bytes }), ...(money === undefined ? {} : { money }) };
  let result: SyncResult;
  try {
    result = await onDemand(agent, { link, signal: options.signal }, () =>
      link.command
        ? carry(agent, { ...options, link, allowance, taken })
        : sync(agent, { ...options, link, allowance }),
    );
  } catch (error) {
    if (!(error instanceof NotConnected)) throw error;
    result = await notNow(agent, link, error.message);
  }
  await recordTrip(agent, result);
  if (result.up.bytesWire > 0 && options.down !== true) await tellWriters(agent, link);
  return result;
}

/**
 * A laptop that woke up in 1970 does not know whether its link is open, nor whether what was used up has begun anew: where it
 * depends on that, a call without mail asks the hub.
 */
async function askTheTime(agent: Agent, link: LinkConfig, { signal }: SyncOptions): Promise<void> {
  if ((await reckonTime(agent)).isKnown) return;
  const [bytes, money] = [await budgetLeft(agent, link), await moneyLeft(agent, link)];
  if ((link.hours ?? []).length === 0 && usedUp(link, bytes, money) === undefined) return;
  agent.log.warn("this machine's clock is wrong: the hub is asked what time it is", { link: link.name });
  await recordTrip(agent, await sync(agent, { link, up: false, down: false, ...(signal ? { signal } : {}) }));
}

async function closed(agent: Agent, { name, hours = [] }: LinkConfig): Promise<string | undefined> {
  const reckoned = await reckonTime(agent);
  if (!reckoned.isKnown) return undefined;
  const now = new Date(reckoned.now * 1_000);
  const opens = closedUntil(hours, now.getHours() * 60 + now.getMinutes());
  return opens && `link ${name} is not used before ${opens}: wait, name another link with --link, or use --force`;
}

function usedUp(link: LinkConfig, bytes: number | undefined, money: number | undefined): string | undefined {
  const said = (limits: LinkConfig['budget'], unit: (amount: number) => string): string =>
    (limits ?? []).map(({ amount, per }) => `${unit(amount)} a ${per}`).join(', ');
  const remedy = 'wait until the next day or month, raise it, or name another link with --link';
  if (bytes !== undefined && bytes < SESSION.bytes)
    return `the budget of link ${link.name} (${said(link.budget, (amount) => `${amount} bytes`)}) is used up: ${remedy}`;
  if (money !== undefined && priceOf(link, SESSION) > money)
    return `the money for link ${link.name} (${said(link.money, (amount) => moneyText(amount, link))}) is used up: ${remedy}`;
  return undefined;
}

async function notNow({ store }: Agent, { name }: LinkConfig, error: string): Promise<SyncResult> {
  const { mails, bytes } = await countMaildir(store, OUT);
  const nothing = { mails: 0, bytesRaw: 0, bytesWire: 0 };
  return {
    ok: false,
    exit: EXIT.later,
    up: nothing,
    down: nothing,
    roundTrips: 0,
    seconds: 0,
    resumed: 0,
    cost: 0,
    waiting: { up: { mails, bytes } },
    link: name,
    error,
  };
}
