/** What edits of the directory are checked with, and the words in which a refused one is explained. */
import { AT_HUB, type Directory, ELSEWHERE } from './directory.ts';

/** An edit is refused; the message is for whoever asked for it. */
export class EditError extends Error {}

/** What DNS allows, and somewhat more. */
export const isDomain = (text: string): boolean => /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(text) && text.length <= 253;

export const placeName = (post: string): string =>
  post === AT_HUB ? 'the hub' : post === ELSEWHERE ? 'the Internet' : `office ${post}`;

/** What a person is called in the domains of the place. */
export const placeNames = ({ offices, hubDomains }: Directory, post: string, local: string): readonly string[] =>
  (post === AT_HUB ? hubDomains : (offices.get(post)?.domains ?? []))
    .filter((domain) => !domain.startsWith('.'))
    .map((domain) => `${local}@${domain}`);
