/**
 * The part of the directory that travels to every office: domains, who is posted where, aliases and their owners; no keys, no
 * limits. It is a set of lines, one fact a line, so that a change is the lines that went and the lines that came:
 *
 *     d example.org                        the domain that everybody writes to
 *     h kabul.example.org                  a domain of the hub itself
 *     o herat herat.example.org            an office's domain; `O` the one that addresses are rewritten to
 *     y herat                              every name in the office's domains is a user
 *     u holly@example.org herat            a user
 *     a staff@example.org tom@example.org  a target of an alias
 *     w staff@example.org it@example.org   the owner of an alias
 *
 * Its hash names it: SHA-256 of the sorted lines, the first 16 bytes.
 */
import { createHash } from 'node:crypto';
import type { Alias, Directory } from './directory.ts';
import { makeTables, type RoutedOffice, type Tables } from './tables.ts';

export interface PublicDirectory {
  readonly domain: string;
  readonly hubDomains: readonly string[];
  readonly offices: ReadonlyMap<string, RoutedOffice>;
  readonly users: ReadonlyMap<string, string>;
  readonly aliases: ReadonlyMap<string, Alias>;
}

/** What arrived is no directory, or belongs to another one than we have. */
export class DirectoryError extends Error {}

/** Of a directory as it travels; some hundred thousand people. */
const BYTES_MAX = 20_000_000;

export function publicDirectory({ domain, hubDomains, offices, users, aliases }: Directory): PublicDirectory {
  const routed = new Map<string, RoutedOffice>();
  for (const [name, office] of offices) routed.set(name, { domains: office.domains, users: office.limits.users });
  return { domain, hubDomains, offices: routed, users, aliases };
}

/** 32 hex digits. */
export const directoryHash = (directory: PublicDirectory): string => hashOf(linesOf(directory));

const hashOf = (lines: readonly string[]): string =>
  createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 32);

function linesOf({ domain, hubDomains, offices, users, aliases }: PublicDirectory): readonly string[] {
  const lines = [`d ${domain}`, ...hubDomains.map((name) => `h ${name}`)];
  for (const [name, { domains, users: who }] of offices) {
    lines.push(...domains.map((of, index) => `${index === 0 ? 'O' : 'o'} ${name} ${of}`));
    if (who === 'any') lines.push(`y ${name}`);
  }
  for (const [address, post] of users) lines.push(`u ${address} ${post}`);
  for (const [address, { targets, owner }] of aliases) {
    for (const target of targets) lines.push(`a ${address} ${target}`);
    if (owner !== undefined) lines.push(`w ${address} ${owner}`);
  }
  // A list may name a target twice; a set of lines cannot.
  return [...new Set(lines)].sort();
}

/** What turns one directory into another. */
export interface DirectoryDelta {
  /** Hashes. */
  readonly from: string;
  readonly to: string;
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

export function diffDirectory(from: PublicDirectory, to: PublicDirectory): DirectoryDelta {
  const [before, after] = [linesOf(from), linesOf(to)];
  const [had, has] = [new Set(before), new Set(after)];
  return {
    from: hashOf(before),
    to: hashOf(after),
    removed: before.filter((line) => !has.has(line)),
    added: after.filter((line) => !had.has(line)),
  };
}

/** Throws DirectoryError when the delta is for another directory, or does not give the one that it names. */
export function applyDirectoryDelta(from: PublicDirectory, delta: DirectoryDelta): PublicDirectory {
  const before = linesOf(from);
  if (hashOf(before) !== delta.from) throw new DirectoryError('the change is for another directory than the one here');
  const removed = new Set(delta.removed);
  const after = [...new Set([...before.filter((line) => !removed.has(line)), ...delta.added])].sort();
  if (hashOf(after) !== delta.to) throw new DirectoryError('the changed directory is not the one that was meant');
  return readLines(after);
}

export const encodeDirectory = (directory: PublicDirectory): Uint8Array =>
  Buffer.from(`${linesOf(directory).join('\n')}\n`);

/** Throws DirectoryError. */
export const decodeDirectory = (bytes: Uint8Array): PublicDirectory => readLines(splitLines(bytes));

export const encodeDirectoryDelta = ({ from, to, removed, added }: DirectoryDelta): Uint8Array =>
  Buffer.from(
    [`${from} ${to}`, ...removed.map((line) => `-${line}`), ...added.map((line) => `+${line}`), ''].join('\n'),
  );

/** Throws DirectoryError. */
export function decodeDirectoryDelta(bytes: Uint8Array): DirectoryDelta {
  const [head = '', ...lines] = splitLines(bytes);
  const [, from, to] = /^([0-9a-f]{32}) ([0-9a-f]{32})$/.exec(head) ?? [];
  if (from === undefined || to === undefined || !lines.every((line) => /^[-+]/.test(line)))
    throw new DirectoryError('this is no change of a directory');
  const signed = (sign: string) => lines.filter((line) => line[0] === sign).map((line) => line.slice(1));
  return { from, to, removed: signed('-'), added: signed('+') };
}

function splitLines(bytes: Uint8Array): readonly string[] {
  if (bytes.length > BYTES_MAX) throw new DirectoryError(`a directory has at most ${BYTES_MAX} bytes`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  if (!text.endsWith('\n')) throw new DirectoryError('the directory is cut off');
  return text.slice(0, -1).split('\n');
}

/** A directory that is being read. */
class Reading {
  domain = '';
  readonly hubDomains: string[] = [];
  readonly offices = new Map<string, { domains: string[]; users: 'known' | 'any' }>();
  readonly users = new Map<string, string>();
  readonly aliases = new Map<string, { targets: string[]; owner?: string }>();

  office(name: string): { domains: string[]; users: 'known' | 'any' } {
    return getOrMake(this.offices, name, () => ({ domains: [], users: 'known' }));
  }

  alias(address: string): { targets: string[]; owner?: string } {
    return getOrMake(this.aliases, address, () => ({ targets: [] }));
  }
}

function getOrMake<V>(map: Map<string, V>, key: string, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** How a line of each kind is read: its one or two words. */
const KINDS: Readonly<Record<string, (reading: Reading, one: string, two: string) => unknown>> = {
  d: (reading, domain) => {
    reading.domain = domain;
  },
  h: (reading, domain) => reading.hubDomains.push(domain),
  O: (reading, office, domain) => reading.office(office).domains.unshift(domain),
  o: (reading, office, domain) => reading.office(office).domains.push(domain),
  y: (reading, office) => {
    reading.office(office).users = 'any';
  },
  u: (reading, address, post) => reading.users.set(address, post),
  a: (reading, address, target) => reading.alias(address).targets.push(target),
  w: (reading, address, owner) => {
    reading.alias(address).owner = owner;
  },
};

function readLines(lines: readonly string[]): PublicDirectory {
  const reading = new Reading();
  for (const line of lines) {
    const [, kind = '', one = '', two = ''] = /^([dhOoyuaw]) ?(\S*)(?: (\S+))?$/.exec(line) ?? [];
    const read = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    if (!read) throw new DirectoryError(`not a line of a directory: ${line.slice(0, 60)}`);
    read(reading, one, two);
  }
  const { domain, hubDomains, offices, users, aliases } = reading;
  return { domain, hubDomains, offices, users, aliases };
}

export interface SeedOptions {
  readonly domain: string;
  readonly office: string;
  readonly officeDomains: readonly string[];
}

/** What an office knows from its token alone, until its first trip: all mail goes to the hub, which knows everybody. */
export function seedDirectory({ domain, office, officeDomains }: SeedOptions): PublicDirectory {
  const users = new Map([domain, ...officeDomains].map((name) => [`@${name}`, 'hub']));
  const offices = new Map([[office, { domains: officeDomains, users: 'known' as const }]]);
  return { domain, hubDomains: [], offices, users, aliases: new Map() };
}

/** An office's tables. `localUsers`: names that it gave out itself. */
export function directoryTables(
  { domain, hubDomains, offices, users, aliases }: PublicDirectory,
  { office, localUsers = [] }: { readonly office: string; readonly localUsers?: Iterable<string> },
): Tables {
  return makeTables({ here: office, domain, hubDomains, offices, users, aliases, localUsers });
}
