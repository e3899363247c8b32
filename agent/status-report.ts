/** What `agent status` and the status page show. */
import { realpath } from 'node:fs/promises';
import { tryLock } from '../shared/io/lock.ts';
import { countMaildir, listEntries } from '../shared/io/maildir.ts';
import { type Agent, OUT } from './agent.ts';
import type { LinkConfig } from './config.ts';
import { countHeld } from './held.ts';
import { chooseLink, DEFAULT_LINK } from './link.ts';
import { priceOfLine, wireRatio } from './link-speed.ts';
import { inspectQueues, type QueueState } from './queue-maildir.ts';
import { budgetLeft, type LinkUse, lastTrips, moneyLeft, type Trip, usedOf } from './trips.ts';

export interface StatusReport {
  readonly office: string;
  readonly hub: string;
  /** Whether `agent run` serves this data folder. */
  readonly running: boolean;
  readonly waiting: {
    readonly mails: number;
    readonly bytes: number;
    readonly oldest?: number;
    readonly foreign?: string;
  };
  /** At the hub, because they are too large for the link. */
  readonly held: { readonly mails: number; readonly bytes: number };
  readonly links: readonly LinkReport[];
  /** The latest first. */
  readonly trips: readonly Trip[];
  /** People that the directory knows, and when the hub last confirmed it, by its clock. */
  readonly directory: { readonly people: number; readonly confirmed?: number };
  readonly queues: readonly QueueState[];
}

export interface LinkReport {
  readonly name: string;
  readonly inUse: boolean;
  /** What waits here and may travel on it. */
  readonly mails: number;
  readonly bytes: number;
  /** What sending that may cost, as earlier syncs went; undefined when it has no price, or no trip yet told its speed. */
  readonly cost?: number;
  readonly pricePerMinute?: number;
  readonly pricePerMb?: number;
  /** Bytes that may still travel. */
  readonly budgetLeft?: number;
  readonly moneyLeft?: number;
  readonly currency?: string;
  readonly thisMonth: LinkUse;
}

const TRIPS_SHOWN = 10;

export async function statusReport(agent: Agent): Promise<StatusReport> {
  const { config } = agent;
  await agent.refresh();
  const trips = (await lastTrips(agent)).toReversed();
  const confirmed = trips.find(({ error }) => error === undefined)?.time;
  return {
    office: config.office,
    hub: config.hub,
    running: await isServed(agent),
    waiting: await countMaildir(agent.store, OUT),
    held: await countHeld(agent.store),
    links: await linkReports(agent, trips),
    trips: trips.slice(0, TRIPS_SHOWN),
    directory: { people: agent.directory().users.size, ...(confirmed === undefined ? {} : { confirmed }) },
    queues: await inspectQueues(agent),
  };
}

/** The lock that `agent run` holds. */
export const serveLockName = async ({ config }: Agent): Promise<string> =>
  `fieldpost-agent ${await realpath(config.data)}`;

async function isServed(agent: Agent): Promise<boolean> {
  const lock = await tryLock(await serveLockName(agent));
  await lock?.release();
  return lock === undefined;
}

async function linkReports(agent: Agent, trips: readonly Trip[]): Promise<readonly LinkReport[]> {
  const { name: inUse } = await chooseLink(agent.config);
  const links = inUse === DEFAULT_LINK.name ? [...agent.config.link, DEFAULT_LINK] : agent.config.link;
  const fitting = await fittingMails(agent, links);
  const reports: LinkReport[] = [];
  for (const [index, link] of links.entries()) {
    const { mails = 0, bytes = 0 } = fitting[index] ?? {};
    const [left, money] = [await budgetLeft(agent, link), await moneyLeft(agent, link)];
    const cost = priceOfLine(link, trips, bytes * wireRatio(trips, link.name));
    reports.push({
      name: link.name,
      inUse: link.name === inUse,
      mails,
      bytes,
      ...(cost === undefined ? {} : { cost }),
      ...(link.price_per_minute === undefined ? {} : { pricePerMinute: link.price_per_minute }),
      ...(link.price_per_mb === undefined ? {} : { pricePerMb: link.price_per_mb }),
      ...(left === undefined ? {} : { budgetLeft: left }),
      ...(money === undefined ? {} : { moneyLeft: money }),
      ...(link.currency === undefined ? {} : { currency: link.currency }),
      thisMonth: (await usedOf(agent, link.name)).thisMonth,
    });
  }
  return reports;
}

interface Fitting {
  mails: number;
  bytes: number;
}

/** For each link what waits and is not too large for it, in one pass over the queue. */
async function fittingMails({ store }: Agent, links: readonly LinkConfig[]): Promise<readonly Fitting[]> {
  const fitting = links.map((): Fitting => ({ mails: 0, bytes: 0 }));
  for (let after: string | undefined; ; ) {
    const page = await listEntries(store, OUT, after === undefined ? {} : { after });
    for (const { size } of page)
      links.forEach(({ max_mail: max = 0 }, index) => {
        const sum = fitting[index];
        if (!sum || (max > 0 && size > max)) return;
        sum.mails += 1;
        sum.bytes += size;
      });
    after = page.at(-1)?.key;
    if (after === undefined) return fitting;
  }
}
