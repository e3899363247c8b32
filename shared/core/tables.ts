/**
 * The tables of one machine: what routing looks up. The hub and every office make them of the same directory; they differ in
 * where they are, and in where what is not theirs goes: to the Internet from the hub, to the hub from an office. That is
 * qmail's `herat.example.org:qrelay-herat` on one side and `:qrelay` on the other.
 */
import { splitAddress } from './address.ts';
import { type Alias, AT_HUB } from './directory.ts';

/** What routing knows of an office. */
export interface RoutedOffice {
  /** The first is the one that its users' addresses are rewritten to; `.suffix` means all below it. */
  readonly domains: readonly string[];
  /** `any`: every name in its domains is a user there. */
  readonly users: 'known' | 'any';
}

export interface TablesOptions {
  /** `hub`, or the name of the office. */
  readonly here: string;
  /** The one that everybody writes to. */
  readonly domain: string;
  readonly hubDomains: readonly string[];
  readonly offices: ReadonlyMap<string, RoutedOffice>;
  readonly users: ReadonlyMap<string, string>;
  readonly aliases: ReadonlyMap<string, Alias>;
  /** Names that this office gave out itself, each known in the office's own domains. */
  readonly localUsers?: Iterable<string>;
  /** Where mail for postmaster goes that nobody else claims. */
  readonly postmaster?: string;
}

/** A domain of ours. */
export interface OwnDomain {
  readonly post: string;
  /** Every name in it is known. */
  readonly everybody: boolean;
  /** It is the domain of a place: its names are those of the people there, wherever they are posted now. */
  readonly ofPlace: boolean;
}

export interface Tables extends Omit<TablesOptions, 'localUsers'> {
  /** `domain`, or `.suffix` for all below it. */
  readonly domains: ReadonlyMap<string, OwnDomain>;
  /** By `mailboxKey`: mailboxes that belong to somebody, and to which address. */
  readonly owners: ReadonlyMap<string, string>;
  readonly locals: ReadonlySet<string>;
}

export function makeTables({ localUsers = [], ...options }: TablesOptions): Tables {
  const { users, offices, domain, hubDomains } = options;
  const domains = new Map<string, OwnDomain>();
  for (const name of hubDomains) domains.set(name, { post: AT_HUB, everybody: false, ofPlace: true });
  for (const [post, office] of offices)
    for (const name of office.domains) domains.set(name, { post, everybody: office.users === 'any', ofPlace: true });
  if (domain !== '') domains.set(domain, { post: AT_HUB, everybody: false, ofPlace: false });
  const owners = new Map<string, string>();
  for (const [address, post] of users) {
    const { local, domain: name } = splitAddress(address);
    if (local === '') domains.set(name, { post, everybody: true, ofPlace: false });
    else owners.set(mailboxKey(post, local), address);
  }
  return { ...options, domains, owners, locals: new Set(localUsers) };
}

export const mailboxKey = (post: string, name: string): string => `${post} ${name}`;

/** qmail's order for virtual domains: the domain itself, then `.parent`, longest first. `.wild.dom` is not `wild.dom`. */
export function ownDomain({ domains }: Pick<Tables, 'domains'>, domain: string): OwnDomain | undefined {
  const exact = domains.get(domain);
  if (exact) return exact;
  for (let dot = domain.indexOf('.', 1); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    const found = domains.get(domain.slice(dot));
    if (found) return found;
  }
  return undefined;
}
