/**
 * What a hub makes of a qmail of the 2004 set-up: each queue of `virtualdomains` is an office, whoever an alias sends there is a person
 * posted to it, the names of users/assign have their mailboxes at the hub, and the rest of the aliases stay aliases. What
 * has no place here is named with its file and line, and left out.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { foldAddress, splitAddress } from '../shared/core/address.ts';
import { readAliasFile } from '../shared/core/alias-file.ts';
import { isMailboxName, isOfficeName } from '../shared/core/directory.ts';
import type { AliasEdit } from '../shared/core/directory-edit.ts';
import { EXIT, Exit } from '../shared/io/command-line.ts';
import { assignments, dotQmail, extensionOf, type Prefixed, virtualDomains } from './qmail-control.ts';

export interface QmailOffice {
  readonly name: string;
  /** Lower case; whole ones before `.suffix`. */
  readonly domains: readonly string[];
  /** The Maildir of its waiting mail, if one was found, and what its recipients begin with there. */
  readonly maildir?: string;
  readonly prefix: string;
}

export interface QmailPlan {
  readonly offices: readonly QmailOffice[];
  /** Folded address in the common domain to office, or `hub`. */
  readonly people: ReadonlyMap<string, string>;
  readonly aliases: readonly AliasEdit[];
  /** What is left out, and why: `control/virtualdomains:3: …`. */
  readonly leftOut: readonly string[];
}

export interface QmailSource {
  /** What was /var/qmail. */
  readonly folder: string;
  /** The source of fastforward's table, or /etc/aliases; absent: there is none. */
  readonly aliases?: { readonly path: string; readonly text: string };
  /** The domain that everybody writes to. */
  readonly domain: string;
}

/** Reads; changes nothing. Throws Exit when the folder is no qmail's. */
export async function planOf(source: QmailSource): Promise<QmailPlan> {
  const planning = new Planning(source);
  await planning.readOffices();
  await planning.readPeople();
  await planning.readAliases();
  return planning.plan();
}

class Planning {
  readonly #source: QmailSource;
  readonly #offices: QmailOffice[] = [];
  readonly #people = new Map<string, string>();
  readonly #aliases = new Map<string, AliasEdit>();
  readonly #leftOut: string[] = [];
  #prefixes: ReadonlyMap<string, Prefixed> = new Map();
  #names: readonly string[] = [];

  constructor(source: QmailSource) {
    this.#source = source;
  }

  plan(): QmailPlan {
    return {
      offices: this.#offices,
      people: this.#people,
      aliases: [...this.#aliases.values()],
      leftOut: this.#leftOut,
    };
  }

  async readOffices(): Promise<void> {
    const text = await this.#file('control/virtualdomains');
    if (text === undefined)
      throw new Exit(
        EXIT.data,
        `${this.#source.folder} has no control/virtualdomains that can be read: name the folder that was /var/qmail, readable by the user that the hub runs as`,
      );
    const assign = assignments((await this.#file('users/assign')) ?? '');
    [this.#prefixes, this.#names] = [assign.prefixes, assign.names];
    const usable = virtualDomains(text).filter(({ line, key, prepend }) => {
      const reason = reasonAgainst(key, prepend);
      if (reason !== undefined) this.#leaveOut(`control/virtualdomains:${line}`, reason);
      return reason === undefined;
    });
    for (const [prepend, lines] of Map.groupBy(usable, ({ prepend: queue }) => queue))
      await this.#office(
        prepend,
        lines.map(({ key }) => key),
      );
  }

  async #office(prepend: string, keys: readonly string[]): Promise<void> {
    const domains = [...keys.filter((key) => !key.startsWith('.')), ...keys.filter((key) => key.startsWith('.'))];
    const name = officeName(prepend, domains[0] ?? '');
    if (domains[0]?.startsWith('.') !== false || !isOfficeName(name)) {
      this.#leaveOut(
        'control/virtualdomains',
        `${keys.join(', ')}: an office needs a whole domain of its own, such as herat.example.org`,
      );
      return;
    }
    const maildir = await this.#maildirOf(prepend);
    if (maildir === undefined)
      this.#leaveOut(`alias/.qmail-${prepend}-default`, `names no Maildir: what waits for ${name} is not taken over`);
    this.#offices.push({ name, domains, prefix: `${prepend}-`, ...(maildir === undefined ? {} : { maildir }) });
  }

  /** Where the mail of a queue lies: the Maildir of its `.qmail-…-default`, in the home of the user that the name is assigned to. */
  async #maildirOf(prepend: string): Promise<string | undefined> {
    const [prefix, { home, before }] = [...this.#prefixes].find(
      ([start]) => start !== '' && `${prepend}-`.startsWith(start),
    ) ?? ['', { home: '/var/qmail/alias', before: '-' }];
    const rest = `${before}${`${prepend}-default`.slice(prefix.length)}`;
    const file = join(this.#here(home), `.qmail${rest.toLowerCase().replaceAll('.', ':')}`);
    const [maildir] = dotQmail((await read(file)) ?? '').maildirs;
    return maildir === undefined
      ? undefined
      : resolve(this.#here(home), maildir.startsWith('/') ? this.#here(maildir) : maildir);
  }

  /** A path of the old machine, where the folder lies now. */
  #here(path: string): string {
    return path.replace(/^\/var\/qmail(?=\/|$)/, resolve(this.#source.folder));
  }

  async readPeople(): Promise<void> {
    const queues = this.#offices.map(({ prefix }) => prefix);
    for (const name of this.#names) {
      if (queues.some((prefix) => `${name}-`.startsWith(prefix))) continue;
      if (isMailboxName(name)) this.#people.set(`${name}@${this.#source.domain}`, 'hub');
      else this.#leaveOut('users/assign', `${name} is no name for a mailbox`);
    }
  }

  async readAliases(): Promise<void> {
    const { aliases, domain, folder } = this.#source;
    if (aliases) {
      const file = readAliasFile(aliases.text, { domain });
      for (const { line, text } of [...file.faults, ...file.notes]) this.#leaveOut(`${aliases.path}:${line}`, text);
      for (const { address, targets, owner } of file.aliases)
        if (targets.length > 0) this.#alias({ address, targets, owner });
    }
    for (const name of await files(join(folder, 'alias'))) {
      const extension = extensionOf(name);
      if (extension !== undefined) await this.#dotQmail(name, extension);
    }
  }

  async #dotQmail(file: string, extension: string): Promise<void> {
    if (this.#offices.some(({ prefix }) => `${extension}-`.startsWith(prefix))) return;
    const { targets, maildirs, others } = dotQmail((await this.#file(`alias/${file}`)) ?? '');
    const where = `alias/${file}`;
    for (const line of others) {
      const remedy = line.includes('fastforward')
        ? 'give the source of its table with --aliases'
        : 'a hub runs no programs for a mail';
      this.#leaveOut(where, `"${line.slice(0, 100)}": ${remedy}`);
    }
    if (extension === 'default' || extension.endsWith('-default')) {
      if (targets.length + maildirs.length > 0)
        this.#leaveOut(where, "a default for many names: 'hub alias set @DOMAIN TARGET' makes one");
      return;
    }
    const address = `${extension}@${this.#source.domain}`;
    if (extension.endsWith('-owner') || targets.length === 0) {
      if (maildirs.length > 0 && isMailboxName(extension)) this.#people.set(address, 'hub');
      return;
    }
    const full = targets.map((target) => (target.includes('@') ? target : `${target}@${this.#source.domain}`));
    const isList = (await this.#file(`alias/.qmail-${extension.replaceAll('.', ':')}-owner`)) !== undefined;
    this.#alias({ address, targets: full, ...(isList ? { owner: `${extension}-owner@${this.#source.domain}` } : {}) });
  }

  /** One that leads a name to the same name at an office is that person's posting. */
  #alias(edit: AliasEdit): void {
    const key = foldAddress(edit.address);
    if (this.#aliases.has(key)) return;
    const { local, domain } = splitAddress(key);
    for (const target of edit.targets) this.#post(target);
    const [only] = edit.targets;
    const isPosting =
      edit.targets.length === 1 && splitAddress(only ?? '').local.toLowerCase() === local && this.#officeOf(only ?? '');
    if (isPosting && domain === this.#source.domain) return;
    this.#aliases.set(key, edit);
  }

  /** Whoever gets mail at an office is posted there. */
  #post(target: string): void {
    const office = this.#officeOf(target);
    const local = splitAddress(target).local.toLowerCase();
    const address = `${local}@${this.#source.domain}`;
    if (office === undefined) return;
    const posted = this.#people.get(address);
    if (!isMailboxName(local)) this.#leaveOut(target, 'is no name for a mailbox');
    else if (posted !== undefined && posted !== office && posted !== 'hub')
      this.#leaveOut(
        target,
        `${address} is posted to ${posted} already: who are two people there needs two names here`,
      );
    else this.#people.set(address, office);
  }

  #officeOf(address: string): string | undefined {
    const { domain } = splitAddress(address);
    return this.#offices.find(({ domains }) =>
      domains.some((own) => own === domain || (own.startsWith('.') && domain.endsWith(own))),
    )?.name;
  }

  #file(name: string): Promise<string | undefined> {
    return read(join(this.#source.folder, name));
  }

  #leaveOut(where: string, why: string): void {
    this.#leftOut.push(`${where}: ${why}`);
  }
}

function reasonAgainst(key: string, prepend: string): string | undefined {
  if (key === '') return 'the rest of the world: a hub sends it to the Internet by itself';
  if (prepend === '')
    return `${key} is excepted: a hub excepts a person by 'hub user add ${key.includes('@') ? key : `@${key}`} internet'`;
  if (key.includes('@')) return `one person of a queue: 'hub user add ${key} OFFICE' posts them`;
  return undefined;
}

/** `qrelay-herat` is office herat; of other names the domain's first label. */
function officeName(prepend: string, domain: string): string {
  const given = /^(?:q?relay|alias|ppp|uucp)-(.+)$/i.exec(prepend)?.[1] ?? domain.split('.')[0] ?? '';
  return given
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .slice(0, 32);
}

/** Undefined when there is no such file. */
async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Exit(
      EXIT.data,
      `${path} cannot be read (${code}): let the user that the hub runs as read the folder, or give it a copy`,
    );
  }
}

async function files(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return [];
  }
}
