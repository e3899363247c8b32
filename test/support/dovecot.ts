/**
 * A Dovecot of our own that serves the Maildirs of an office's people by IMAP; everybody's password is `secret`. Needs root. It
 * reads nothing as root, so it is given the Maildirs, as on a laptop where agent and Dovecot run as one user.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './sites.ts';
import { until } from './until.ts';

export interface Dovecot {
  readonly imapPort: number;
  log(): Promise<string>;
  stop(): Promise<void>;
}

/** `users`: the folder with a Maildir for each name; its files change their owner. */
export async function startDovecot({
  folder,
  users,
}: {
  readonly folder: string;
  readonly users: string;
}): Promise<Dovecot> {
  const imapPort = await freePort();
  await mkdir(join(folder, 'home'), { recursive: true });
  execFileSync('chown', ['-R', 'mail:mail', users, join(folder, 'home')]);
  const config = join(folder, 'dovecot.conf');
  await writeFile(config, dovecotConf(folder, users, imapPort));
  const child = spawn('/usr/sbin/dovecot', ['-F', '-c', config], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const log = (): Promise<string> => readFile(join(folder, 'log'), 'utf8');
  await until(async () => ((await answers(imapPort)) ? true : undefined), log);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  return { imapPort, log, stop };
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => resolve(true)).once('error', () => resolve(false));
    socket.once('data', () => socket.destroy());
  });

const dovecotConf = (folder: string, users: string, imapPort: number): string => `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:${users}/%n
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=mail gid=mail home=${folder}/home/%n
}
service imap-login {
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
`;
