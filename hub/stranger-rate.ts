/** How many mails one strange host may begin in an hour. Kept in memory: a restart forgives. */
import { hostNetwork } from '../shared/core/host-network.ts';

const HOUR = 3_600;
/** Hosts that are remembered. */
const HOSTS_MAX = 20_000;

export class StrangerRate {
  readonly #perHour: number;
  readonly #seen = new Map<string, { since: number; mails: number }>();

  constructor(perHour: number) {
    this.#perHour = perHour;
  }

  /** Counts a mail; false when it is one too many. `now`: Unix seconds. */
  allows(address: string, now: number): boolean {
    if (this.#perHour === 0) return true;
    const host = hostNetwork(address);
    const seen = this.#seen.get(host);
    this.#seen.delete(host);
    const current = seen && now - seen.since < HOUR && now >= seen.since ? seen : { since: now, mails: 0 };
    current.mails += 1;
    this.#seen.set(host, current);
    // The one that was quiet for longest.
    if (this.#seen.size > HOSTS_MAX) this.#seen.delete(this.#seen.keys().next().value ?? '');
    return current.mails <= this.#perHour;
  }
}
