/** An sshd of our own with a key of its own, behind the proxy. Needs root, as sshd does. */
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { freePort } from '../../support/sites.ts';
import { until } from '../../support/until.ts';

export const SSH_NEEDS = ['/usr/sbin/sshd', '/usr/bin/ssh', '/usr/bin/ssh-keygen'];

interface Ssh {
  readonly proxy: CuttingProxy;
  /** For ssh, to reach it through the proxy. */
  readonly options: readonly string[];
  readonly target: string;
  close(): Promise<void>;
}

const serverConfig = (folder: string, port: number): string => `
Port ${port}
ListenAddress 127.0.0.1
HostKey ${folder}/host
AuthorizedKeysFile ${folder}/authorized
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
Compression yes
`;

export async function openSsh(folder: string): Promise<Ssh> {
  for (const name of ['host', 'user'])
    execFileSync('/usr/bin/ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(folder, name)]);
  copyFileSync(join(folder, 'user.pub'), join(folder, 'authorized'));
  await chmod(join(folder, 'user'), 0o600);
  const port = await freePort();
  await writeFile(join(folder, 'sshd_config'), serverConfig(folder, port));
  mkdirSync('/run/sshd', { recursive: true });
  const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: 'ignore' });
  const ended = new Promise((resolve) => server.once('close', resolve));
  await until(
    async () => ((await answers(port)) ? true : undefined),
    async () => 'sshd does not listen',
  );
  const proxy = await CuttingProxy.open(`127.0.0.1:${port}`);
  const key = execFileSync('cat', [join(folder, 'host.pub')], { encoding: 'utf8' });
  await writeFile(join(folder, 'known'), `[127.0.0.1]:${proxy.port} ${key}`);
  return {
    proxy,
    options: [
      ...['-F', 'none', '-p', String(proxy.port), '-i', join(folder, 'user'), '-o', 'BatchMode=yes'],
      ...['-o', `UserKnownHostsFile=${folder}/known`, '-o', 'GlobalKnownHostsFile=none', '-o', 'LogLevel=ERROR'],
    ],
    target: 'root@127.0.0.1',
    close: async () => {
      await proxy.close();
      server.kill('SIGTERM');
      await ended;
    },
  };
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => resolve(true)).once('error', () => resolve(false));
    socket.once('data', () => socket.destroy());
  });

/** The far end of what ssh connects its standard input and output to. */
export function sshStream(args: readonly string[]): Duplex {
  const child = spawn('/usr/bin/ssh', args, { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.on('error', () => child.stdin.destroy());
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  stream.once('close', () => child.kill('SIGTERM'));
  return stream;
}
