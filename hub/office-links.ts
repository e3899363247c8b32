/** The links that an office has told of, with what a mail costs on them: for summaries of held mail. */
import { decodeLinks, encodeLinks, type OfficeLink } from '../shared/core/link-list.ts';
import { TripError } from '../shared/core/trip-record.ts';
import { readBody, textBody } from '../shared/io/body.ts';
import type { Hub } from './hub.ts';

const linksKey = (office: string): string => `office/${office}/links`;

export const writeOfficeLinks = (hub: Hub, office: string, links: readonly OfficeLink[]): Promise<void> =>
  hub.store.put(linksKey(office), textBody(encodeLinks(links)));

/** None when the office has not told of any, or what it told is damaged. */
export async function readOfficeLinks(hub: Hub, office: string): Promise<readonly OfficeLink[]> {
  const body = await hub.store.get(linksKey(office));
  if (!body) return [];
  try {
    return decodeLinks((await readBody(body)).toString());
  } catch (error) {
    if (!(error instanceof TripError)) throw error;
    hub.log.warn('what an office told of its links is damaged: summaries of held mail name no prices', { office });
    return [];
  }
}
