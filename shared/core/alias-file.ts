/**
 * Alias files as fastforward's setforward and sendmail's newaliases take them, read into one table, and written back so
 * that reading gives the same table.
 *
 *     staff@example.org: farid@example.org, &tom@example.org, ?it@example.org;      fastforward
 *     staff: farid, tom                                                            sendmail
 *     owner-staff: it
 *
 * setforward drops blanks, and of two entries for one address the first counts, silently; here it is said. What would run a
 * program, write a file or read another list has no place on a hub: each such line is named with what to do instead.
 */
import { foldAddress } from './address.ts';
import { targetFault } from './alias-check.ts';
import type { Alias } from './directory.ts';
import type { AliasEdit } from './directory-edit.ts';

export type AliasFormat = 'fastforward' | 'sendmail';

/** Something about a line of the file. */
export interface Remark {
  readonly line: number;
  readonly text: string;
}

interface FileAlias extends AliasEdit {
  readonly line: number;
}

export interface AliasFile {
  readonly format: AliasFormat;
  readonly aliases: readonly FileAlias[];
  /** The file must not be used with these. */
  readonly faults: readonly Remark[];
  /** It can be used, and the operator should know. */
  readonly notes: readonly Remark[];
}

export interface AliasFileOptions {
  /** Default: fastforward's where an entry ends with `;`. */
  readonly format?: AliasFormat | undefined;
  /** What names without a domain are completed with. */
  readonly domain: string;
}

/** An entry as it stands in the file. */
interface Entry {
  readonly line: number;
  readonly name: string;
  readonly commands: readonly string[];
}

export function readAliasFile(text: string, { format = formatOf(text), domain }: AliasFileOptions): AliasFile {
  const reading = new Reading(domain);
  const entries = format === 'fastforward' ? instructions(text, reading) : sendmailEntries(text, reading);
  for (const entry of entries) reading.take(entry);
  if (format === 'sendmail') reading.adoptOwners();
  return { format, ...reading.result() };
}

/** An instruction of setforward ends with a semicolon; sendmail has none outside of quotes and comments. */
const formatOf = (text: string): AliasFormat =>
  text.split('\n').some((line) => !/^\s*#/.test(line) && /;\s*$/.test(line)) ? 'fastforward' : 'sendmail';

class Reading {
  readonly #domain: string;
  readonly #aliases = new Map<string, { line: number; targets: readonly string[]; owner?: string }>();
  readonly faults: Remark[] = [];
  readonly #notes: Remark[] = [];

  constructor(domain: string) {
    this.#domain = domain;
  }

  take({ line, name, commands }: Entry): void {
    const key = foldAddress(this.#complete(name));
    const first = this.#aliases.get(key);
    if (first) {
      this.#notes.push({
        line,
        text: `${oneLine(key)} is in line ${first.line} already: that one counts, this one is left out`,
      });
      return;
    }
    let owner: string | undefined;
    const targets: string[] = [];
    for (const command of commands) {
      if (command.startsWith('?')) owner = this.#address(line, command.slice(1));
      else {
        const target = this.#target(line, command);
        if (target !== undefined) targets.push(target);
      }
    }
    this.#aliases.set(key, { line, targets, ...(owner === undefined ? {} : { owner }) });
    if (targets.length === 0 && !this.faults.some((fault) => fault.line === line))
      this.faults.push({ line, text: `${oneLine(key)} leads to nobody: name somebody, or leave the line out` });
  }

  #target(line: number, command: string): string | undefined {
    const remedy = INSTEAD.find(([pattern]) => pattern.test(command))?.[1];
    if (remedy === undefined) return this.#address(line, command.replace(/^[&\\]/, ''));
    this.faults.push({ line, text: `${shown(command)}: ${remedy}` });
    return undefined;
  }

  #address(line: number, text: string): string | undefined {
    const address = this.#complete(text);
    const fault = targetFault(address);
    if (fault === undefined) return address;
    this.faults.push({ line, text: `${shown(text)} is no address: ${fault}` });
    return undefined;
  }

  #complete(name: string): string {
    return name.includes('@') ? name : `${name}@${this.#domain}`;
  }

  /** sendmail's convention: errors of `staff` go to `owner-staff`. */
  adoptOwners(): void {
    for (const [key, alias] of this.#aliases) {
      const owner = `owner-${key}`;
      if (alias.targets.length > 0 && this.#aliases.has(owner)) this.#aliases.set(key, { ...alias, owner });
    }
  }

  result(): Pick<AliasFile, 'aliases' | 'faults' | 'notes'> {
    const aliases = [...this.#aliases].map(([address, { line, targets, owner }]) => ({
      line,
      address,
      targets,
      owner,
    }));
    const byLine = (one: Remark, other: Remark): number => one.line - other.line;
    return { aliases, faults: this.faults.toSorted(byLine), notes: this.#notes };
  }
}

/** A remark is one line. */
const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f]+/g, ' ');

const shown = (text: string): string => JSON.stringify(text.slice(0, 100).replace(/^"|"$/g, ''));

const INSTEAD: readonly (readonly [RegExp, string])[] = [
  [
    /^["']?[|!]/,
    'a hub runs no programs for mail; give the program a mailbox (hub user add … hub), and let it read that',
  ],
  [
    /^["']?:include:/,
    'lists in other files are not read; write the addresses here, or import that file as an alias of its own',
  ],
  [/^["']?(?:\/|\.)/, 'a hub writes mail into no files; make a mailbox with hub user add … hub'],
  [/^\+/, 'lists in other files are not read; write the addresses here'],
  [/^:/, 'not understood: leave it out'],
];

/** setforward: `target: command, command;`, blanks dropped, `#` comments. */
function* instructions(text: string, { faults }: Reading): Generator<Entry> {
  let instruction = '';
  let start = 0;
  const lines = text.split('\n');
  for (const [index, whole] of lines.entries()) {
    const line = /^\s*#/.test(whole) ? '' : whole.replace(/\s+/g, '');
    for (const part of line.split(/(?<=;)/)) {
      if (part === '') continue;
      if (instruction === '') start = index + 1;
      instruction += part;
      if (!part.endsWith(';')) continue;
      const entry = instructionOf(instruction.slice(0, -1), start);
      if (entry) yield entry;
      else faults.push({ line: start, text: 'not understood: write target: address, address;' });
      instruction = '';
    }
  }
  if (instruction !== '') faults.push({ line: start, text: 'the entry that begins here has no ; at its end' });
}

function instructionOf(text: string, line: number): Entry | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0) return undefined;
  return {
    line,
    name: text.slice(0, colon),
    commands: text
      .slice(colon + 1)
      .split(',')
      .filter((command) => command !== ''),
  };
}

/** newaliases: `name: address, address`, continued in lines that begin with a blank, `#` comments. */
function* sendmailEntries(text: string, { faults }: Reading): Generator<Entry> {
  for (const { line, text: whole } of logicalLines(text)) {
    const [, quoted, plain, rest = ''] = /^(?:"([^"]*)"|([^\s:"]+))\s*:(.*)$/s.exec(whole) ?? [];
    const name = quoted ?? plain;
    if (name === undefined) faults.push({ line, text: 'not understood: write name: address, address' });
    else yield { line, name, commands: splitCommas(rest) };
  }
}

function logicalLines(text: string): readonly Remark[] {
  const lines: { line: number; text: string }[] = [];
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(whole)) continue;
    const last = lines.at(-1);
    if (/^\s/.test(whole) && last) last.text += `\n${whole}`;
    else lines.push({ line: index + 1, text: whole });
  }
  return lines;
}

/** At commas outside of quotes; `"| program, with a comma"` is one. A comment in brackets after an address goes. */
function splitCommas(text: string): readonly string[] {
  const parts = text.match(/(?:"(?:\\.|[^"\\])*"|[^,"])+/gs) ?? [];
  return parts
    .map((part) => part.replace(/\s#.*$/gm, '').trim())
    .map((part) => /<([^<>\s]+)>$/.exec(part)?.[1] ?? part.replace(/^"([^"|/:]*)"$/, '$1'))
    .filter((part) => part !== '');
}

/** In fastforward's syntax, sorted; reading it gives the same table. */
export function writeAliasFile(aliases: ReadonlyMap<string, Alias>): readonly string[] {
  return [...aliases]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([address, { targets, owner }]) => {
      const commands = [...(owner === undefined ? [] : [`?${owner}`]), ...targets.map((target) => `&${target}`)];
      return `${address}: ${commands.join(', ')};`;
    });
}
