/** A hub as `hub serve` runs it, without the listeners: sockets are the world's. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HubConfig, loadHubConfig } from '../../hub/config.ts';
import { noteTrip } from '../../hub/contact.ts';
import type { Hub, Service } from '../../hub/hub.ts';
import { startLeading } from '../../hub/leading.ts';
import { finishMoves } from '../../hub/move-user.ts';
import { deriveOfficeKey } from '../../hub/office-key.ts';
import { openHub } from '../../hub/open-hub.ts';
import { startRelay } from '../../hub/relay.ts';
import { startRequests } from '../../hub/requests.ts';
import { startSilentOffice } from '../../hub/silent-office.ts';
import { dropStalePartials, officeOf, serveTrip } from '../../hub/trip-session.ts';
import { decodeHello, type Hello } from '../../shared/core/trip-greeting.ts';
import { RecordReader, TripError } from '../../shared/core/trip-record.ts';
import { type Command, EXIT, Exit } from '../../shared/io/command-line.ts';
import { expire } from '../../shared/io/expire.ts';
import { StoreError } from '../../shared/io/store.ts';
import { TripRefused } from '../../shared/io/trip-side.ts';
import type { Called } from './line.ts';
import { diskPath } from './sim-files.ts';
import type { Process } from './simulation.ts';
import { type Line, logOf, newMachine, putFile, Site } from './site.ts';

function configOfWorlds(): HubConfig {
  const folder = mkdtempSync(join(tmpdir(), 'fieldpost-sim-'));
  const file = join(folder, 'hub.toml');
  const lines = [
    'hostname = "kabul.example.org"',
    'domain = "example.org"',
    `store.path = "${folder}"`,
    'stick_wait = "8 h"',
    'listen.sync = "0.0.0.0:443"',
    '[relay]',
    'smarthost = "smtp://127.0.0.1:25"',
    'lifetime = "3 days"',
    '[silent]',
    'delayed = "1 day"',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const config = loadHubConfig(file);
  rmSync(folder, { recursive: true });
  return config;
}

let config: HubConfig | undefined;

const SECRET = Buffer.alloc(32, 7);
const DAY_MS = 86_400_000;

export interface HubOptions {
  readonly name: string;
  readonly onBucket: boolean;
  hear(line: Line): void;
}

export class HubSite extends Site<Hub> {
  readonly #options: HubOptions;

  constructor(options: HubOptions) {
    super(newMachine(options.name));
    this.#options = options;
    putFile(this.machine.disk, 'etc/hub.secret', SECRET);
  }

  protected override async open(process: Process): Promise<Hub> {
    const { name, onBucket, hear } = this.#options;
    config ??= configOfWorlds();
    const file = diskPath(process, 'etc/hub.toml');
    const store = onBucket
      ? { bucket: 'fieldpost', region: 'r', prefix: '', path_style: true }
      : { path: diskPath(process, 'store') };
    const hub = await openHub(
      { ...config, file, secret_file: diskPath(process, 'etc/hub.secret'), store, data: diskPath(process, 'data') },
      logOf(name, hear),
    );
    await hub.hubs.join();
    await finishMoves(hub);
    await dropStalePartials(hub);
    startRequests(hub);
    startLeading(hub, [startRelay, startSilentOffice, startForgetting]);
    return hub;
  }
}

function startForgetting(hub: Hub): Service {
  const forget = (): void => void expire(hub.place, hub.now()).catch(ignoreStore);
  forget();
  const timer = setInterval(forget, DAY_MS);
  return { name: 'expiry', close: async () => clearInterval(timer) };
}

function ignoreStore(error: unknown): void {
  if (!(error instanceof StoreError)) throw error;
}

/** What hub/sync.ts does with a POST. */
export async function answerCall(hub: Hub, { key, wire, refuse, hangUp }: Called): Promise<void> {
  const [keyId = '', generation] = key.identity.split('.');
  const caller = { keyId, generation: Number(generation) };
  if (!deriveOfficeKey(hub.secret, caller.keyId, caller.generation).equals(key.key))
    return refuse(EXIT.refused, 'the hub does not accept the key of this office');
  try {
    const office = await officeOf(hub, caller);
    const { hello, rest } = await readHello(wire.incoming);
    const outcome = await serveTrip(hub, caller, hello, { ...wire, incoming: rest });
    hangUp();
    const { sent, received, resumed, error } = outcome;
    const carried = { mailsUp: received.mails, mailsDown: sent.mails, bytesRawUp: 0, bytesRawDown: 0 };
    await noteTrip(hub, office.name, {
      ...carried,
      trips: 1,
      bytesWireUp: 0,
      bytesWireDown: 0,
      seconds: 1,
      resumed,
      trouble: error?.message,
    });
  } catch (error) {
    if (error instanceof TripRefused) return refuse(error.exit, error.message);
    if (error instanceof TripError) return refuse(EXIT.later, error.message);
    if (error instanceof StoreError) return refuse(EXIT.later, 'the hub failed; its log says how');
    throw error;
  }
}

async function readHello(
  incoming: AsyncIterable<Uint8Array>,
): Promise<{ readonly hello: Hello; readonly rest: AsyncIterable<Uint8Array> }> {
  const chunks = incoming[Symbol.asyncIterator]();
  for (let got = Buffer.alloc(0); ; ) {
    const { value, done } = await chunks.next();
    if (done) throw new TripError('the trip ended before it began');
    got = Buffer.concat([got, value]);
    for (const { payload } of new RecordReader().push(got)) {
      const rest = async function* (): AsyncGenerator<Uint8Array> {
        yield got;
        for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
      };
      return { hello: decodeHello(payload), rest: rest() };
    }
  }
}

export interface Ran {
  readonly code: number;
  readonly out: readonly string[];
}

export interface Files {
  readonly read?: AsyncIterable<Uint8Array>;
  write?(chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Runs a command as the command line would. */
export async function command<Context>(
  commands: readonly Command<Context>[],
  context: Context,
  line: readonly string[],
  files: Files = {},
): Promise<Ran> {
  const found = commands.find(({ words }) => line.join(' ').startsWith(words));
  if (!found) throw new Error(`there is no command ${line.join(' ')}`);
  const positionals = line.slice(found.words.split(' ').length);
  const out: string[] = [];
  const unread = (path: string): never => {
    throw new Error(`${path} is not there`);
  };
  try {
    const code = await found.run(context, {
      positionals,
      options: {},
      json: false,
      out: (text) => out.push(text),
      readFile: async (path) => unread(path),
      readChunks: (path) => files.read ?? unread(path),
      writeChunks: async (path, chunks) => (files.write ? files.write(chunks) : unread(path)),
    });
    return { code: code ?? EXIT.ok, out };
  } catch (error) {
    if (error instanceof Exit) return { code: error.code, out: [...out, error.message] };
    throw error;
  }
}
