/** The links that an office has told of, with what a mail costs on them: for summaries of held mail. */
import { decodeLinks, encodeLinks, type OfficeLink } from '../shared/core/link-list.ts';
import { readBody, textBody } from '../shared/io/body.ts';
import type { Hub } from './hub.ts';

const linksKey = (office: string): string => `office/${office}/links`;

export const writeOfficeLinks = (hub: Hub, office: string, links: readonly OfficeLink[]): Promise<void> =>
  hub.store.put(linksKey(office), textBody(encodeLinks(links)));

/** None when the office has not told of any. */
export async function readOfficeLinks(hub: Hub, office: string): Promise<readonly OfficeLink[]> {
  const body = await hub.store.get(linksKey(office));
  return body ? decodeLinks((await readBody(body)).toString()) : [];
}
