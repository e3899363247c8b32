/** What every part of the hub works with, made once by open-hub.ts. */
import type { Command } from '../shared/io/command-line.ts';
import type { Log } from '../shared/io/log.ts';
import type { Place } from '../shared/io/mail.ts';
import type { Store } from '../shared/io/store.ts';
import type { HubConfig } from './config.ts';
import type { Hubs } from './hubs.ts';
import type { LiveDirectory } from './live-directory.ts';

export interface Hub {
  readonly config: HubConfig;
  readonly log: Log;
  readonly store: Store;
  readonly directory: LiveDirectory;
  /** The other hubs on the store. */
  readonly hubs: Hubs;
  /** The machine as `accept` sees it. */
  readonly place: Place;
  /** Master secret that offices' keys are derived from (hub/office-key.ts). 32 bytes. */
  readonly secret: Uint8Array;
  /** Folder for bodies on their way in; emptied at start. */
  readonly spool: string;
  /** host:port by listener, while this hub serves. */
  readonly listening: ReadonlyMap<string, string>;
  /** Unix seconds. */
  now(): number;
  /** Calls back after mail has been published to a maildir; answers how to stop. */
  onPublished(listener: (maildir: string, key?: string) => void): () => void;
}

/** A part that `hub serve` runs. */
export interface Service {
  /** Name in the ready line and in `[listen]`: `smtp`, `sync`, … */
  readonly name: string;
  /** host:port that it really listens on; absent for one without a listener. */
  readonly address?: string;
  /** Takes no new work, finishes or safely drops what is in hand, within `seconds`. */
  close(seconds: number): Promise<void>;
}

/**
 * A command of the hub. It runs inside the serving hub when there is one (so that two writers never meet), with the live
 * Hub.
 */
export type HubCommand = Command<Hub>;
