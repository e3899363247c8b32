/** mbsync pushes a Maildir over TLS with COMPRESS into a mailbox of Debian's Dovecot. Needs root, as Dovecot does. IMAP knows no envelope. */
import { execFileSync, spawn } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { makeCertificate } from '../../support/certificate.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { run } from '../../support/program.ts';
import { freePort } from '../../support/sites.ts';
import { until } from '../../support/until.ts';
import type { Peer } from '../peer.ts';

interface Files {
  readonly folder: string;
  readonly port: number;
}

const dovecotConf = ({ folder, port }: Files): string => `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <${folder}/cert.pem
ssl_key = <${folder}/key.pem
mail_plugins = zlib
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:${folder}/hub/%n
protocol imap {
  mail_plugins = zlib imap_zlib
}
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
    port = 0
  }
  inet_listener imaps {
    port = ${port}
  }
}
`;

const mbsyncrc = ({ folder, port }: Files): string => `
IMAPAccount hub
Host localhost
Port ${port}
User farid
Pass secret
SSLType IMAPS
CertificateFile ${folder}/cert.pem

IMAPStore hub
Account hub

MaildirStore office
Path ${folder}/office/
Inbox ${folder}/office/INBOX

Channel up
Far :hub:
Near :office:
Patterns INBOX
Sync PushNew
SyncState ${folder}/state-of-sync
`;

const answers = (port: number): Promise<true | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.once('data', () => resolve(true)).once('error', () => resolve(undefined));
    socket.once('data', () => socket.destroy());
  });

/** To find a mail that it has put in, mbsync may write a line of its own into the head. */
const withoutMark = (mail: Buffer): Buffer =>
  Buffer.from(mail.toString('latin1').replace(/^X-TUID: .*\n/m, ''), 'latin1');

async function startDovecot(folder: string, port: number): Promise<() => Promise<void>> {
  await writeFile(join(folder, 'dovecot.conf'), dovecotConf({ folder, port }));
  const child = spawn('/usr/sbin/dovecot', ['-F', '-c', join(folder, 'dovecot.conf')], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await until(
    () => answers(port),
    () => readFile(join(folder, 'log'), 'utf8'),
  );
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

export const mbsync: Peer = {
  name: 'mbsync COMPRESS in TLS',
  encrypted: true,
  needs: ['/usr/bin/mbsync', '/usr/sbin/dovecot', '/usr/bin/openssl'],
  open: async (folder) => {
    for (const path of ['hub', 'home', 'office/INBOX/cur', 'office/INBOX/new', 'office/INBOX/tmp'])
      await mkdir(join(folder, path), { recursive: true });
    await chmod(folder, 0o755);
    makeCertificate(folder);
    execFileSync('chown', ['-R', 'mail:mail', join(folder, 'hub'), join(folder, 'home')]);
    const port = await freePort();
    const stop = await startDovecot(folder, port);
    const proxy = await CuttingProxy.open(`127.0.0.1:${port}`);
    await writeFile(join(folder, 'mbsyncrc'), mbsyncrc({ folder, port: proxy.port }));
    let number = 0;
    let isDone = true;
    return {
      proxy,
      post: async (mails, people) => {
        for (const mail of mails)
          for (let copy = 0; copy < people; copy += 1) {
            number += 1;
            await writeFile(join(folder, 'office/INBOX/new', `${1_700_000_000 + number}.${number}.office`), mail);
          }
        isDone = false;
      },
      call: async () => {
        const { code } = await run('/usr/bin/mbsync', ['-q', '-c', join(folder, 'mbsyncrc'), 'up']);
        isDone = code === 0;
        return isDone;
      },
      isEmpty: async () => isDone,
      delivered: async () => {
        const names = (await readdir(join(folder, 'hub/farid'), { recursive: true }).catch(() => [])).filter((name) =>
          /^(?:new|cur)\/./.test(name),
        );
        return Promise.all(names.map(async (name) => withoutMark(await readFile(join(folder, 'hub/farid', name)))));
      },
      close: async () => {
        await proxy.close();
        await stop();
      },
    };
  },
};
