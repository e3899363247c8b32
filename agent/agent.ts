/** What every part of the agent works with, made once by open-agent.ts. */
import type { PublicDirectory } from '../shared/core/public-directory.ts';
import type { Accounts } from '../shared/io/accounts.ts';
import type { Command } from '../shared/io/command-line.ts';
import type { Log } from '../shared/io/log.ts';
import type { Place } from '../shared/io/mail.ts';
import type { ServiceManager } from '../shared/io/service-manager.ts';
import type { Store } from '../shared/io/store.ts';
import type { AgentConfig } from './config.ts';

interface OfficeKey {
  /** What the office calls itself on the wire. */
  readonly identity: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

export interface Agent {
  readonly config: AgentConfig;
  readonly log: Log;
  /** The data folder: out/, users/NAME/, seen/, directory. */
  readonly store: Store;
  /** The machine as `accept` sees it. */
  readonly place: Place;
  readonly key: OfficeKey;
  /** Folder for bodies on their way in. */
  readonly spool: string;
  /** The directory as the last trip left it. */
  directory(): PublicDirectory;
  /** Makes a new directory durable and routes by it from now on. */
  setDirectory(directory: PublicDirectory): Promise<void>;
  /** Who has a password here. */
  accounts(): Accounts;
  /** Reads again what another process may have changed: the directory and the users. */
  refresh(): Promise<void>;
  /** Names this start of the machine: with another one its clock may have begun anew. */
  readonly boot: string;
  /** Unix seconds by this laptop's clock, which may be wrong. */
  now(): number;
  /** Calls back after mail has been published to a maildir; answers how to stop. */
  onPublished(listener: (maildir: string) => void): () => void;
}

/** The maildir of what waits for the hub. */
export const OUT = 'out';
export const userMaildir = (name: string): string => `users/${name}`;

/** What a command of the agent works with. */
export interface Desk {
  readonly configFile: string;
  readonly log: Log;
  readonly stdin: NodeJS.ReadStream;
  /** A sentence for a person, on stderr. */
  say(line: string): void;
  /** Replaces the line that shows how far a sync is; only a terminal shows it. */
  progress(line: string): void;
  load(): AgentConfig;
  /** Resolves when the program shall stop. */
  stop(): Promise<unknown>;
  open(): Promise<Agent>;
  /** Who has started the daemon, and watches it. */
  readonly manager: ServiceManager;
}

export type AgentCommand = Command<Desk>;

/** A part that `agent run` runs. */
export interface AgentService {
  /** Name in the ready line and in `[listen]`: `smtp`, `pop3`, … */
  readonly name: string;
  /** host:port that it really listens on; absent for one without a listener. */
  readonly address?: string;
  /** Takes no new work, finishes or safely drops what is in hand, within `seconds`. */
  close(seconds: number): Promise<void>;
}
