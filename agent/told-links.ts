/** What the hub is told of this office's links: once, and again when it has changed. It says in summaries of held mail what each costs. */
import { decodeLinks, encodeLinks, type OfficeLink } from '../shared/core/link-list.ts';
import { TripError } from '../shared/core/trip-record.ts';
import type { Agent } from './agent.ts';
import type { LinkConfig } from './config.ts';
import { bytesPerSecond } from './link-speed.ts';
import { tariffOf } from './price.ts';
import { lastTrips, type Trip } from './trips.ts';

/** Undefined when the hub has been told already, `told`. */
export async function linksToTell(agent: Agent, told = ''): Promise<string | undefined> {
  const known = new Map(readTold(told).map((link) => [link.name, link.bytesPerSecond]));
  const trips = await lastTrips(agent);
  const links = agent.config.link.map((link) => officeLink(link, trips, known.get(link.name)));
  const list = encodeLinks(links);
  return list === told ? undefined : list;
}

/** Nothing, when it cannot be read: then all is told again. */
function readTold(told: string): readonly OfficeLink[] {
  try {
    return decodeLinks(told);
  } catch (error) {
    if (!(error instanceof TripError)) throw error;
    return [];
  }
}

const officeLink = (link: LinkConfig, trips: readonly Trip[], toldSpeed: number | undefined): OfficeLink => {
  const speed =
    link.price_per_minute === undefined ? undefined : speedToTell(bytesPerSecond(trips, link.name), toldSpeed);
  return {
    name: link.name,
    ...tariffOf(link),
    ...(speed === undefined ? {} : { bytesPerSecond: speed }),
    ...(link.max_mail === undefined ? {} : { mailBytesMax: link.max_mail }),
  };
};

/** No trip goes as fast as the one before: what was told stands until it is twice or half of that. */
function speedToTell(speed: number | undefined, told: number | undefined): number | undefined {
  if (speed === undefined || (told !== undefined && speed < 2 * told && speed > told / 2)) return told;
  return Math.max(1, Number(speed.toPrecision(2)));
}
