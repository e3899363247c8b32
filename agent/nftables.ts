/**
 * The nftables table `inet fieldpost`: out through one interface goes nothing but the sync. Other interfaces, and the tables of
 * others, are left alone. A table of our own is replaced and removed as a whole, whatever a crash has left.
 */
import { spawn } from 'node:child_process';
import { isIPv4 } from 'node:net';

export interface Lock {
  /** The interface that costs. */
  readonly device: string;
  readonly port: number;
  /** Of the hub. */
  readonly addresses: readonly string[];
  /** Networks that the interface is in itself, such as `192.168.7.5/24`: what goes there does not go over the link. */
  readonly near: readonly string[];
  /** The hub has a name, which has to be looked up. */
  readonly isNamed: boolean;
  /** The user that the agent runs as: its own calls go, whatever address the hub has meanwhile; 0, root, is anybody. */
  readonly user: number;
}

const TABLE = 'inet fieldpost';

/** As the kernel lets interfaces be called, without what means something to nft. */
export const isDevice = (name: string): boolean => /^[A-Za-z0-9_.:@-]{1,15}$/.test(name);

/** For `nft -f`: replaces what is there at once. */
export function rulesOf({ device, port, addresses, near, isNamed, user }: Lock): string {
  if (!isDevice(device)) throw new Error(`"${device}" is no name of an interface`);
  const to = (address: string): string => `ip${isIPv4(address.replace(/\/\d+$/, '')) ? '' : '6'} daddr ${address}`;
  const rules = [
    `oifname != "${device}" accept`,
    ...near.map((network) => `${to(network)} accept`),
    ...addresses.map((address) => `${to(address)} tcp dport ${port} accept`),
    ...(user === 0 ? [] : [`meta skuid ${user} tcp dport ${port} accept`]),
    ...(isNamed ? ['meta l4proto { tcp, udp } th dport 53 accept'] : []),
    // An address for this machine: DHCP, and what IPv6 does on its own.
    'udp sport 68 udp dport 67 accept',
    'udp sport 546 udp dport 547 accept',
    'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report } accept',
    'counter drop',
  ];
  return [
    removal(),
    `table ${TABLE} {`,
    '  chain out {',
    '    type filter hook output priority 0; policy accept;',
    ...rules.map((rule) => `    ${rule}`),
    '  }',
    '  chain through {',
    '    type filter hook forward priority 0; policy accept;',
    `    oifname "${device}" counter drop`,
    '  }',
    '}',
    '',
  ].join('\n');
}

/** Also where there is no table. */
export const removal = (): string => `table ${TABLE} {}\ndelete table ${TABLE}`;

/** Where Debian has it; not everybody's PATH leads there. */
const NFT = '/usr/sbin/nft';
const NFT_MS = 10_000;

/** Runs nft with this input. Undefined when it worked; else why not, with what to do. */
export function nft(input: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(NFT, ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'], timeout: NFT_MS });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString().slice(0, 500);
    });
    child.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? "there is no nft: 'apt install nftables'" : error.message),
    );
    child.on('close', (code) => resolve(code === 0 ? undefined : reasonOf(said)));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function reasonOf(said: string): string {
  if (/Operation not permitted|must be root/i.test(said))
    return 'the agent may not change what the network lets through: it needs CAP_NET_ADMIN, which the systemd unit of the package gives it';
  return `nft says: ${said.trim().split('\n')[0] ?? 'nothing'}`;
}
