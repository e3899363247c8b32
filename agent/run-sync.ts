/** One sync with all that belongs to it: the queues of other mail servers, the link and its budget, the record of trips. */
import { EXIT } from '../shared/io/command-line.ts';
import { countMaildir } from '../shared/io/maildir.ts';
import { type Agent, OUT } from './agent.ts';
import type { LinkConfig } from './config.ts';
import { chooseLink } from './link.ts';
import { scanQueues } from './queue-maildir.ts';
import { type SyncOptions, type SyncResult, sync } from './sync.ts';
import { budgetLeft, recordTrip } from './trips.ts';

export interface RunSyncOptions extends Omit<SyncOptions, 'link'> {
  /** Name of the link; default: the first that matches. */
  readonly linkName?: string;
}

/** Throws Exit 64 for a link that is not in the configuration; whatever else goes wrong is told by the result. */
export async function runSync(agent: Agent, { linkName, ...options }: RunSyncOptions = {}): Promise<SyncResult> {
  const link = await chooseLink(agent.config, linkName);
  await scanQueues(agent);
  if ((await budgetLeft(agent, link)) === 0) return budgetIsUsedUp(agent, link);
  const result = await sync(agent, { ...options, link });
  await recordTrip(agent, result);
  return result;
}

async function budgetIsUsedUp({ store }: Agent, { name, budget }: LinkConfig): Promise<SyncResult> {
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
    waiting: { up: { mails, bytes } },
    link: name,
    error: `the budget of link ${name} for today (${budget} bytes) is used up: wait for tomorrow, raise it, or name another link with --link`,
  };
}
