/**
 * Two machines with Taylor UUCP, "office" and "hub", as folders: the office calls over TCP through a proxy that can cut. Not
 * encrypted. Needs root, for its programs run as the user uucp, whoever starts them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { CuttingProxy } from './cutting-proxy.ts';
import { done, run } from './program.ts';

const UUCICO = '/usr/lib/uucp/uucico';
const UUXQT = '/usr/sbin/uuxqt';
const UUX = '/usr/bin/uux';
export const UUCP_PROGRAMS: readonly string[] = [UUCICO, UUXQT, UUX];

const PASSWORD = 'secret';

/** Locks too: two runs on one machine do not wait for each other. */
const FOLDERS = ['spool', 'pubdir', 'lockdir'];

type UucpEnd = 'office' | 'hub';

export interface UucpOptions {
  readonly folder: string;
  /** `t`, `i`. */
  readonly protocol: string;
  /** What the other machine may have run, and the folder with these programs. */
  readonly commands: Readonly<Record<UucpEnd, { readonly names: string; readonly path: string }>>;
}

export interface UucpLine {
  readonly proxy: CuttingProxy;
  /** Program and arguments that queue a command with standard input for the other machine. */
  uux(end: UucpEnd, command: readonly string[]): readonly string[];
  /** The office calls; whether the call went to its end. */
  call(): Promise<boolean>;
  /** Runs what has come. */
  execute(end: UucpEnd): Promise<void>;
  /** Files of its spool. */
  spooled(end: UucpEnd): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openUucp(options: UucpOptions): Promise<UucpLine> {
  const { folder } = options;
  const configOf = (end: UucpEnd): string => join(folder, end, 'config');
  const server = await serve(configOf('hub'));
  const proxy = await CuttingProxy.open(`127.0.0.1:${(server.address() as { port: number }).port}`);
  await configure(options, proxy.port);
  await chmod(folder, 0o755);
  for (const end of ['office', 'hub']) done(await run('chown', ['-R', 'uucp:uucp', join(folder, end)]));
  return {
    proxy,
    uux: (end, command) => [UUX, '-I', configOf(end), '-r', '-n', '-', ...command],
    call: async () => (await run(UUCICO, ['-I', configOf('office'), '-s', 'hub', '-f', '-q'])).code === 0,
    execute: async (end) => void (await run(UUXQT, ['-I', configOf(end)])),
    spooled: (end) => filesBelow(join(folder, end, 'spool')),
    close: async () => {
      await proxy.close();
      server.close();
    },
  };
}

const commonConfig = (folder: string, name: string): string =>
  [
    `nodename ${name}`,
    ...FOLDERS.map((word) => `${word} ${folder}/${name}/${word}`),
    ...['log', 'stat', 'debug'].map((word) => `${word}file ${folder}/${name}/${word}`),
    ...['sys', 'port', 'passwd'].map((word) => `${word}file ${folder}/${name}/${word}`),
    '',
  ].join('\n');

async function configure({ folder, protocol, commands }: UucpOptions, port: number): Promise<void> {
  const mayRun = ({ names, path }: { names: string; path: string }): string =>
    names && `commands ${names}\ncommand-path ${path}\n`;
  const office = `system hub\ncall-login office\ncall-password ${PASSWORD}\ntime any\nport line\naddress 127.0.0.1\nchat ogin: \\L word: \\P\nchat-timeout 90\nprotocol ${protocol}\n${mayRun(commands.office)}`;
  const hub = `system office\ncalled-login office\nprotocol ${protocol}\n${mayRun(commands.hub)}`;
  const files = {
    office: { sys: office, port: `port line\ntype tcp\nservice ${port}\n`, passwd: '' },
    hub: { sys: hub, port: '', passwd: `office ${PASSWORD}\n` },
  };
  for (const [name, texts] of Object.entries(files)) {
    for (const part of FOLDERS) await mkdir(join(folder, name, part), { recursive: true });
    await writeFile(join(folder, name, 'config'), commonConfig(folder, name));
    for (const [file, text] of Object.entries(texts)) await writeFile(join(folder, name, file), text);
  }
}

/** What inetd does: a uucico for each caller. */
async function serve(config: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const child = spawn(UUCICO, ['-I', config, '-l', '-q'], { stdio: ['pipe', 'pipe', 'ignore'] });
    for (const stream of [socket, child.stdin]) stream.on('error', () => stream.destroy());
    socket.pipe(child.stdin);
    child.stdout.pipe(socket);
    // A uucico that misses its caller would wait for minutes.
    socket.once('end', () => setTimeout(() => child.kill('SIGTERM'), 300).unref());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
