/** What the DNS should say of a hub that mails with the Internet, and whether it does: addresses, MX, SPF, DKIM, DMARC, PTR. */
import { promises as dns } from 'node:dns';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { spf } from 'mailauth/lib/spf/index.js';
import type { HubConfig } from './config.ts';
import { dkimRecord, loadDkim } from './dkim.ts';

export interface DnsFinding {
  /** `MX`, `SPF`, … */
  readonly what: string;
  readonly ok: boolean;
  readonly text: string;
  /** The line for the zone file, or for the provider's form; absent when there is nothing to add. */
  readonly add?: string;
}

/** Looks all of it up. A DNS that does not answer is a finding like others. */
export async function dnsFindings(config: HubConfig): Promise<readonly DnsFinding[]> {
  const { hostname } = config;
  const addresses = [
    ...(await ask(() => dns.resolve4(hostname))).list,
    ...(await ask(() => dns.resolve6(hostname))).list,
  ];
  return [
    ofAddress(hostname, addresses),
    await ofMx(config),
    await ofSpf(config, addresses),
    ...(await ofDkim(config)),
    await ofDmarc(config),
    ...(config.relay.smarthost === undefined
      ? await Promise.all(addresses.map((address) => ofPtr(hostname, address)))
      : []),
  ];
}

interface Asked<T> {
  readonly list: readonly T[];
  /** The DNS did not say that there is nothing: it did not answer. */
  readonly unanswered?: string;
}

async function ask<T>(question: () => Promise<readonly T[]>): Promise<Asked<T>> {
  try {
    return { list: await question() };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return code === 'ENOTFOUND' || code === 'ENODATA' ? { list: [] } : { list: [], unanswered: code };
  }
}

const unanswered = (what: string, code: string): DnsFinding => ({
  what,
  ok: false,
  text: `the DNS did not answer (${code}): try again`,
});

function ofAddress(hostname: string, addresses: readonly string[]): DnsFinding {
  if (addresses.length > 0) return { what: 'address', ok: true, text: `${hostname} is ${addresses.join(', ')}` };
  const own = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4');
  return {
    what: 'address',
    ok: false,
    text: `${hostname} has no address: nobody finds this hub`,
    add: `${hostname}. IN A ${own?.address ?? 'ADDRESS'}`,
  };
}

async function ofMx({ domain, hostname }: HubConfig): Promise<DnsFinding> {
  const { list, unanswered: code } = await ask(() => dns.resolveMx(domain));
  if (code !== undefined) return unanswered('MX', code);
  const hosts = list
    .toSorted((one, other) => one.priority - other.priority)
    .map(({ exchange }) => exchange.toLowerCase());
  if (hosts.includes(hostname.toLowerCase()))
    return { what: 'MX', ok: true, text: `mail for ${domain} comes to ${hosts.join(', ')}` };
  const now = hosts.length === 0 ? 'it has no MX' : `it goes to ${hosts.join(', ')}`;
  return {
    what: 'MX',
    ok: false,
    text: `mail for ${domain} does not come here: ${now}`,
    add: `${domain}. IN MX 10 ${hostname}.`,
  };
}

async function ofSpf({ domain, hostname, relay }: HubConfig, addresses: readonly string[]): Promise<DnsFinding> {
  const { list, unanswered: code } = await ask(() => dns.resolveTxt(domain));
  if (code !== undefined) return unanswered('SPF', code);
  const record = list.map((parts) => parts.join('')).find((text) => /^v=spf1( |$)/i.test(text));
  if (record === undefined)
    return {
      what: 'SPF',
      ok: false,
      text: `nobody can tell who may send for ${domain}${relay.smarthost === undefined ? '' : '; add what your smarthost tells you to (include:…)'}`,
      add: `${domain}. IN TXT "v=spf1 mx -all"`,
    };
  // Which addresses a smarthost sends from is its own business.
  if (relay.smarthost !== undefined)
    return { what: 'SPF', ok: true, text: `${record}: see that it includes your smarthost` };
  for (const ip of addresses) {
    const { status } = await spf({ sender: `postmaster@${domain}`, ip, helo: hostname, mta: hostname });
    if (status.result !== 'pass')
      return {
        what: 'SPF',
        ok: false,
        text: `"${record}" does not let ${ip} send (${status.result})`,
        add: `${domain}. IN TXT "v=spf1 mx -all"`,
      };
  }
  return { what: 'SPF', ok: true, text: record };
}

async function ofDkim(config: HubConfig): Promise<readonly DnsFinding[]> {
  const key = loadDkim(config);
  if (!key) return [{ what: 'DKIM', ok: false, text: "mail is not signed: put [dkim] into hub.toml, then 'hub dkim'" }];
  return [await dkimFinding(dkimRecord(key))];
}

/** Whether other servers can check what is signed. */
export async function dkimFinding({
  name,
  text,
}: {
  readonly name: string;
  readonly text: string;
}): Promise<DnsFinding> {
  const { list, unanswered: code } = await ask(() => dns.resolveTxt(name));
  if (code !== undefined) return unanswered('DKIM', code);
  const add = zoneLine(name, text);
  if (list.length === 0) return { what: 'DKIM', ok: false, text: 'the DNS has no record for the key yet', add };
  const there = list.some((parts) => bare(parts.join('')) === bare(text));
  if (there)
    return { what: 'DKIM', ok: true, text: `the DNS has the record ${name}: receivers can check what is signed` };
  return { what: 'DKIM', ok: false, text: `the DNS has another record ${name}: put this one in its place`, add };
}

const bare = (text: string): string => text.replace(/\s/g, '');

/** One string of a TXT record holds 255 bytes. */
function zoneLine(name: string, text: string): string {
  const parts = text.match(/.{1,250}/g) ?? [];
  return `${name}. IN TXT ( ${parts.map((part) => `"${part}"`).join(' ')} )`;
}

async function ofDmarc({ domain }: HubConfig): Promise<DnsFinding> {
  const { list, unanswered: code } = await ask(() => dns.resolveTxt(`_dmarc.${domain}`));
  if (code !== undefined) return unanswered('DMARC', code);
  const record = list.map((parts) => parts.join('')).find((text) => /^v=DMARC1(;|$)/i.test(text));
  if (record !== undefined) return { what: 'DMARC', ok: true, text: record };
  return {
    what: 'DMARC',
    ok: false,
    text: `others do not know what to do with forged mail of ${domain}`,
    add: `_dmarc.${domain}. IN TXT "v=DMARC1; p=quarantine; rua=mailto:postmaster@${domain}"`,
  };
}

async function ofPtr(hostname: string, address: string): Promise<DnsFinding> {
  const { list, unanswered: code } = await ask(() => dns.reverse(address));
  if (code !== undefined) return unanswered('PTR', code);
  if (list.some((name) => name.toLowerCase() === hostname.toLowerCase()))
    return { what: 'PTR', ok: true, text: `${address} calls itself ${hostname}` };
  return {
    what: 'PTR',
    ok: false,
    text: `${address} calls itself ${list[0] ?? 'nothing'}: large mail providers refuse mail from such a host; ask your VPS provider to name it ${hostname}`,
    ...(isIPv4(address) ? { add: `${address.split('.').reverse().join('.')}.in-addr.arpa. IN PTR ${hostname}.` } : {}),
  };
}
