/** Taylor UUCP over TCP, not encrypted: `rmail` for each mail, or `rbatch` with a batch for each call. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { done, run } from '../../support/program.ts';
import { packBatch } from '../batch.ts';
import { peopleOf } from '../envelope.ts';
import type { Peer } from '../peer.ts';
import { openInbox } from './inbox.ts';

const UUCICO = '/usr/lib/uucp/uucico';
const PASSWORD = 'bench';

/** Locks too: two benches on one machine do not wait for each other. */
const FOLDERS = ['spool', 'pubdir', 'lockdir'];

const commonConfig = (folder: string, name: string): string =>
  [
    `nodename ${name}`,
    ...FOLDERS.map((word) => `${word} ${folder}/${name}/${word}`),
    ...['log', 'stat', 'debug'].map((word) => `${word}file ${folder}/${name}/${word}`),
    ...['sys', 'port', 'passwd'].map((word) => `${word}file ${folder}/${name}/${word}`),
    '',
  ].join('\n');

interface UucpOptions {
  readonly folder: string;
  readonly protocol: string;
  readonly port: number;
  readonly bin: string;
}

async function configure({ folder, protocol, port, bin }: UucpOptions): Promise<void> {
  const office = `system hub\ncall-login office\ncall-password ${PASSWORD}\ntime any\nport line\naddress 127.0.0.1\nchat ogin: \\L word: \\P\nchat-timeout 90\nprotocol ${protocol}\n`;
  const hub = `system office\ncalled-login office\ncommands rmail rbatch\ncommand-path ${bin}\nprotocol ${protocol}\n`;
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

const uucp = (name: string, protocol: string, batches: boolean): Peer => ({
  name,
  encrypted: false,
  needs: [UUCICO, '/usr/bin/uux', '/usr/sbin/uuxqt'],
  open: async (folder) => {
    const inbox = await openInbox(folder);
    const [officeConfig, hubConfig] = ['office', 'hub'].map((end) => join(folder, end, 'config'));
    const server = await serve(hubConfig ?? '');
    const proxy = await CuttingProxy.open(`127.0.0.1:${(server.address() as { port: number }).port}`);
    await configure({ folder, protocol, port: proxy.port, bin: inbox.bin });
    // Its programs run as the user uucp, whoever starts them.
    await chmod(folder, 0o755);
    done(await run('chown', ['-R', 'uucp:uucp', folder]));
    const queue = async (command: readonly string[], input: Buffer): Promise<void> => {
      done(await run('/usr/bin/uux', ['-I', officeConfig ?? '', '-r', '-n', '-', ...command], { input }));
    };
    return {
      proxy,
      post: async (mails, people) => {
        if (batches && mails.length > 0) await queue(['hub!rbatch'], packBatch(mails, people));
        if (!batches)
          for (const mail of mails) await queue(['hub!rmail', ...peopleOf(people).map((to) => `(${to})`)], mail);
      },
      call: async () => (await run(UUCICO, ['-I', officeConfig ?? '', '-s', 'hub', '-f', '-q'])).code === 0,
      isEmpty: async () => !(await filesBelow(join(folder, 'office/spool'))).some((path) => path.includes('/C./')),
      delivered: async () => {
        await run('/usr/sbin/uuxqt', ['-I', hubConfig ?? '']);
        return inbox.mails();
      },
      advance: async () => {
        // A uucico that is ending takes its files with it.
        const sizes = (await filesBelow(join(folder, 'hub/spool'))).map(
          async (path) => (await stat(path).catch(() => undefined))?.size ?? 0,
        );
        return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
      },
      close: async () => {
        await proxy.close();
        server.close();
      },
    };
  },
});

export const UUCP: readonly Peer[] = [
  uucp('UUCP t + zstd batch', 't', true),
  uucp('UUCP i + zstd batch', 'i', true),
  uucp('UUCP i per mail', 'i', false),
];
