/** What goes wrong, at random moments: kill -9 of hubs, agents, syncs and the S3 server; hubs that stand still; links that are cut. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HubSite, OfficeSite } from '../support/sites.ts';
import type { Chance } from './chance.ts';
import type { World } from './world.ts';

/** From the Internet's answer to its note in the store: milliseconds, seconds on a machine that is busy. */
const WINDOW_MS = 4_000;

type Kind =
  | 'hub killed'
  | 'hub stood still'
  | 'agent killed'
  | 'sync killed'
  | 'link cut'
  | 'link to another hub'
  | 'S3 server killed';

export interface MischiefOptions {
  readonly world: World;
  readonly chance: Chance;
  readonly over: AbortSignal;
  /** Between two of them, on average. */
  readonly pauseMs: number;
  /** Longest time that a hub stands still. */
  readonly stillMsMax: number;
}

export class Mischief {
  readonly #options: MischiefOptions;
  readonly counts = new Map<Kind, number>();
  readonly #hubStops: { readonly from: number; to: number; readonly why: string }[] = [];
  readonly #repairs = new Set<Promise<void>>();
  readonly #busy = new Set<unknown>();

  constructor(options: MischiefOptions) {
    this.#options = options;
  }

  /** Until it is over; all is up again when it returns. */
  async run(): Promise<void> {
    const { chance, over, pauseMs } = this.#options;
    while (!over.aborted) {
      await sleep(chance.between(0.2, 1.8) * pauseMs);
      if (over.aborted) break;
      this.#begin();
    }
    await Promise.all(this.#repairs);
    for (const link of this.#options.world.links.values()) link.up();
  }

  /** Why a mail that the Internet took at that time may come there again: no hub had the time to note it. */
  reasonOf(time: number): string | undefined {
    const stop = this.#hubStops.find(({ from, to }) => time > from - WINDOW_MS && time <= to + 1_000);
    return stop && `${stop.why} ${stop.from - time} ms after the Internet took it`;
  }

  #begin(): void {
    const { world, chance } = this.#options;
    const kind = chance.draw<Kind>([
      [3, 'hub killed'],
      [2, 'agent killed'],
      [3, 'sync killed'],
      [3, 'link cut'],
      [world.hubs.length > 1 ? 3 : 0, 'link to another hub'],
      [this.#options.stillMsMax > 0 ? 1 : 0, 'hub stood still'],
      [world.ceph ? 0.5 : 0, 'S3 server killed'],
    ]);
    const work = this.#do(kind).finally(() => this.#repairs.delete(work));
    this.#repairs.add(work);
  }

  async #do(kind: Kind): Promise<void> {
    const { world, chance, stillMsMax } = this.#options;
    const hub = chance.pick(world.hubs);
    const office = chance.pick(world.offices);
    const link = world.links.get(office.name);
    switch (kind) {
      case 'hub killed':
        return this.#alone(kind, hub, () => this.#killHub(hub, chance.between(0, 5_000)));
      case 'hub stood still':
        return this.#alone(kind, hub, () => this.#stopHub(hub, chance.between(500, stillMsMax)));
      case 'agent killed':
        return this.#alone(kind, office, () => killAgent(office, chance.between(0, 3_000)));
      case 'sync killed':
        this.#count(kind);
        return office.killSync();
      case 'link cut':
        return this.#alone(kind, link, async () => {
          if (!link) return;
          if (chance.next() < 0.5) link.every = Math.floor(chance.between(500, 40_000));
          else link.drop();
          await sleep(chance.between(200, 4_000));
          link.up();
        });
      case 'link to another hub':
        this.#count(kind);
        if (link) link.target = `127.0.0.1:${hub.syncPort}`;
        return;
      case 'S3 server killed':
        return this.#alone(kind, world.ceph, async () => {
          await world.ceph?.kill9();
          await sleep(chance.between(500, 6_000));
          await world.ceph?.restart();
        });
    }
  }

  /** One thing is broken once at a time. */
  async #alone(kind: Kind, what: unknown, work: () => Promise<void>): Promise<void> {
    if (this.#busy.has(what)) return;
    this.#busy.add(what);
    this.#count(kind);
    try {
      await work();
    } finally {
      this.#busy.delete(what);
    }
  }

  #count(kind: Kind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  async #killHub(hub: HubSite, pauseMs: number): Promise<void> {
    const from = Date.now();
    await hub.kill9();
    this.#hubStops.push({ from, to: Date.now(), why: 'a hub was killed' });
    await sleep(pauseMs);
    await startAgain(hub);
  }

  async #stopHub(hub: HubSite, stillMs: number): Promise<void> {
    const pid = hub.served?.pid;
    if (pid === undefined) return;
    const stop = { from: Date.now(), to: Number.POSITIVE_INFINITY, why: 'a hub stood still' };
    process.kill(pid, 'SIGSTOP');
    this.#hubStops.push(stop);
    await sleep(stillMs);
    process.kill(pid, 'SIGCONT');
    stop.to = Date.now();
  }
}

async function killAgent(office: OfficeSite, pauseMs: number): Promise<void> {
  office.killSync();
  await office.kill9();
  await sleep(pauseMs);
  await startAgain(office);
}

/** As systemd does: its store may be away, and then it comes when that is there. */
async function startAgain(site: HubSite | OfficeSite): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await site.start();
      return;
    } catch (error) {
      if (tries === 60) throw error;
      await sleep(1_000);
    }
  }
}
