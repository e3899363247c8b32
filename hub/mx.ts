/**
 * Which hosts take mail for a domain (RFC 5321 section 5): its MX hosts by preference, or the domain's own address
 * when it has none (implicit MX); none at all for a null MX (RFC 7505). Hosts without an address are passed over.
 */
import { promises as dns, type MxRecord } from 'node:dns';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { deferred, refused, type Verdict } from '../shared/core/verdict.ts';

interface MailHost {
  /** Its name, for TLS and for what people read. */
  readonly name: string;
  readonly address: string;
}

export type MxAnswer = { readonly hosts: readonly MailHost[] } | { readonly verdict: Verdict };

/** More are not tried: somebody else decides how many there are. */
const MX_MAX = 10;
const ADDRESSES_OF_HOST_MAX = 4;

/** Looks a domain's mail hosts up, best first. `self` is this machine's name. */
export async function mailHosts(domain: string, self: string): Promise<MxAnswer> {
  const literal = addressLiteral(domain);
  if (literal !== undefined) return { hosts: [{ name: domain, address: literal }] };
  const name = domainToASCII(domain);
  if (name === '') return { verdict: refused(`${domain} is not a domain name (#5.1.2)`) };
  const records = await mxRecords(name);
  if ('verdict' in records) return records;
  const before = beforeSelf(records.list, self);
  if (before.length === 0)
    return { verdict: refused(`mail for ${domain} would come back to ${self}: its best MX is this machine (#5.4.6)`) };
  return withAddresses(before, domain, records.implicit);
}

const addressLiteral = (domain: string): string | undefined => {
  const address = /^\[(?:IPv6:)?([0-9A-Fa-f.:]+)\]$/i.exec(domain)?.[1];
  return address !== undefined && isIP(address) ? address : undefined;
};

type Records = { readonly list: readonly MxRecord[]; readonly implicit: boolean } | { readonly verdict: Verdict };

async function mxRecords(name: string): Promise<Records> {
  try {
    const list = await dns.resolveMx(name);
    const real = list.filter(({ exchange }) => exchange !== '' && exchange !== '.');
    if (real.length === 0) return { verdict: refused(`${name} takes no mail: it has a null MX (#5.1.10)`) };
    return { list: inOrder(real).slice(0, MX_MAX), implicit: false };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENODATA') return { list: [{ exchange: name, priority: 0 }], implicit: true };
    if (code === 'ENOTFOUND') return { verdict: refused(`there is no domain ${name} (#5.1.2)`) };
    return { verdict: deferred(`the MX of ${name} could not be looked up (${code}) (#4.4.3)`) };
  }
}

/** By preference; hosts of equal preference share the load by chance. */
const inOrder = (list: readonly MxRecord[]): readonly MxRecord[] =>
  list
    .map((record) => ({ record, chance: Math.random() }))
    .toSorted((a, b) => a.record.priority - b.record.priority || a.chance - b.chance)
    .map(({ record }) => record);

/** Where we are an MX ourselves, only better ones may get the mail, or it would go round. */
function beforeSelf(list: readonly MxRecord[], self: string): readonly MxRecord[] {
  const own = list.find(({ exchange }) => exchange.toLowerCase().replace(/\.$/, '') === self.toLowerCase());
  return own ? list.filter(({ priority }) => priority < own.priority) : list;
}

async function withAddresses(list: readonly MxRecord[], domain: string, implicit: boolean): Promise<MxAnswer> {
  const found = await Promise.all(list.map(({ exchange }) => addressesOf(exchange)));
  const hosts = found.flatMap(({ addresses }, index) =>
    addresses.map((address) => ({ name: list[index]?.exchange ?? domain, address })),
  );
  if (hosts.length > 0) return { hosts };
  if (implicit && found.every(({ certain }) => certain))
    return { verdict: refused(`${domain} has no mail host and no address (#5.1.2)`) };
  // Somebody's mistake in the DNS, and such are mended within days: not for good.
  return { verdict: deferred(`no mail host of ${domain} has an address (#4.4.3)`) };
}

interface Found {
  readonly addresses: readonly string[];
  /** Whether the DNS said that there are no others. */
  readonly certain: boolean;
}

async function addressesOf(host: string): Promise<Found> {
  const [four, six] = await Promise.all([lookUp(() => dns.resolve4(host)), lookUp(() => dns.resolve6(host))]);
  const addresses = [...four.addresses, ...six.addresses].slice(0, ADDRESSES_OF_HOST_MAX);
  return { addresses, certain: four.certain && six.certain };
}

async function lookUp(ask: () => Promise<readonly string[]>): Promise<Found> {
  try {
    return { addresses: await ask(), certain: true };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { addresses: [], certain: code === 'ENODATA' || code === 'ENOTFOUND' };
  }
}
