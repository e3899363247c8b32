/**
 * What an edit does to the directory: the whole of it, pure. Whether it may be done is asked first, once, when it is made
 * (directory-check.ts); an edit of the log is not asked again, or a new line in hub.toml could make the log unreadable.
 */
import { foldAddress } from './address.ts';
import { type Alias, DEFAULT_LIMITS, type Directory, type Office, type OfficeLimits } from './directory.ts';
import { checkEdit } from './directory-check.ts';

export interface AliasEdit {
  readonly address: string;
  readonly targets: readonly string[];
  readonly owner?: string | undefined;
}

type Changed<T> = { readonly [Key in keyof T]?: T[Key] | undefined };

export type Edit =
  | { readonly do: 'office.add'; readonly office: string; readonly domains: readonly string[]; readonly keyId: string }
  | { readonly do: 'office.revoke' | 'office.readmit' | 'office.rekey'; readonly office: string }
  | { readonly do: 'office.limits'; readonly office: string; readonly limits: Changed<OfficeLimits> }
  | { readonly do: 'user.add' | 'user.move'; readonly address: string; readonly post: string }
  | { readonly do: 'user.remove' | 'alias.remove'; readonly address: string }
  | { readonly do: 'alias.set'; readonly aliases: readonly AliasEdit[] };

/**
 * The directory after the edit, its version one higher; the very same one if nothing changes, so that doing it twice is
 * harmless. Throws EditError when it may not be done.
 */
export function applyEdit(directory: Directory, edit: Edit): Directory {
  checkEdit(directory, edit);
  const changed = change(directory, edit);
  return changed === directory ? directory : { ...changed, version: directory.version + 1 };
}

/** An edit of the log, which has been checked when it was made. */
export const replayEdit = (directory: Directory, edit: Edit): Directory => ({
  ...change(directory, edit),
  version: directory.version + 1,
});

function change(directory: Directory, edit: Edit): Directory {
  const { offices, users, aliases } = directory;
  switch (edit.do) {
    case 'office.add':
      return { ...directory, offices: new Map(offices).set(edit.office, newOffice(edit)) };
    case 'office.revoke':
    case 'office.readmit':
      return changeOffice(directory, edit.office, { revoked: edit.do === 'office.revoke' });
    case 'office.rekey':
      return changeOffice(directory, edit.office, { generation: (offices.get(edit.office)?.generation ?? 0) + 1 });
    case 'office.limits':
      return changeOffice(directory, edit.office, { limits: limitsAfter(offices.get(edit.office), edit.limits) });
    case 'user.add':
    case 'user.move':
      return sameOr(directory, { users: mapWith(users, foldAddress(edit.address), edit.post) });
    case 'user.remove':
      return sameOr(directory, { users: mapWithout(users, foldAddress(edit.address)) });
    case 'alias.set':
      return sameOr(directory, { aliases: aliasesAfter(aliases, edit.aliases) });
    case 'alias.remove':
      return sameOr(directory, { aliases: mapWithout(aliases, foldAddress(edit.address)) });
  }
}

/** The directory itself when no part is another one. */
const sameOr = (directory: Directory, part: Partial<Directory>): Directory =>
  Object.entries(part).every(([key, value]) => directory[key as keyof Directory] === value)
    ? directory
    : { ...directory, ...part };

function mapWith<V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  return map.get(key) === value ? map : new Map(map).set(key, value);
}

function mapWithout<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  const after = new Map(map);
  return after.delete(key) ? after : map;
}

const newOffice = ({ office, domains, keyId }: Extract<Edit, { do: 'office.add' }>): Office => ({
  name: office,
  domains: [...new Set(domains.map((domain) => domain.toLowerCase()))],
  keyId,
  generation: 1,
  revoked: false,
  limits: DEFAULT_LIMITS,
});

function changeOffice(directory: Directory, name: string, part: Partial<Office>): Directory {
  const office = directory.offices.get(name);
  if (!office || Object.entries(part).every(([key, value]) => office[key as keyof Office] === value)) return directory;
  return { ...directory, offices: new Map(directory.offices).set(name, { ...office, ...part }) };
}

/** The office's own limits when nothing changes. */
function limitsAfter(office: Office | undefined, limits: Changed<OfficeLimits>): OfficeLimits {
  const before = office?.limits ?? DEFAULT_LIMITS;
  const {
    mailBytesMax = before.mailBytesMax,
    concurrency = before.concurrency,
    users = before.users,
    holdBytesMax = before.holdBytesMax,
    plain = before.plain,
    spam = before.spam,
  } = limits;
  const after: OfficeLimits = { mailBytesMax, concurrency, users, holdBytesMax, plain, spam };
  return Object.entries(after).every(([key, value]) => before[key as keyof OfficeLimits] === value) ? before : after;
}

/** The table itself when nothing changes. */
function aliasesAfter(aliases: ReadonlyMap<string, Alias>, edits: readonly AliasEdit[]): ReadonlyMap<string, Alias> {
  const changed = edits
    .map((edit) => [foldAddress(edit.address), aliasOf(edit)] as const)
    .filter(([key, alias]) => !sameAlias(aliases.get(key), alias));
  return changed.length === 0 ? aliases : new Map([...aliases, ...changed]);
}

const aliasOf = ({ targets, owner }: AliasEdit): Alias => ({
  targets: [...new Set(targets)],
  ...(owner === undefined ? {} : { owner }),
});

const sameAlias = (one: Alias | undefined, other: Alias): boolean =>
  one !== undefined && one.owner === other.owner && one.targets.join('\n') === other.targets.join('\n');
