/**
 * When the daemon calls the hub: some time after the last sync, by the configuration; sooner when a way out has appeared, or when
 * somebody asks. After a failure it waits a minute, then two, then four, up to the interval.
 */
import { readFileSync } from 'node:fs';
import { expire } from '../shared/io/expire.ts';
import type { Agent, AgentService } from './agent.ts';
import { hubTimeOffset } from './hub-time.ts';
import { hangUpLeftOver } from './on-demand.ts';
import type { SyncResult } from './sync.ts';
import { SyncWatch } from './sync-watch.ts';
import { lastTrips } from './trips.ts';

const FIRST_RETRY_SECONDS = 60;
/** Reading one small file of the kernel's. */
const LOOK_MS = 5_000;
const DAY_MS = 86_400_000;

export interface Schedule extends AgentService {
  /** Syncs now, or as soon as the sync that runs has ended. */
  ask(how?: AskedSync): void;
  readonly watch: SyncWatch;
}

interface AskedSync {
  /** A link of the configuration; default: the first that matches. */
  readonly linkName?: string;
  /** Whatever the hours of the link are. */
  readonly force?: boolean;
}

export function startSchedule(agent: Agent): Schedule {
  const schedule = new Scheduler(agent);
  const run = schedule.run().catch((error: Error) => {
    agent.log.error('syncs by schedule have ended; restart the agent', { error: error.message });
  });
  return {
    name: 'schedule',
    ask: (how) => schedule.ask(how),
    watch: schedule.watch,
    close: async (seconds) => {
      const late = new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000).unref());
      schedule.stop();
      await Promise.race([run, late]);
    },
  };
}

class Scheduler {
  readonly #agent: Agent;
  readonly #abort = new AbortController();
  #failures = 0;
  #asked: AskedSync | undefined;
  readonly watch: SyncWatch;
  #wake: () => void = () => undefined;
  /** Undefined before the first look. */
  #routes: string | undefined;
  #remembered = -DAY_MS;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.watch = new SyncWatch(agent);
  }

  ask(how: AskedSync = {}): void {
    this.#asked = how;
    this.#wake();
  }

  stop(): void {
    this.#abort.abort();
    this.#wake();
  }

  async run(): Promise<void> {
    await hangUpLeftOver(this.#agent);
    const watch = setInterval(() => this.#look(), LOOK_MS);
    for (let seconds = await this.#firstWait(); !this.#stopped; seconds = this.#nextWait()) {
      await this.#sleep(seconds);
      if (!this.#stopped) await this.#sync();
    }
    clearInterval(watch);
  }

  get #stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  get #interval(): number {
    return this.#agent.config.interval;
  }

  /** A restart is no reason to call again. */
  async #firstWait(): Promise<number> {
    const last = (await lastTrips(this.#agent)).findLast(({ error }) => error === undefined);
    const age = (await this.#hubNow()) - (last?.time ?? 0);
    return age >= 0 ? Math.max(0, this.#interval - age) : 0;
  }

  #nextWait(): number {
    if (this.#failures === 0) return this.#interval;
    return Math.min(this.#interval, FIRST_RETRY_SECONDS * 2 ** (this.#failures - 1));
  }

  async #sleep(seconds: number): Promise<void> {
    if (this.#asked) return;
    await new Promise<void>((resolve) => {
      // A timer of Node's has room for 24 days.
      const timer = this.#interval === 0 ? undefined : setTimeout(resolve, Math.min(seconds * 1000, 2 ** 31 - 1));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #sync(): Promise<void> {
    const how = this.#asked ?? {};
    this.#asked = undefined;
    const { log } = this.#agent;
    try {
      const { result, isCancelled } = await this.watch.run(how, this.#abort.signal);
      // Who ended it does not want it again in a minute.
      this.#failures = result.ok || isCancelled ? 0 : this.#failures + 1;
      tell(this.#agent, result);
      if (result.ok) await this.#forget();
    } catch (error) {
      this.#failures += 1;
      log.error('a sync failed', { error: (error as Error).message });
    }
  }

  /** Once a day, what nobody can ask for any more; and right after a trip, when this laptop knows what day it is. */
  async #forget(): Promise<void> {
    if (performance.now() - this.#remembered < DAY_MS) return;
    await expire(this.#agent.place, await this.#hubNow());
    this.#remembered = performance.now();
  }

  async #hubNow(): Promise<number> {
    return this.#agent.now() + (await hubTimeOffset(this.#agent));
  }

  /** Another default route than before: a modem has dialled, a satellite is in sight. */
  #look(): void {
    const now = routes();
    const isUp = this.#routes !== undefined && now !== '' && now !== this.#routes;
    this.#routes = now;
    if (isUp && this.#interval > 0 && this.#failures > 0) this.ask();
  }
}

function tell({ log }: Agent, { ok, error, exit, up, down, link }: SyncResult): void {
  const facts = { link, sent: up.mails, received: down.mails, bytes: up.bytesWire + down.bytesWire };
  if (ok) log.info('synced', facts);
  else log.warn('a sync ended early; it goes on where it was', { ...facts, exit, reason: error });
}

/** The default routes, as the kernel has them; of IPv6 without what counts their use. */
function routes(): string {
  const four = linesOf('/proc/net/route').filter((line) => line.split('\t')[1] === '00000000');
  const six = linesOf('/proc/net/ipv6_route')
    .map((line) => line.trim().split(/\s+/))
    .filter(([to, bits, , , , , , , , device]) => /^0+$/.test(to ?? '') && bits === '00' && device !== 'lo')
    .map(([, , , , gateway, , , , , device]) => `${gateway} ${device}`);
  return [...four, ...six].join('\n');
}

/**
 * None where there is no such file: a kernel without IPv6. At once, since these files lie in memory, and each step of a reading
 * beside would wake two threads, for as long as the laptop is on.
 */
function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'latin1').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return [];
  }
}
