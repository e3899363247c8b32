/** What the bench asks of each way of carrying mail from an office to its hub, ours and others'. */
import type { CuttingProxy } from '../support/cutting-proxy.ts';

export interface Peer {
  readonly name: string;
  readonly encrypted: boolean;
  /** Programs, by path: where one is missing the peer is skipped. */
  readonly needs: readonly string[];
  /** Sets both ends up below an empty folder, with the proxy between them. */
  open(folder: string): Promise<PeerSite>;
}

export interface PeerSite {
  /** Everything that the two ends say to each other passes here. */
  readonly proxy: CuttingProxy;
  /** Puts mails into the office's queue, each for this many people of the other side. */
  post(mails: readonly Buffer[], people: number): Promise<void>;
  /** One call; whether it ended well. */
  call(): Promise<boolean>;
  /** Whether the office has nothing left to send. */
  isEmpty(): Promise<boolean>;
  /** Every mail that lies at the hub, one for each copy; traces that its servers put before it may be there. */
  delivered(): Promise<readonly Buffer[]>;
  /** What grows while calls get on, even if no mail is whole yet. */
  advance?(): Promise<number>;
  close(): Promise<void>;
}
