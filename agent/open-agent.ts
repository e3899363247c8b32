/** Opens what agent.toml names: key, data folder, directory, accounts; and makes of it the one Agent that all parts use. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  DirectoryError,
  decodeDirectory,
  directoryTables,
  encodeDirectory,
  type PublicDirectory,
  seedDirectory,
} from '../shared/core/public-directory.ts';
import { route } from '../shared/core/route.ts';
import type { Tables } from '../shared/core/tables.ts';
import type { Token } from '../shared/core/token.ts';
import { type Accounts, readAccounts } from '../shared/io/accounts.ts';
import { bytesBody, readBody } from '../shared/io/body.ts';
import { openFsStore } from '../shared/io/fs-store.ts';
import type { Log } from '../shared/io/log.ts';
import type { Place } from '../shared/io/mail.ts';
import { recover } from '../shared/io/recover.ts';
import { emptySpool } from '../shared/io/spool.ts';
import { type Store, StoreError } from '../shared/io/store.ts';
import type { Agent } from './agent.ts';
import type { AgentConfig } from './config.ts';
import { loadKey } from './key.ts';

/** Puts right what a crash may have left. Several agent processes may work on one data folder. */
export async function openAgent(config: AgentConfig, log: Log): Promise<Agent> {
  const token = await loadKey(config);
  const store = await openFsStore(config.data, { owner: 'agent' });
  const spool = join(config.data, 'spool');
  await emptySpool(spool);
  const tables = await LiveTables.open(store, token);
  const listeners = new Set<(maildir: string) => void>();
  const place: Place = {
    store,
    hostname: placeName(token),
    log,
    route: (peer, sender, recipient) => route(tables.current, peer, sender, recipient),
    published: (maildir) => {
      for (const listener of listeners) listener(maildir);
    },
  };
  await recover(place);
  return {
    config,
    log,
    store,
    place,
    key: { identity: token.identity, key: token.key },
    spool,
    directory: () => tables.directory,
    setDirectory: (directory) => tables.set(directory),
    accounts: () => tables.accounts,
    refresh: () => tables.refresh(),
    boot: (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim(),
    now: () => Math.floor(Date.now() / 1000),
    onPublished: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A laptop is seldom named well; its office is. */
const placeName = ({ officeDomains, office }: Token): string =>
  officeDomains.find((domain) => !domain.startsWith('.')) ?? `${office}.${hostname()}`;

const DIRECTORY = 'directory';
const DIRECTORY_BYTES_MAX = 20_000_000;
/** Doors ask before every mail; another process changes it once in a trip. */
const REFRESH_MS = 500;

/** The directory, the accounts, and the tables that are made of both. */
class LiveTables {
  readonly #store: Store;
  readonly #token: Token;
  #bytes: Buffer = Buffer.alloc(0);
  #directory: PublicDirectory;
  #accounts: Accounts = new Map();
  #tables: Tables | undefined;
  #read = 0;

  private constructor(store: Store, token: Token) {
    this.#store = store;
    this.#token = token;
    this.#directory = seedDirectory(token);
  }

  static async open(store: Store, token: Token): Promise<LiveTables> {
    const tables = new LiveTables(store, token);
    await tables.#load();
    return tables;
  }

  get directory(): PublicDirectory {
    return this.#directory;
  }

  get accounts(): Accounts {
    return this.#accounts;
  }

  get current(): Tables {
    this.#tables ??= directoryTables(this.#directory, {
      office: this.#token.office,
      localUsers: this.#accounts.keys(),
    });
    return this.#tables;
  }

  async set(directory: PublicDirectory): Promise<void> {
    await this.#store.put(DIRECTORY, bytesBody(encodeDirectory(directory)));
    await this.#load();
  }

  async refresh(): Promise<void> {
    if (performance.now() - this.#read >= REFRESH_MS) await this.#load();
  }

  async #load(): Promise<void> {
    this.#accounts = await readAccounts(this.#store);
    const body = await this.#store.get(DIRECTORY);
    if (body) this.#decode(await readBody(body, DIRECTORY_BYTES_MAX));
    this.#tables = undefined;
    this.#read = performance.now();
  }

  #decode(bytes: Buffer): void {
    if (bytes.equals(this.#bytes)) return;
    this.#directory = decodeStored(bytes);
    this.#bytes = bytes;
  }
}

function decodeStored(bytes: Buffer): PublicDirectory {
  try {
    return decodeDirectory(bytes);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    throw new StoreError(`${DIRECTORY} in the data folder is damaged: remove it, and the next sync brings it again`);
  }
}
