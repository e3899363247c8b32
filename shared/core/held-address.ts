/**
 * The address that a summary of a held mail is answered at, `held+TOKEN@domain`. The token is made of the hub's secret, so
 * it cannot be guessed; and it is taken only from a trip of the office that the mail is held for.
 */
import { foldAddress, splitAddress } from './address.ts';
import type { Peer, Routed } from './delivery.ts';
import { AT_HUB } from './directory.ts';
import { away, type Envelope, OK } from './post.ts';
import type { Tables } from './tables.ts';
import { refused } from './verdict.ts';

export const heldAddress = (token: string, domain: string): string => `held+${token}@${domain}`;

/** The token in a local part; undefined when it is another address. */
export const tokenOf = (local: string): string | undefined => /^held\+([a-z2-7]{20})$/.exec(foldAddress(local))?.[1];

/** Where requests of an office wait at the hub. */
export const requestsOf = (office: string): string => `fetch/${office}`;

const NOT_FROM_HERE = refused('a held mail is asked for only from the office that it is held for (#5.7.1)');

/** Where a request goes: from an office to the hub, at the hub to who answers it. Undefined for any other address. */
export function routeRequest(tables: Tables, peer: Peer, envelope: Envelope): Routed | undefined {
  const { local, domain } = splitAddress(envelope.recipient);
  if (tokenOf(local) === undefined || domain !== tables.domain) return undefined;
  if (tables.here !== AT_HUB) return { verdict: OK, deliveries: [away(tables, envelope)] };
  // An office at an address that may relay has proved no key.
  const { office } = peer;
  if (office === undefined || peer.name !== `office/${office}`) return { verdict: NOT_FROM_HERE, deliveries: [] };
  return { verdict: OK, deliveries: [{ ...envelope, maildir: requestsOf(office), form: 'entry' }] };
}
