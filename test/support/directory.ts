/** Directories made by edits, as an operator makes them, and the tables of every machine over them. */
import type { Delivery, Peer } from '../../shared/core/delivery.ts';
import { type Directory, EMPTY_DIRECTORY } from '../../shared/core/directory.ts';
import { applyEdit, type Edit } from '../../shared/core/directory-edit.ts';
import { directoryTables, publicDirectory } from '../../shared/core/public-directory.ts';
import { route } from '../../shared/core/route.ts';
import { makeTables, type Tables } from '../../shared/core/tables.ts';

const NAMES = { domain: 'example.org', hubDomains: ['kabul.example.org'] };

export const directoryOf = (...edits: readonly Edit[]): Directory =>
  edits.reduce(applyEdit, { ...EMPTY_DIRECTORY, ...NAMES });

let keys = 0;

export const office = (name: string, ...domains: readonly string[]): Edit => ({
  do: 'office.add',
  office: name,
  domains: domains.length > 0 ? domains : [`${name}.example.org`],
  keyId: String(++keys).padStart(16, '0'),
});

/** A name without a domain is one of example.org. */
export const full = (name: string): string => (name.includes('@') ? name : `${name}@example.org`);

export const user = (name: string, post: string): Edit => ({ do: 'user.add', address: full(name), post });
export const move = (name: string, post: string): Edit => ({ do: 'user.move', address: full(name), post });

export function alias(name: string, ...targets: readonly string[]): Edit {
  const owner = targets.find((target) => target.startsWith('?'))?.slice(1);
  const plain = targets.filter((target) => !target.startsWith('?')).map(full);
  return { do: 'alias.set', aliases: [{ address: full(name), targets: plain, owner: owner && full(owner) }] };
}

/** The network of the 2004 text. ghazni runs plain qmail: every name in its domain is somebody. */
export const network = (...more: readonly Edit[]): Directory =>
  directoryOf(
    office('herat'),
    office('mazar'),
    office('farah'),
    office('ghazni'),
    { do: 'office.limits', office: 'ghazni', limits: { users: 'any' } },
    user('farid', 'herat'),
    user('holly', 'herat'),
    user('nadia', 'mazar'),
    user('omid', 'mazar'),
    user('tom', 'farah'),
    user('akbar', 'hub'),
    ...more,
  );

export const hubTablesOf = (directory: Directory, postmaster?: string): Tables =>
  makeTables({ here: 'hub', ...publicDirectory(directory), ...(postmaster === undefined ? {} : { postmaster }) });

export const officeTablesOf = (directory: Directory, name: string, localUsers: readonly string[] = []): Tables =>
  directoryTables(publicDirectory(directory), { office: name, localUsers });

export const STRANGER: Peer = { name: 'smtp', relays: false };
export const FRIEND: Peer = { name: 'send', relays: true };

const describe = ({ maildir, sender, recipient, form }: Delivery, from: string): string =>
  `${maildir}${form === 'mailbox' ? '' : ` ${recipient}`}${sender === from ? '' : ` from <${sender}>`}`;

/** `office/herat farid@herat.example.org`, sorted; of a refusal its text. The sender is shown where it is another one. */
export function goes(tables: Tables, recipient: string, { peer = FRIEND, sender = 's@example.com' } = {}): string {
  const { verdict, deliveries } = route(tables, peer, sender, full(recipient));
  if (verdict.letter !== 'K') return `${verdict.letter} ${verdict.text}`;
  return deliveries
    .map((delivery) => describe(delivery, sender))
    .sort()
    .join(', ');
}
