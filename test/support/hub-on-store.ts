/** A hub with a real directory and real routing, over whatever store a test gives it; without listeners. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HubConfig, loadHubConfig } from '../../hub/config.ts';
import type { Hub } from '../../hub/hub.ts';
import { hubTables } from '../../hub/hub-tables.ts';
import { aloneHubs } from '../../hub/hubs.ts';
import { openDirectory } from '../../hub/live-directory.ts';
import { route } from '../../shared/core/route.ts';
import { type Call, type Command, Exit } from '../../shared/io/command-line.ts';
import type { Log } from '../../shared/io/log.ts';
import type { Place } from '../../shared/io/mail.ts';
import { recover } from '../../shared/io/recover.ts';
import type { Store } from '../../shared/io/store.ts';
import { NO_FILES } from './no-files.ts';

function testConfig(): HubConfig {
  const folder = mkdtempSync(join(tmpdir(), 'fieldpost-config-'));
  const file = join(folder, 'hub.toml');
  const names = 'hostname = "kabul.example.org"\ndomain = "example.org"';
  writeFileSync(file, `${names}\nstore.path = "${folder}"\nlisten.sync = "0.0.0.0:4433"\n`);
  const config = loadHubConfig(file);
  rmSync(folder, { recursive: true });
  return config;
}

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };
const config = testConfig();

/** Opens it as a start after a stop does. */
export async function hubOnStore(store: Store): Promise<Hub> {
  const directory = await openDirectory(store, config);
  const place: Place = {
    store,
    hostname: config.hostname,
    log: SILENT,
    route: (peer, sender, recipient) => route(hubTables(directory.current, config), peer, sender, recipient),
  };
  await recover(place);
  return {
    config,
    log: SILENT,
    store,
    directory,
    place,
    secret: Buffer.alloc(32, 7),
    spool: '/nowhere',
    listening: new Map(),
    hubs: aloneHubs(),
    now: () => 1_795_471_464,
    onPublished: () => () => {},
  };
}

export interface Ran {
  readonly code: number;
  readonly out: readonly string[];
  readonly error?: string;
}

/** Runs `office add`, … with arguments as they would be typed. */
export async function runCommand(
  commands: readonly Command<Hub>[],
  hub: Hub,
  line: string,
  { files = {} }: { readonly files?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  const command = commands.find(({ words }) => line === words || line.startsWith(`${words} `));
  if (!command) throw new Error(`no command ${line}`);
  const args = line.slice(command.words.length).split(' ').filter(Boolean);
  const options = args.filter((arg) => arg.startsWith('--') && arg !== '--json');
  const out: string[] = [];
  const call: Call = {
    positionals: args.filter((arg) => !arg.startsWith('--')),
    options: Object.fromEntries(options.map((option) => optionOf(command, option))) as Call['options'],
    json: args.includes('--json'),
    out: (text) => out.push(text),
    ...NO_FILES,
    readFile: async (path) => Buffer.from(files[path] ?? ''),
  };
  try {
    return { code: (await command.run(hub, call)) ?? 0, out };
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    return { code: error.code, out, error: error.message };
  }
}

function optionOf({ options }: Command<Hub>, text: string): readonly [string, string | boolean | readonly string[]] {
  const [, name = '', value = ''] = /^--([^=]+)=?(.*)$/.exec(text) ?? [];
  if (options?.[name]?.type === 'boolean') return [name, true];
  return [name, options?.[name]?.multiple ? value.split(',') : value];
}
