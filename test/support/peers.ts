/**
 * Other people's programs that our tests talk to. They come from Debian packages, installed where that harms nothing;
 * a test whose peer is missing is skipped by name: `test.skipIf(!hasPeer('swaks'))`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Peer to its program and the packages that bring it. */
const PEERS = {
  postfix: { program: '/usr/sbin/postfix', packages: ['postfix'] },
  dovecot: { program: '/usr/sbin/dovecot', packages: ['dovecot-imapd', 'dovecot-pop3d'] },
  mutt: { program: '/usr/bin/mutt', packages: ['mutt'] },
  mpop: { program: '/usr/bin/mpop', packages: ['mpop'] },
  swaks: { program: '/usr/bin/swaks', packages: ['swaks'] },
  fetchmail: { program: '/usr/bin/fetchmail', packages: ['fetchmail'] },
  rspamd: { program: '/usr/bin/rspamd', packages: ['rspamd'] },
  uucp: { program: '/usr/lib/uucp/uucico', packages: ['uucp'] },
  nncp: { program: '/usr/bin/nncp-toss', packages: ['nncp'] },
  nft: { program: '/usr/sbin/nft', packages: ['nftables', 'iproute2'] },
  chromium: { program: '/usr/bin/chromium', packages: ['chromium', 'fonts-noto-core'] },
  systemd: { program: '/usr/bin/systemd-analyze', packages: ['systemd'] },
  curl: { program: '/usr/bin/curl', packages: ['curl'] },
} as const;

export type PeerName = keyof typeof PEERS;

export const hasPeer = (name: PeerName): boolean => existsSync(PEERS[name].program);

/** On a machine where systemd runs, installing Postfix or Dovecot would open their ports to the world. */
const mayInstall = (): boolean => process.getuid?.() === 0 && !existsSync('/run/systemd/system');

/** Installs the peers that are missing, all or none; says in one line what was not possible. */
export function installPeers(): void {
  const missing = (Object.keys(PEERS) as PeerName[]).filter((name) => !hasPeer(name));
  if (missing.length === 0) return;
  const packages = missing.flatMap((name) => PEERS[name].packages);
  const line = `apt-get install -y --no-install-recommends --no-remove ${packages.join(' ')}`;
  if (!mayInstall()) {
    console.error(`tests with ${missing.join(', ')} will be skipped; to have them: ${line}`);
    return;
  }
  console.error(`installing test peers: ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const command of ['apt-get update -q', `${line} -q`]) {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { env, encoding: 'utf8' });
    if (status === 0) continue;
    console.error(
      `tests with ${missing.join(', ')} will be skipped: ${command} failed:\n${(stdout + stderr).slice(-600)}`,
    );
    return;
  }
}
