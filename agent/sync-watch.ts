/** The sync of the daemon while it runs, for whoever looks on: how far it is, what came of the last one, and a way to end it. */
import { countMaildir } from '../shared/io/maildir.ts';
import { type Agent, OUT } from './agent.ts';
import type { LinkConfig } from './config.ts';
import { chooseLink } from './link.ts';
import type { ProgressFacts } from './progress.ts';
import { type RunSyncOptions, runSync } from './run-sync.ts';
import type { SyncProgress, SyncResult } from './sync.ts';

export interface EndedSync {
  readonly result: SyncResult;
  /** Somebody ended it. */
  readonly isCancelled: boolean;
}

interface RunningSync {
  readonly link: LinkConfig;
  /** `performance.now()` when it began. */
  readonly since: number;
  readonly bytesWaiting: number;
  readonly abort: AbortController;
  progress: SyncProgress;
}

const NOTHING = { mails: 0, bytesRaw: 0 } as const;

export class SyncWatch {
  readonly #agent: Agent;
  readonly #listeners = new Set<() => void>();
  #running: RunningSync | undefined;
  /** Of the last sync; undefined before the first. */
  last: EndedSync | undefined;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** How far the sync is that runs; undefined when none does. */
  get running(): ProgressFacts | undefined {
    if (!this.#running) return undefined;
    const { progress, link, since, bytesWaiting } = this.#running;
    return { progress, link, bytesWaiting, seconds: (performance.now() - since) / 1_000 };
  }

  /** Syncs; throws what runSync throws. */
  async run(options: RunSyncOptions, stop: AbortSignal): Promise<EndedSync> {
    const abort = new AbortController();
    const running: RunningSync = {
      link: await chooseLink(this.#agent.config, options.linkName),
      since: performance.now(),
      bytesWaiting: (await countMaildir(this.#agent.store, OUT)).bytes,
      abort,
      progress: { sent: NOTHING, received: NOTHING, resumed: 0, bytesUp: 0, bytesDown: 0 },
    };
    this.#running = running;
    this.#tell();
    try {
      const signal = AbortSignal.any([stop, abort.signal]);
      const onProgress = (progress: SyncProgress): void => {
        running.progress = progress;
        this.#tell();
      };
      const result = await runSync(this.#agent, { ...options, signal, onProgress });
      this.last = { result, isCancelled: abort.signal.aborted && !result.ok };
      return this.last;
    } finally {
      this.#running = undefined;
      this.#tell();
    }
  }

  /** Ends the sync that runs; what has arrived stands. */
  cancel(): void {
    this.#running?.abort.abort();
  }

  /** Calls back whenever something has changed; answers how to stop. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
