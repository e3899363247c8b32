/** The hub's tables, made anew only when the directory has changed. */
import type { Directory } from '../shared/core/directory.ts';
import { makeTables, type RoutedOffice, type Tables } from '../shared/core/tables.ts';
import type { HubConfig } from './config.ts';

const made = new WeakMap<Directory, Tables>();

export function hubTables(directory: Directory, { postmaster }: HubConfig): Tables {
  const known = made.get(directory);
  if (known) return known;
  const offices = new Map<string, RoutedOffice>();
  for (const [name, { domains, limits }] of directory.offices) offices.set(name, { domains, users: limits.users });
  const { domain, hubDomains, users, aliases } = directory;
  const tables = makeTables({
    here: 'hub',
    domain,
    hubDomains,
    offices,
    users,
    aliases,
    ...(postmaster === undefined ? {} : { postmaster }),
  });
  made.set(directory, tables);
  return tables;
}
