/** The values that pass between doors, routing and `accept`: who hands a mail over, and where it goes. */
import type { Verdict } from './verdict.ts';

/** Who hands a mail over. */
export interface Peer {
  /**
   * Where answers are remembered: `smtp`, `qmtp`, `send`, `queue`, `office/herat`, `bounce`, … At an office, `hub` is the hub
   * in a trip: its recipients have been through the aliases.
   */
  readonly name: string;
  /** Whether it may send to other people's domains. A stranger may send to our own recipients only. */
  readonly relays: boolean;
  /** The office it speaks for; nothing is routed back to there. */
  readonly office?: string;
}

/** One copy for one destination. */
export interface Delivery {
  /** A folder of the store: `office/herat`, `internet`, `mailbox/holly` on a hub; `out`, `users/holly` on an agent. */
  readonly maildir: string;
  /** `entry`: goes on from here. `mailbox`: a person reads it here. */
  readonly form: 'entry' | 'mailbox';
  readonly sender: string;
  readonly recipient: string;
}

/** What routing says of one recipient. Deliveries are empty unless the verdict is K. */
export interface Routed {
  readonly verdict: Verdict;
  readonly deliveries: readonly Delivery[];
}
