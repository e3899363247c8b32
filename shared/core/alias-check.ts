/** Whether aliases may be set: their addresses can be carried, and they hide nobody. */
import { addressFault, foldAddress, splitAddress } from './address.ts';
import { type Alias, AT_HUB, type Directory } from './directory.ts';
import type { AliasEdit } from './directory-edit.ts';
import { EditError, isDomain, placeName } from './directory-words.ts';
import { postOfUser } from './post.ts';
import { publicDirectory } from './public-directory.ts';
import { makeTables, type Tables } from './tables.ts';

const ALIASES_MAX = 200_000;
const TARGETS_MAX = 10_000;

/** Throws EditError. */
export function checkAliases(directory: Directory, edits: readonly AliasEdit[]): void {
  const tables = makeTables({ here: AT_HUB, ...publicDirectory(directory) });
  if (directory.aliases.size + edits.length > ALIASES_MAX)
    throw new EditError(`there can be ${ALIASES_MAX} aliases at most`);
  for (const edit of edits) checkAlias(tables, edit);
}

/** One of them, by the hub's tables. Throws EditError. */
export function checkAlias(tables: Tables, { address, targets, owner }: AliasEdit): void {
  const key = checkKey(address);
  if (targets.length === 0) throw new EditError(`${key} needs a target`);
  if (targets.length > TARGETS_MAX)
    throw new EditError(`${key} has more than ${TARGETS_MAX} targets: make it a list of lists`);
  for (const target of owner === undefined ? targets : [...targets, owner]) {
    const fault = targetFault(target);
    if (fault !== undefined)
      throw new EditError(`${key}: ${shown(target)} is no address that mail can go to (${fault})`);
  }
  checkHidesNobody(tables, key, { targets });
}

function checkKey(address: string): string {
  const key = foldAddress(address);
  const { local, domain } = splitAddress(key);
  const whole = key.includes('@') && (local !== '' || domain !== '') && (domain === '' || isDomain(domain));
  const fault = addressFault(key) ?? (/\s/.test(key) ? 'it holds a blank' : markFault(key));
  if (whole && fault === undefined) return key;
  throw new EditError(
    `${shown(address)} cannot be an alias: ${fault ?? 'write staff@example.org, @example.org for a whole domain, or staff@ for every domain of ours'}`,
  );
}

/** Why no mail can go to an address; undefined if it can. */
export function targetFault(target: string): string | undefined {
  const { local, domain } = splitAddress(target);
  if (/\s/.test(target)) return 'it holds a blank';
  if (local === '' || !isDomain(domain)) return 'it has not the form tom@example.org';
  if (/^[|/?&!:\\.]/.test(target)) return 'programs, files and other instructions cannot be targets';
  return addressFault(target) ?? markFault(target);
}

/** An alias file could not hold it: what is exported must be what is imported again. */
function markFault(address: string): string | undefined {
  if (/[,;:"]/.test(address))
    return 'it holds a comma, a colon, a semicolon or a quote, which mean something in alias files';
  return address.startsWith('#') ? 'it begins with a #, which makes a comment of it in alias files' : undefined;
}

function checkHidesNobody(tables: Tables, key: string, alias: Alias): void {
  const address = splitAddress(key);
  const user = address.local === '' || address.domain === '' ? undefined : postOfUser(tables, address);
  if (!user) return;
  const placed = isOfPlace(tables, address.domain);
  if (!placed && keepsCopy(key, alias)) return;
  const remedy = placed
    ? `set the alias for their address in ${tables.domain}`
    : `make ${key} one of its own targets, so that a copy stays, or 'hub user remove ${key}' first`;
  throw new EditError(`${key} is a user posted to ${placeName(user.post)}, whom the alias would hide: ${remedy}`);
}

/** A file may hold anything; a message is one line. */
const shown = (text: string): string => JSON.stringify(text.slice(0, 200));

/** The person stays one of those whom the alias leads to. */
export const keepsCopy = (key: string, { targets }: Alias): boolean =>
  targets.some((target) => foldAddress(target) === key);

/** Mail for people travels to offices under such addresses: an alias there would be expanded a second time. */
const isOfPlace = ({ offices, hubDomains }: Tables, domain: string): boolean =>
  hubDomains.includes(domain) || [...offices.values()].some(({ domains }) => domains.includes(domain));
