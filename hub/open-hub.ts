/** Opens what hub.toml names: secret, store, directory; and makes of it the one Hub that all parts work with. */
import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { route } from '../shared/core/route.ts';
import { openFsStore, readFsStore } from '../shared/io/fs-store.ts';
import { type Lock, tryLock } from '../shared/io/lock.ts';
import type { Log } from '../shared/io/log.ts';
import type { Place } from '../shared/io/mail.ts';
import { recover } from '../shared/io/recover.ts';
import { emptySpool } from '../shared/io/spool.ts';
import type { Store } from '../shared/io/store.ts';
import { audited } from './audit.ts';
import type { HubConfig } from './config.ts';
import type { Hub } from './hub.ts';
import { hubTables } from './hub-tables.ts';
import { voiceOf } from './hub-voice.ts';
import { StoreHubs } from './hubs.ts';
import { openDirectory } from './live-directory.ts';
import { loadMasterSecret } from './office-key.ts';
import { openS3Store, readS3Store, type S3Options } from './s3-store.ts';
import { makeSrs } from './srs.ts';

/** The local folder of a hub: spool, run file. */
export function dataFolder(config: HubConfig): string {
  const beside = dirname(config.file);
  if (config.data !== undefined) return resolve(beside, config.data);
  return 'path' in config.store ? resolve(beside, config.store.path) : join(beside, 'data');
}

/** The folder that is the store; undefined where that is a bucket. */
export const storeFolder = ({ file, store }: HubConfig): string | undefined =>
  'path' in store ? resolve(dirname(file), store.path) : undefined;

export function openHubStore(config: HubConfig): Promise<Store> {
  const { store } = config;
  return 'path' in store ? openFsStore(storeFolder(config) ?? '', { owner: 'hub' }) : openS3Store(bucketOf(store));
}

/** The same, to look at only. */
export async function readHubStore(config: HubConfig): Promise<Store> {
  const { store } = config;
  return 'path' in store ? readFsStore(storeFolder(config) ?? '', { owner: 'hub' }) : readS3Store(bucketOf(store));
}

const bucketOf = (store: Extract<HubConfig['store'], { bucket: string }>): S3Options => ({
  bucket: store.bucket,
  region: store.region,
  prefix: store.prefix,
  pathStyle: store.path_style,
  ...(store.endpoint === undefined ? {} : { endpoint: store.endpoint }),
});

/** One hub process works on a data folder at a time; the lock goes with the process, however that ends. */
export async function lockData(config: HubConfig): Promise<Lock | undefined> {
  const data = dataFolder(config);
  await mkdir(data, { recursive: true, mode: 0o700 });
  return tryLock(`fieldpost-hub ${await realpath(data)}`);
}

/** Opens all; puts right what a crash may have left. The caller holds the lock of the data folder. */
export async function openHub(
  config: HubConfig,
  log: Log,
  listening: ReadonlyMap<string, string> = new Map(),
): Promise<Hub> {
  const secret = await loadMasterSecret(config.secret_file);
  const store = await openHubStore(config);
  const spool = join(dataFolder(config), 'spool');
  await emptySpool(spool);
  const listeners = new Set<(maildir: string, key?: string) => void>();
  const now = (): number => Math.floor(Date.now() / 1000);
  const directory = audited(await openDirectory(store, config), { store, now });
  const publishedHere = (maildir: string, key: string | undefined): void => {
    for (const listener of listeners) listener(maildir, key);
  };
  const hubs = new StoreHubs(
    store,
    log,
    voiceOf(() => hub, publishedHere),
  );
  const srs = makeSrs(secret);
  const place: Place = {
    store,
    hostname: config.hostname,
    log,
    route: (peer, sender, recipient) => {
      const tables = hubTables(directory.current, config);
      const back = sender === '' ? srs.returning(tables, recipient, now()) : undefined;
      if (!back) return route(tables, peer, sender, recipient);
      // Only who got the address from us can have it, so even a stranger's bounce may leave again.
      return 'refusal' in back ? back.refusal : route(tables, { ...peer, relays: true }, sender, back.recipient);
    },
    published: (maildir, key) => {
      publishedHere(maildir, key);
      hubs.tell(maildir, key);
    },
  };
  await recover(place);
  const hub: Hub = {
    config,
    log,
    store,
    directory,
    hubs,
    place,
    secret,
    spool,
    listening,
    now,
    onPublished: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return hub;
}
