/**
 * While a link with `firewall = true` is up, nothing but the sync goes out through it (nftables.ts). Part of `agent run`: set when
 * the link comes, removed when it goes and at the stop; what a crash has left is put right at the next start.
 */
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { textBody } from '../shared/io/body.ts';
import { splitHostAddress } from '../shared/io/config.ts';
import type { Agent, AgentService } from './agent.ts';
import type { AgentConfig, LinkConfig } from './config.ts';
import { chooseLink, defaultDevice } from './link.ts';
import { isDevice, type Lock, nft, removal, rulesOf } from './nftables.ts';

/** Reading one small file of the kernel's. */
const LOOK_MS = 2_000;
/** The hub's name may get another address, and a command may say another link. */
const AGAIN_MS = 60_000;
/** Says that a table of ours may be there. */
const MARK = 'firewall';

export const hasFirewall = ({ link }: AgentConfig): boolean => link.some(({ firewall }) => firewall === true);

/** Nothing where no link asks for it, and none has. */
export async function startFirewall(agent: Agent): Promise<AgentService[]> {
  if (!hasFirewall(agent.config) && !(await agent.store.get(MARK))) return [];
  const firewall = new Firewall(agent);
  await firewall.look();
  const timer = setInterval(() => void firewall.look(), LOOK_MS);
  return [
    {
      name: 'firewall',
      close: async () => {
        clearInterval(timer);
        await firewall.close();
      },
    },
  ];
}

class Firewall {
  readonly #agent: Agent;
  /** What nft has done; undefined before the first time. */
  #rules: string | undefined;
  #routes = '';
  #looked = Number.NEGATIVE_INFINITY;
  #fault: string | undefined;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  look(): Promise<void> {
    this.#last = this.#last
      .then(() => (this.#closed ? undefined : this.#look()))
      .catch((error: Error) => this.#failed(error.message));
    return this.#last;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#put(removal(), 'the firewall is open again: the agent stops');
  }

  async #look(): Promise<void> {
    const routes = await readFile('/proc/net/route', 'latin1');
    const isOld = performance.now() - this.#looked > AGAIN_MS;
    if (routes === this.#routes && !isOld && this.#fault === undefined) return;
    this.#routes = routes;
    this.#looked = performance.now();
    const lock = await lockOf(this.#agent.config);
    if (lock) await this.#put(rulesOf(lock), `the firewall lets nothing but the sync through ${lock.device}`);
    else await this.#put(removal(), 'the firewall is open: no link is up that asks for it');
  }

  async #put(rules: string, event: string): Promise<void> {
    if (rules === this.#rules) return;
    const { store, log } = this.#agent;
    await store.put(MARK, textBody('set'));
    const fault = await nft(rules);
    if (fault !== undefined) return this.#failed(fault);
    this.#fault = undefined;
    const isFirstRemoval = this.#rules === undefined && rules === removal();
    this.#rules = rules;
    if (!isFirstRemoval) log.info(event);
    if (rules === removal()) await store.remove(MARK);
  }

  /** Said once, and tried again at each look. */
  #failed(fault: string): void {
    if (fault !== this.#fault)
      this.#agent.log.error('the firewall of a link could not be set: other programs may use it', { reason: fault });
    this.#fault = fault;
  }
}

/** Undefined when the link that is up asks for none. */
async function lockOf(config: AgentConfig): Promise<Lock | undefined> {
  const link = await chooseLink(config);
  if (!link.firewall) return undefined;
  const device = link.match?.interface ?? (await defaultDevice());
  const to = whereTo(config, link);
  if (device === undefined || !isDevice(device) || !to) return undefined;
  const isNamed = isIP(to.host) === 0;
  // Without an answer the agent's own calls go all the same; it is asked again.
  const found = isNamed ? await lookup(to.host, { all: true }).catch(() => []) : [{ address: to.host }];
  const addresses = found.map(({ address }) => address).sort();
  const near = (networkInterfaces()[device] ?? []).flatMap(({ cidr }) =>
    cidr && !/\/(?:32|128)$/.test(cidr) ? [cidr] : [],
  );
  return { device, port: to.port, addresses, near, isNamed, user: process.getuid?.() ?? 0 };
}

/** The hub, or the proxy that leads there. */
function whereTo({ hub }: AgentConfig, { proxy }: LinkConfig): ReturnType<typeof splitHostAddress> {
  if (proxy === undefined) return splitHostAddress(hub);
  const { hostname, port } = new URL(proxy);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) };
}
