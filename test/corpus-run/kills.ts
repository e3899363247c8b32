/** `kill -9` in the middle: at given parts of the way, hub and agents in turn; each is started again at once. */
import type { Network } from '../support/network.ts';

const HUB_AT = [0.15, 0.45, 0.75];
/** From the answer of somebody else's server to its note on the disk: milliseconds, seconds on a machine that is busy. */
const WINDOW_MS = 3000;
const AGENT_AT = [0.3, 0.6, 0.9];

export class Kills {
  readonly #network: Network;
  readonly #todo = [
    ...HUB_AT.map((at) => ({ at, who: 'hub' as const })),
    ...AGENT_AT.map((at) => ({ at, who: 'agent' as const })),
  ].sort((a, b) => a.at - b.at);
  /** What was killed, in order. */
  readonly done: string[] = [];
  readonly #hubKills: { readonly from: number; readonly to: number }[] = [];

  constructor(network: Network) {
    this.#network = network;
  }

  get isOver(): boolean {
    return this.#todo.length === 0;
  }

  /** Kills what is due once `part` of all mail (0 to 1) has arrived. */
  async due(part: number): Promise<void> {
    const [next] = this.#todo;
    if (!next || part < next.at) return;
    this.#todo.shift();
    if (next.who === 'hub') await this.#killHub();
    else await this.#killAgent();
  }

  /**
   * A mail that a program of somebody else got just before a kill may come there twice: the hub had no time to note the
   * answer. No protocol without a memory of its own closes that window; it is counted and shown.
   * Answers how long before the kill the mail was taken; undefined when no kill is near.
   */
  msBeforeKill(taken: number): number | undefined {
    const kill = this.#hubKills.find(({ from, to }) => taken > from - WINDOW_MS && taken <= to);
    return kill && Math.max(0, kill.from - taken);
  }

  async #killHub(): Promise<void> {
    const from = Date.now();
    await this.#network.hub.kill9();
    this.#hubKills.push({ from, to: Date.now() });
    this.done.push('hub');
    await this.#network.hub.start();
  }

  async #killAgent(): Promise<void> {
    const agents = [...this.#network.offices.values()];
    const victim = agents[this.done.length % agents.length];
    if (!victim) return;
    // The daemon and the sync that is running: both are the agent.
    victim.killSync();
    await victim.kill9();
    this.done.push(victim.name);
    await victim.start();
  }
}
