import type { Peer, Routed } from '../core/delivery.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Body } from './body.ts';
import type { Log } from './log.ts';
import type { Store } from './store.ts';

/** A mail on its way through this program. */
export interface Mail {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly hops: number;
  readonly urgency: number;
  readonly body: Body;
  /** SHA-256 of the body, hex. */
  readonly bodyHash: string;
}

/** A mail at a door. The same peer and id again get the same answers, and nothing else happens. */
export interface Arrival {
  readonly peer: Peer;
  readonly id: string;
  readonly mail: Mail;
}

/** What `accept` needs of the machine that it works for. The hub and the agent each make one. */
export interface Place {
  readonly store: Store;
  /** Name for Received lines and for the files in mailboxes. */
  readonly hostname: string;
  readonly log: Log;
  /** Where a recipient goes, by the tables as they are now; doors ask it at RCPT, `accept` asks it again. */
  route(peer: Peer, sender: string, recipient: string): Routed;
  /** Told after mail has been published to a maildir, under that key: wakes the relay, a trip in progress, a page. */
  published?(maildir: string, key?: string): void;
}

/** shared/io/accept.ts: one verdict per recipient, in order. */
export type Accept = (place: Place, arrival: Arrival, nowSeconds: number) => Promise<readonly Verdict[]>;
