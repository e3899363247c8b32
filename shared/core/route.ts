/**
 * Where the mail for one recipient goes: the same function at the hub and at every office, over the tables of each. The
 * order is qmail's and fastforward's:
 *
 *   0. `held+TOKEN` of the common domain: a request for a held mail
 *   1. an alias of exactly this address
 *   2. a person whom the directory names (so that one catch-all line does not swallow everybody)
 *   3. an alias for `@domain`, then for `user@` in a domain of ours
 *   4. a domain of ours: those of which everybody is taken; postmaster; else nobody by that name
 *   5. the rest of the world, for those who may relay
 *
 * Targets of an alias go through the same order. An alias is not expanded within itself: there its address stands for the
 * person, so `holly: holly, tom` keeps her copy; if there is no such person it is a loop, and dropped. An alias that
 * leads nowhere is refused and says so.
 *
 * What the hub hands down to an office has been through the aliases: there they are not asked again.
 *
 * A list of which some targets fail is accepted for the others. Each failing target goes on by itself, from the list's
 * owner or the sender, to `internet` or `out`, where it is refused once more and its sender hears of it.
 */
import { type Address, addressFault, foldAddress, splitAddress } from './address.ts';
import type { Delivery, Peer, Routed } from './delivery.ts';
import { type Alias, AT_HUB } from './directory.ts';
import { routeRequest } from './held-address.ts';
import {
  away,
  deliveryTo,
  type Envelope,
  FOREIGN,
  OK,
  type Post,
  placeAddress,
  postOf,
  postOfUser,
  UNKNOWN,
} from './post.ts';
import { mailboxKey, ownDomain, type Tables } from './tables.ts';
import { refused, type Verdict } from './verdict.ts';

/** Lists in lists in lists: more than this is a mistake, and the stack has an end. */
const DEPTH_MAX = 50;
/** Addresses that one recipient may lead to. */
const STEPS_MAX = 50_000;

/** Pure. Deliveries are empty unless the verdict is K. */
export function route(tables: Tables, peer: Peer, sender: string, recipient: string): Routed {
  const fault = addressFault(recipient);
  if (fault !== undefined) return nowhere(refused(`sorry, ${fault} (#5.1.3)`));
  const { local, domain } = splitAddress(recipient);
  if (local === '' || domain === '') return nowhere(refused("sorry, I can't handle that recipient (#5.1.3)"));
  const request = routeRequest(tables, peer, { sender, recipient });
  if (request) return request;
  const expansion = new Expansion(tables.here !== AT_HUB && peer.name === AT_HUB ? withoutAliases(tables) : tables);
  expansion.follow({ sender, recipient }, 0);
  return expansion.routed({ sender, recipient }, peer);
}

const NO_ALIASES: Tables['aliases'] = new Map();
const withoutAliases = (tables: Tables): Tables => ({ ...tables, aliases: NO_ALIASES });

const nowhere = (verdict: Verdict): Routed => ({ verdict, deliveries: [] });

/** As a key it is no address, so no alias has it. */
const POSTMASTER = 'postmaster';

interface Failure extends Envelope {
  readonly verdict: Verdict;
}

interface Found {
  readonly key: string;
  readonly alias: Alias;
}

class Expansion {
  readonly #tables: Tables;
  readonly #deliveries = new Map<string, Delivery>();
  readonly #failures: Failure[] = [];
  /** Keys of aliases that are being expanded. */
  readonly #open = new Set<string>();
  /** Keys and senders of aliases that have been expanded: again would only double. */
  readonly #done = new Set<string>();
  #steps = 0;
  #aliased = false;
  #tooMany = false;
  /** Only the hub can expand it: sent there in parts it would be expanded twice. */
  #forHub = false;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  follow(envelope: Envelope, depth: number): void {
    if (depth > DEPTH_MAX || ++this.#steps > STEPS_MAX) this.#tooMany = true;
    if (this.#tooMany) return;
    const address = splitAddress(envelope.recipient);
    const folded = foldAddress(envelope.recipient);
    if (this.#open.has(folded)) {
      this.#standsForItself(envelope);
      return;
    }
    const found = this.#exact(folded) ?? (postOfUser(this.#tables, address) ? undefined : this.#wild(address));
    if (found === 'within') this.#forHub ||= this.#tables.here !== AT_HUB;
    if (found && found !== 'within') this.#expand(found, envelope, depth);
    else this.#arrive(envelope, address, depth);
  }

  routed(original: Envelope, { relays }: Peer): Routed {
    if (this.#tooMany)
      return nowhere(refused(`the list leads to too many addresses; its operator has to split it (#5.3.5)`));
    if (this.#forHub) return { verdict: OK, deliveries: [away(this.#tables, original)] };
    const [first] = this.#failures;
    if (this.#deliveries.size === 0) return nowhere(first ? this.#refusal(first) : LOOP);
    // A foreign address is a delivery, and the only one: what is ours, or an alias of ours, is for everybody.
    if (!relays && !this.#aliased && isForeign(this.#tables, original.recipient)) return nowhere(FOREIGN);
    for (const failure of this.#failures) this.#add(away(this.#tables, failure));
    return { verdict: OK, deliveries: [...this.#deliveries.values()] };
  }

  #refusal({ recipient, verdict }: Failure): Verdict {
    if (!this.#aliased) return verdict;
    return { ...verdict, text: `the alias leads to ${recipient.slice(0, 200)}: ${verdict.text}` };
  }

  #exact(key: string): Found | undefined {
    const alias = this.#tables.aliases.get(key);
    return alias && { key, alias };
  }

  /** `within`: its own alias is being expanded, and there is no other. */
  #wild({ local, domain }: Address): Found | 'within' | undefined {
    const keys = [`@${domain}`, ...(ownDomain(this.#tables, domain) ? [`${foldAddress(local)}@`] : [])];
    const all = keys.filter((key) => this.#tables.aliases.has(key));
    const free = all.find((key) => !this.#open.has(key));
    if (free !== undefined) return this.#exact(free);
    return all.length > 0 ? 'within' : undefined;
  }

  #expand({ key, alias }: Found, { sender }: Envelope, depth: number): void {
    this.#aliased = true;
    const done = `${key} ${sender}`;
    if (this.#done.has(done)) return;
    this.#done.add(done);
    this.#open.add(key);
    // A bounce stays one: the owner of a list must not get answers to answers.
    const from = alias.owner === undefined || sender === '' ? sender : alias.owner;
    for (const recipient of alias.targets) this.follow({ sender: from, recipient }, depth + 1);
    this.#open.delete(key);
  }

  /** Met within its own expansion. */
  #standsForItself(envelope: Envelope): void {
    const tables = this.#tables;
    const post = postOf(tables, envelope.recipient);
    if (post === UNKNOWN) return;
    if ('letter' in post && post !== FOREIGN) this.#failures.push({ ...envelope, verdict: post });
    else if ('letter' in post && tables.here === AT_HUB) this.#add(away(tables, envelope));
    else if ('letter' in post) this.#forHub = true;
    else if (tables.here === AT_HUB || tables.here === post.post) this.#deliver(post, envelope);
    else this.#sendToHub(envelope, post);
  }

  /** The hub would expand an alias again; the address of a person at their place is none. */
  #sendToHub(envelope: Envelope, post: Post): void {
    const recipient = placeAddress(this.#tables, post);
    if (recipient === undefined || this.#tables.aliases.has(recipient)) this.#forHub = true;
    else this.#deliver(post, { ...envelope, recipient });
  }

  #arrive(envelope: Envelope, { local }: Address, depth: number): void {
    const post = postOf(this.#tables, envelope.recipient);
    if (!('letter' in post)) this.#deliver(post, envelope);
    else if (post === FOREIGN) this.#add(away(this.#tables, envelope));
    else if (/^(?:postmaster|mailer-daemon)$/i.test(local)) this.#toPostmaster(envelope, depth);
    else this.#failures.push({ ...envelope, verdict: post });
  }

  /** Somebody always reads what is written to postmaster, whatever the directory says. */
  #toPostmaster(envelope: Envelope, depth: number): void {
    const { here, postmaster } = this.#tables;
    const before = this.#failures.length;
    if (here !== AT_HUB) this.#add(away(this.#tables, envelope), POSTMASTER);
    else if (postmaster === undefined || this.#open.has(POSTMASTER)) this.#toHubMailbox(envelope);
    else {
      this.#open.add(POSTMASTER);
      this.follow({ ...envelope, recipient: postmaster }, depth + 1);
      this.#open.delete(POSTMASTER);
      if (this.#failures.length === before && this.#deliveries.size > 0) return;
      this.#failures.length = before;
      this.#toHubMailbox(envelope);
    }
  }

  #toHubMailbox(envelope: Envelope): void {
    this.#deliver({ post: AT_HUB, mailbox: POSTMASTER, common: true }, envelope);
  }

  #deliver(post: Post, envelope: Envelope): void {
    const delivery = deliveryTo(this.#tables, post, envelope);
    const person = mailboxKey(post.post, post.mailbox);
    if ('letter' in delivery) this.#failures.push({ ...envelope, verdict: delivery });
    else if (delivery.form === 'mailbox' || this.#tables.owners.has(person)) this.#add(delivery, person);
    else this.#add(delivery);
  }

  /** One copy for each person, however many of their addresses a list holds, and in however many lists. */
  #add(delivery: Delivery, key = foldAddress(delivery.recipient)): void {
    if (!this.#deliveries.has(key)) this.#deliveries.set(key, delivery);
  }
}

const LOOP = refused('the alias leads only to itself; its operator has to mend it (#5.4.6)');

const isForeign = (tables: Tables, recipient: string): boolean => postOf(tables, recipient) === FOREIGN;
