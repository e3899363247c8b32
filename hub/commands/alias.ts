/** `hub alias …`: aliases and lists. */
import { foldAddress } from '../../shared/core/address.ts';
import { checkAlias } from '../../shared/core/alias-check.ts';
import {
  type AliasFile,
  type AliasFormat,
  type Remark,
  readAliasFile,
  writeAliasFile,
} from '../../shared/core/alias-file.ts';
import type { Alias, Directory } from '../../shared/core/directory.ts';
import type { AliasEdit } from '../../shared/core/directory-edit.ts';
import { EditError } from '../../shared/core/directory-words.ts';
import { route } from '../../shared/core/route.ts';
import { type Call, EXIT, Exit } from '../../shared/io/command-line.ts';
import { editDirectory } from '../edit-directory.ts';
import type { Hub, HubCommand } from '../hub.ts';
import { hubTables } from '../hub-tables.ts';

export const aliasCommands: readonly HubCommand[] = [
  {
    words: 'alias set',
    usage: 'ADDRESS TARGET… [--owner ADDRESS]',
    summary: 'makes an address lead to others: an alias, or a list',
    help: `ADDRESS may also be @example.org (everybody there who is no user) or staff@ (in every domain of ours). A name without a
domain is completed. The owner becomes the sender of what a list sends on, and hears of what cannot be delivered.

  hub alias set staff@example.org farid holly tom --owner it@example.org`,
    options: { owner: { type: 'string' } },
    takes: [2, Number.POSITIVE_INFINITY],
    run: async (hub, call) => setAlias(hub, call),
  },
  {
    words: 'alias remove',
    usage: 'ADDRESS',
    summary: 'removes an alias',
    takes: [1, 1],
    run: async (hub, { positionals: [address = ''], out }) => {
      await editDirectory(hub, { do: 'alias.remove', address: complete(hub, address) });
      out(`${foldAddress(complete(hub, address))} is no alias any more`);
      return EXIT.ok;
    },
  },
  {
    words: 'alias list',
    usage: '[--json]',
    summary: 'shows the aliases and where they lead',
    takes: [0, 0],
    reports: true,
    run: async (hub, call) => {
      await hub.directory.refresh();
      const aliases = sorted(hub.directory.current.aliases);
      if (call.json) call.out(JSON.stringify(aliases.map(([address, alias]) => ({ address, ...alias }))));
      else for (const [address, alias] of aliases) call.out(describe(address, alias));
      return EXIT.ok;
    },
  },
  {
    words: 'alias import',
    usage: 'FILE [--format fastforward|sendmail] [--json]',
    summary: "reads an alias file of fastforward (setforward's) or of sendmail (newaliases', /etc/aliases)",
    help: `Nothing is changed when anything in the file cannot be used; every such line is named. An alias that is there already is replaced.
FILE may be - for standard input.

  hub alias import /etc/aliases`,
    options: { format: { type: 'string' } },
    takes: [1, 1],
    reports: true,
    run: async (hub, call) => importAliases(hub, call),
  },
  {
    words: 'alias export',
    usage: '',
    summary: "prints all aliases in fastforward's syntax; alias import reads it back to the same table",
    takes: [0, 0],
    run: async (hub, call) => {
      await hub.directory.refresh();
      for (const line of writeAliasFile(hub.directory.current.aliases)) call.out(line);
      return EXIT.ok;
    },
  },
];

const complete = ({ config }: Hub, name: string): string => (name.includes('@') ? name : `${name}@${config.domain}`);

async function setAlias(hub: Hub, { positionals, options, out }: Call): Promise<number> {
  const [address = '', ...targets] = positionals.map((name) => complete(hub, name));
  const owner = typeof options.owner === 'string' ? complete(hub, options.owner) : undefined;
  const edit: AliasEdit = { address, targets, owner };
  const directory = await editDirectory(hub, { do: 'alias.set', aliases: [edit] });
  const key = foldAddress(address);
  const alias = directory.aliases.get(key);
  if (alias) out(describe(key, alias));
  const trouble = leadsNowhere(hub, directory, key);
  if (trouble !== undefined) out(`mind: mail to ${key} is refused as it is now: ${trouble}`);
  return EXIT.ok;
}

/** What a writer would be answered; undefined when the alias leads somewhere, or is not one address. */
function leadsNowhere(hub: Hub, directory: Directory, key: string): string | undefined {
  if (key.startsWith('@') || key.endsWith('@')) return undefined;
  const { verdict } = route(hubTables(directory, hub.config), { name: 'check', relays: true }, '', key);
  return verdict.letter === 'K' ? undefined : verdict.text;
}

async function importAliases(hub: Hub, call: Call): Promise<number> {
  const [path = ''] = call.positionals;
  const text = (await call.readFile(path)).toString();
  const file = readAliasFile(text, { format: formatOf(call), domain: hub.config.domain });
  await hub.directory.refresh();
  const faults = [...file.faults, ...refusals(hub, file)].toSorted((one, other) => one.line - other.line);
  if (faults.length > 0) {
    const lines = faults.map((fault) => `${path}:${fault.line}: ${fault.text}`);
    throw new Exit(EXIT.data, `${lines.join('\n')}\nnothing was imported: mend these lines, or take them out`);
  }
  const before = hub.directory.current.aliases;
  const aliases = file.aliases.map(({ address, targets, owner }) => ({ address, targets, owner }));
  const directory = await editDirectory(hub, { do: 'alias.set', aliases });
  report(call, { path, file, before, trouble: troubles(hub, directory, file) });
  return EXIT.ok;
}

function formatOf({ options: { format } }: Call): AliasFormat | undefined {
  if (format === undefined || format === 'fastforward' || format === 'sendmail') return format;
  throw new Exit(EXIT.usage, `--format is fastforward or sendmail, not "${String(format)}"`);
}

/** What the directory would refuse, each with its line. */
function refusals(hub: Hub, { aliases }: AliasFile): readonly Remark[] {
  const tables = hubTables(hub.directory.current, hub.config);
  return aliases.flatMap(({ line, ...alias }): readonly Remark[] => {
    if (alias.targets.length === 0) return [];
    try {
      checkAlias(tables, alias);
      return [];
    } catch (error) {
      if (!(error instanceof EditError)) throw error;
      return [{ line, text: error.message }];
    }
  });
}

const troubles = (hub: Hub, directory: Directory, { aliases }: AliasFile): readonly Remark[] =>
  aliases.flatMap(({ line, address }) => {
    const trouble = leadsNowhere(hub, directory, foldAddress(address));
    return trouble === undefined ? [] : [{ line, text: `mail to ${address} is refused as it is now: ${trouble}` }];
  });

interface Imported {
  readonly path: string;
  readonly file: AliasFile;
  readonly before: Directory['aliases'];
  readonly trouble: readonly Remark[];
}

function report({ json, out }: Call, { path, file, before, trouble }: Imported): void {
  const replaced = file.aliases.filter(({ address }) => before.has(foldAddress(address))).length;
  const notes = [...file.notes, ...trouble].toSorted((one, other) => one.line - other.line);
  if (json) {
    out(JSON.stringify({ format: file.format, aliases: file.aliases.length, replaced, notes }));
    return;
  }
  for (const { line, text } of notes) out(`${path}:${line}: ${text}`);
  out(`${file.aliases.length} aliases read (${file.format} syntax), ${replaced} of them were there before`);
}

const sorted = (aliases: ReadonlyMap<string, Alias>): readonly (readonly [string, Alias])[] =>
  [...aliases].sort(([one], [other]) => (one < other ? -1 : 1));

const describe = (address: string, { targets, owner }: Alias): string =>
  `${address} -> ${targets.join(', ')}${owner === undefined ? '' : ` (owner ${owner})`}`;
