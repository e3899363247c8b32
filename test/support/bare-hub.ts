/**
 * A hub without a directory: real store, real `accept`, and a table that the test gives. For tests of a part that stands
 * beside routing.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadHubConfig } from '../../hub/config.ts';
import type { Hub } from '../../hub/hub.ts';
import { aloneHubs } from '../../hub/hubs.ts';
import { openDirectory } from '../../hub/live-directory.ts';
import type { Office } from '../../shared/core/directory.ts';
import { deferred, refused, type Verdict } from '../../shared/core/verdict.ts';
import { openFsStore } from '../../shared/io/fs-store.ts';
import type { Log } from '../../shared/io/log.ts';
import type { Place } from '../../shared/io/mail.ts';
import { type ListedEntry, listEntries, openEntry } from '../../shared/io/maildir.ts';

interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface BareHub extends Hub {
  readonly logged: LogLine[];
  /** Moves the clock on. */
  wait(seconds: number): void;
  entries(maildir: string): Promise<readonly ListedEntry[]>;
  /** Body of the one entry there. */
  only(
    maildir: string,
  ): Promise<{ readonly sender: string; readonly recipients: readonly string[]; readonly body: Buffer }>;
  close(): Promise<void>;
}

export interface BareHubOptions {
  /** More tables of hub.toml. */
  readonly toml?: string;
  readonly postmaster?: string;
  readonly offices?: readonly Office[];
  /** A folder that an earlier hub left. */
  readonly folder?: string;
  readonly clock?: number;
}

/** Addresses of example.org go to the office of their first letters (`herat.farid@…`); of elsewhere, if the peer relays, out. */
export async function bareHub({
  toml = '',
  postmaster,
  offices = [],
  folder,
  clock,
}: BareHubOptions = {}): Promise<BareHub & { folder: string }> {
  const root = folder ?? (await mkdtemp(join(tmpdir(), 'fieldpost-hub-')));
  const file = join(root, 'hub.toml');
  await writeFile(
    file,
    `hostname = "kabul.example.org"\ndomain = "example.org"\n${postmaster ? `postmaster = "${postmaster}"\n` : ''}[store]\npath = "${root}/store"\n${toml}`,
  );
  const config = loadHubConfig(file);
  const store = await openFsStore(join(root, 'store'), { owner: 'hub' });
  const spool = join(root, 'spool');
  await mkdir(spool, { recursive: true });
  const logged: LogLine[] = [];
  const listeners = new Set<(maildir: string, key?: string) => void>();
  let offset = (clock ?? Math.floor(Date.now() / 1000)) - Math.floor(Date.now() / 1000);
  const log = collect(logged);
  const place: Place = {
    store,
    hostname: config.hostname,
    log,
    route: ({ relays }, sender, recipient) => {
      const maildir = maildirFor(recipient, relays);
      if (typeof maildir !== 'string') return { verdict: maildir, deliveries: [] };
      return {
        verdict: { letter: 'K', text: 'ok' },
        deliveries: [{ maildir, form: 'entry', sender, recipient }],
      };
    },
    published: (maildir, key) => {
      for (const listener of listeners) listener(maildir, key);
    },
  };
  const stored = await openDirectory(store, config);
  const directory = { ...stored.current, offices: new Map(offices.map((office) => [office.name, office])) };
  const entries = (maildir: string) => listEntries(store, maildir);
  return {
    folder: root,
    config,
    log,
    logged,
    store,
    place,
    listening: new Map(),
    hubs: aloneHubs(),
    spool,
    directory: {
      current: directory,
      office: (name) => directory.offices.get(name),
      officeOfKey: (keyId) => offices.find((office) => office.keyId === keyId),
      refresh: () => stored.refresh(),
      edit: (edit) => stored.edit(edit),
      publicAt: (hash) => stored.publicAt(hash),
    },
    secret: Buffer.alloc(32, 7),
    now: () => Math.floor(Date.now() / 1000) + offset,
    wait: (seconds) => {
      offset += seconds;
    },
    onPublished: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    entries,
    only: async (maildir) => {
      const all = await entries(maildir);
      if (all.length !== 1) throw new Error(`${all.length} entries in ${maildir}`);
      const entry = await openEntry(store, all[0]?.key ?? '');
      if (!entry) throw new Error('the entry has gone');
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry.body.read()) chunks.push(chunk);
      return { ...entry.head, body: Buffer.concat(chunks) };
    },
    close: () => rm(root, { recursive: true, force: true }),
  };
}

function maildirFor(recipient: string, relays: boolean): string | Verdict {
  const [local = '', domain = ''] = recipient.split('@');
  if (domain !== 'example.org')
    return relays ? 'internet' : refused("that domain isn't in my list of allowed domains (#5.7.1)");
  if (local.startsWith('later')) return deferred('the tables cannot be read now (#4.3.0)');
  const office = /^([a-z]+)\./.exec(local)?.[1];
  return office ? `office/${office}` : refused('there is no such user (#5.1.1)');
}

const collect = (lines: LogLine[]): Log => {
  const write =
    (level: string) =>
    (event: string, fields: LogLine['fields'] = {}) =>
      void lines.push({ level, event, fields });
  return { info: write('info'), warn: write('warn'), error: write('error') };
};
