/** A hub and offices as an operator has them: a folder each, with its configuration, and the program that serves it. */
import type { ChildProcess } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ProgramName } from '../../tools/build.ts';
import { Daemon, done, type Outcome, type RunOptions, runProgram } from './program.ts';

/** A port of the loopback that is free now. For what must keep its port over a restart; all else listens on port 0. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

class Site {
  readonly folder: string;
  readonly configFile: string;
  readonly #program: ProgramName;
  readonly #serve: string;
  readonly #env: Readonly<Record<string, string>>;
  #daemon: Daemon | undefined;
  /** Highest resident memory of any run so far, bytes. */
  memoryPeakBytes = 0;

  constructor(
    program: ProgramName,
    serve: string,
    { folder, env = {} }: { folder: string; env?: Record<string, string> },
  ) {
    this.folder = folder;
    this.configFile = join(folder, `${program}.toml`);
    this.#program = program;
    this.#serve = serve;
    this.#env = env;
  }

  /** The program that serves; throws when it does not. */
  get daemon(): Daemon {
    if (!this.#daemon) throw new Error(`${this.folder} is not served`);
    return this.#daemon;
  }

  /** The program that serves, if it does now. */
  get served(): Daemon | undefined {
    return this.#daemon?.isRunning ? this.#daemon : undefined;
  }

  get logFile(): string {
    return join(this.folder, 'log');
  }

  command(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const args = [...words, '--config', this.configFile];
    return runProgram(this.#program, args, { ...options, env: { ...this.#env, ...options.env } });
  }

  async start(): Promise<Daemon> {
    this.#daemon = await Daemon.start(
      this.#program,
      [this.#serve, '--config', this.configFile],
      this.logFile,
      this.#env,
    );
    return this.#daemon;
  }

  async #noteMemory(): Promise<void> {
    if (!this.#daemon?.isRunning) return;
    this.memoryPeakBytes = Math.max(this.memoryPeakBytes, await this.#daemon.memoryPeakBytes());
  }

  async kill9(): Promise<void> {
    await this.#noteMemory();
    await this.#daemon?.kill9();
    this.#daemon = undefined;
  }

  /** Answers the exit code; 0 when it did not serve. */
  async stop(): Promise<number> {
    await this.#noteMemory();
    const code = (await this.#daemon?.stop()) ?? 0;
    this.#daemon = undefined;
    return code;
  }
}

export interface HubOptions {
  readonly folder: string;
  /** Lines of `[store]`; default: a folder. */
  readonly store?: string;
  /** Where all mail for the Internet goes: host:port. */
  readonly smarthost: string;
  /** Lines before the tables of hub.toml. */
  readonly above?: string;
  /** More tables of hub.toml. */
  readonly more?: string;
  readonly env?: Record<string, string>;
}

export class HubSite extends Site {
  readonly syncPort: number;

  private constructor(options: HubOptions, syncPort: number) {
    super('hub', 'serve', options);
    this.syncPort = syncPort;
  }

  static async make(options: HubOptions): Promise<HubSite> {
    const site = new HubSite(options, await freePort());
    await mkdir(site.folder, { recursive: true });
    await writeFile(site.configFile, hubToml(site, options));
    return site;
  }

  /** Answers the enrolment token. */
  async addOffice(name: string, ...more: readonly string[]): Promise<string> {
    const { out } = done(await this.command(['office', 'add', name, ...more]));
    return out.trimEnd().split('\n').at(-1) ?? '';
  }
}

const hubToml = ({ folder, syncPort }: HubSite, { store, smarthost, above = '', more = '' }: HubOptions): string => `
hostname = "kabul.example.org"
domain = "example.org"
public = "127.0.0.1:${syncPort}"
data = "${folder}/data"
${above}
[store]
${store ?? `path = "${folder}/store"`}
[listen]
sync = "127.0.0.1:${syncPort}"
smtp = "127.0.0.1:0"
qmtp = "127.0.0.1:0"
admin = "127.0.0.1:0"
[relay]
smarthost = "smtp://${smarthost}"
${more}
`;

export interface OfficeOptions {
  readonly folder: string;
  readonly name: string;
  readonly token: string;
  /** host:port that it dials; default: what the token says. */
  readonly hub?: string;
  /** Further tables of agent.toml. */
  readonly more?: string;
}

/** One line of `agent sync --json`. */
export interface SyncLine {
  readonly ok: boolean;
  readonly up: { readonly mails: number; readonly bytesRaw: number; readonly bytesWire: number };
  readonly down: { readonly mails: number; readonly bytesRaw: number; readonly bytesWire: number };
  readonly error?: string;
}

export class OfficeSite extends Site {
  readonly name: string;
  readonly data: string;
  #sync: ChildProcess | undefined;

  private constructor({ folder, name }: OfficeOptions) {
    super('agent', 'run', { folder });
    this.name = name;
    this.data = join(folder, 'data');
  }

  /** Enrols as an operator would, then gives it ports that are free. */
  static async make(options: OfficeOptions): Promise<OfficeSite> {
    const site = new OfficeSite(options);
    await mkdir(site.folder, { recursive: true });
    done(await site.command(['enrol', options.token, '--data', site.data]));
    const enrolled = await readFile(site.configFile, 'utf8');
    const line = (key: string): string => new RegExp(`^${key}\\s*=.*$`, 'm').exec(enrolled)?.[0] ?? '';
    const hub = options.hub ? `hub = "${options.hub}"` : line('hub');
    const toml = [line('office'), hub, line('key_file'), line('data'), LISTEN, options.more ?? ''];
    await writeFile(site.configFile, toml.join('\n'));
    return site;
  }

  /** One sync; undefined when it could not even say what it did (killed). */
  async sync(
    options: RunOptions = {},
  ): Promise<{ readonly code: number; readonly line?: SyncLine; readonly err: string }> {
    const started = (child: ChildProcess): void => {
      this.#sync = child;
    };
    const { code, out, err } = await this.command(['sync', '--json'], { started, ...options });
    const last = out.trim().split('\n').at(-1);
    return { code, err, ...(last?.startsWith('{') ? { line: JSON.parse(last) as SyncLine } : {}) };
  }

  /** SIGKILL for the sync that is running, if one is. */
  killSync(): void {
    this.#sync?.kill('SIGKILL');
  }

  /** What a mail program finds in the Maildir of a user. */
  async mailbox(user: string): Promise<readonly { readonly path: string; readonly bytes: Buffer }[]> {
    return readMaildir(join(this.data, 'users', user));
  }
}

const LISTEN = `[listen]
smtp = "127.0.0.1:0"
pop3 = "127.0.0.1:0"
qmtp = "127.0.0.1:0"
`;

/** Files of new/ and cur/, sorted by name. */
export async function readMaildir(
  folder: string,
): Promise<readonly { readonly path: string; readonly bytes: Buffer }[]> {
  const paths = (await Promise.all(['new', 'cur'].map((name) => filesOf(join(folder, name))))).flat();
  return Promise.all(paths.map(async (path) => ({ path, bytes: await readFile(path) })));
}

export async function filesOf(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort().map((name) => join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
