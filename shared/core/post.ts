/**
 * Where an address is at home, aliases apart. A person is posted at one place, and every address of theirs follows: when
 * holly@example.org moves to Mazar, holly@herat.example.org leads to Mazar as well.
 */
import { type Address, splitAddress } from './address.ts';
import type { Delivery } from './delivery.ts';
import { AT_HUB, ELSEWHERE, isMailboxName } from './directory.ts';
import { mailboxKey, ownDomain, type Tables } from './tables.ts';
import { accepted, deferred, refused, type Verdict } from './verdict.ts';

export interface Post {
  /** Name of an office, `hub` or `internet`. */
  readonly post: string;
  /** The name of the mailbox there. */
  readonly mailbox: string;
  /** A person of the common domain, whom the domain of the place stands for as well. */
  readonly common: boolean;
}

/** The post of somebody whom the directory, or this office itself, names. */
export function postOfUser(tables: Tables, { local, domain }: Address): Post | undefined {
  const { here, domain: common, users, offices, locals } = tables;
  const mailbox = local.toLowerCase();
  if (mailbox === '') return undefined;
  const named = users.get(`${mailbox}@${domain}`);
  if (named !== undefined) return { post: named, mailbox, common: domain === common };
  const followed = ownDomain(tables, domain)?.ofPlace ? users.get(`${mailbox}@${common}`) : undefined;
  if (followed !== undefined) return { post: followed, mailbox, common: true };
  const isLocal = locals.has(mailbox) && offices.get(here)?.domains.includes(domain);
  return isLocal ? { post: here, mailbox, common: false } : undefined;
}

export const FOREIGN = refused("sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)");
export const UNKNOWN = refused('sorry, no mailbox here by that name (#5.1.1)');

/** The post of any address: a refusal where nobody has it, FOREIGN where its domain is not ours. */
export function postOf(tables: Tables, text: string): Post | Verdict {
  const address = splitAddress(text);
  const user = postOfUser(tables, address);
  if (user) return user;
  const own = ownDomain(tables, address.domain);
  if (!own) return FOREIGN;
  if (!own.everybody) return UNKNOWN;
  const mailbox = address.local.toLowerCase();
  const owner = tables.owners.get(mailboxKey(own.post, mailbox));
  // Two people with one name: mail of the one must not land with the other.
  if (owner !== undefined) return refused(`sorry, that name is taken there by ${owner} (#5.1.1)`);
  return { post: own.post, mailbox, common: false };
}

/** Where a mail for this post goes from here: a refusal where it cannot go. */
export function deliveryTo(tables: Tables, post: Post, { sender, recipient }: Envelope): Delivery | Verdict {
  const { here, offices } = tables;
  if (post.post === here) {
    if (!isMailboxName(post.mailbox)) return UNKNOWN;
    return { maildir: `${here === AT_HUB ? 'mailbox' : 'users'}/${post.mailbox}`, form: 'mailbox', sender, recipient };
  }
  if (here !== AT_HUB || post.post === ELSEWHERE) return away(tables, { sender, recipient });
  const office = offices.get(post.post);
  if (!office) return deferred(`the office of this address, ${post.post}, is not in the directory (#4.3.5)`);
  return {
    maildir: `office/${post.post}`,
    form: 'entry',
    sender,
    recipient: placeAddress(tables, post) ?? recipient,
  };
}

/**
 * The address of a person at the place where they are posted; undefined where it has no domain of its own, and for people
 * of other domains: there somebody else may have the name.
 */
export function placeAddress({ offices, hubDomains }: Tables, { post, mailbox, common }: Post): string | undefined {
  const domain = post === AT_HUB ? hubDomains[0] : offices.get(post)?.domains[0];
  return domain === undefined || !common ? undefined : `${mailbox}@${domain}`;
}

export interface Envelope {
  readonly sender: string;
  readonly recipient: string;
}

/** Towards the rest of the world: from the hub to the Internet, from an office to the hub. */
export const away = ({ here }: Tables, { sender, recipient }: Envelope): Delivery => ({
  maildir: here === AT_HUB ? 'internet' : 'out',
  form: 'entry',
  sender,
  recipient,
});

export const OK = accepted('ok');
