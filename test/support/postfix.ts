/**
 * A Postfix of our own, beside whatever runs on the machine: it takes mail for example.com and example.net into one Maildir, and
 * hands all other mail to `relayTo`. Needs root, as every Postfix does.
 */
import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './program.ts';
import { filesOf, freePort } from './sites.ts';

export interface Postfix {
  readonly port: number;
  /** Files of the Maildir that all its own mail ends in. */
  delivered(): Promise<readonly string[]>;
  /** One of Postfix's own commands, for this one; answers what it says. */
  command(name: 'postqueue' | 'postsuper', ...args: readonly string[]): Promise<string>;
  /** What its queue holds, in its own words. */
  queue(): Promise<string>;
  log(): Promise<string>;
  stop(): Promise<void>;
}

export interface PostfixOptions {
  readonly folder: string;
  /** Port of the host that gets all mail for others; default: nobody does. */
  readonly relayTo?: number;
  /** More lines of main.cf; they win. */
  readonly more?: string;
}

/** Starts it; the caller stops it, or its processes stay. */
export async function startPostfix({ folder, relayTo, more = '' }: PostfixOptions): Promise<Postfix> {
  const port = await freePort();
  const config = join(folder, 'etc');
  for (const name of ['etc', 'queue', 'data', 'mail']) await mkdir(join(folder, name), { recursive: true });
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postfix'], { encoding: 'utf8' })));
  for (const name of ['data', 'mail']) await chown(join(folder, name), uid ?? 0, gid ?? 0);
  await chmod(folder, 0o755);
  await writeFile(
    join(config, 'main.cf'),
    `${mainCf({ folder, uid: uid ?? 0, gid: gid ?? 0, ...(relayTo ? { relayTo } : {}) })}${more}`,
  );
  await writeFile(join(config, 'master.cf'), masterCf(port));
  const command = async (word: string): Promise<void> => {
    const { code, out, err } = await run('/usr/sbin/postfix', ['-c', config, word]);
    if (code !== 0) throw new Error(`postfix ${word}: ${out}${err}`);
  };
  await command('start');
  return {
    port,
    delivered: () => filesOf(join(folder, 'mail/all/new')),
    command: async (name, ...args) => (await run(`/usr/sbin/${name}`, ['-c', config, ...args])).out,
    queue: async () => (await run('/usr/sbin/postqueue', ['-c', config, '-p'])).out,
    log: () => readFile(join(folder, 'log'), 'utf8'),
    stop: () => command('stop'),
  };
}

interface MainCf extends PostfixOptions {
  readonly uid: number;
  readonly gid: number;
}

const mainCf = ({ folder, relayTo, uid, gid }: MainCf): string => `
compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = ${relayTo === undefined ? '' : `[127.0.0.1]:${relayTo}`}
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = example.com, example.net
virtual_mailbox_base = ${folder}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:${uid}
virtual_gid_maps = static:${gid}
virtual_minimum_uid = 1
smtputf8_enable = no
# Every header stays as it was sent, and none is added.
message_drop_headers =
local_header_rewrite_clients =
biff = no
minimal_backoff_time = 5s
queue_run_delay = 5s
`;

/** The services that taking, relaying and delivering need; none in a chroot. */
const masterCf = (port: number): string => `
127.0.0.1:${port} inet n - n - - smtpd
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
proxymap  unix  - - n -     - proxymap
smtp      unix  - - n -     - smtp
relay     unix  - - n -     - smtp
tlsproxy  unix  - - n -     0 tlsproxy
scache    unix  - - n -     1 scache
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
virtual   unix  - n n -     - virtual
anvil     unix  - - n -     1 anvil
showq     unix  n - n -     - showq
postlog   unix-dgram n - n - 1 postlogd
`;
