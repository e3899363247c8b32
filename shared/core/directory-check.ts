/**
 * Whether an edit of the directory may be done. One that would make two people share a mailbox, hide a person behind an
 * alias, or name something that is not there is refused with a sentence that says what to do instead.
 */
import { foldAddress, splitAddress } from './address.ts';
import { checkAliases, keepsCopy } from './alias-check.ts';
import { AT_HUB, type Directory, ELSEWHERE, isMailboxName, isOfficeName } from './directory.ts';
import type { Edit } from './directory-edit.ts';
import { EditError, isDomain, placeName, placeNames } from './directory-words.ts';

const OFFICES_MAX = 2_000;
const OFFICE_DOMAINS_MAX = 100;
const USERS_MAX = 200_000;

/** Throws EditError. */
export function checkEdit(directory: Directory, edit: Edit): void {
  if (edit.do === 'office.add') checkNewOffice(directory, edit);
  else if ('office' in edit) checkOffice(directory, edit.office);
  else if ('post' in edit) checkPosting(directory, edit);
  else if ('aliases' in edit) checkAliases(directory, edit.aliases);
  else if (edit.do === 'user.remove') checkKnown(directory.users, 'user', edit.address);
  else checkKnown(directory.aliases, 'alias', edit.address);
}

function checkNewOffice(directory: Directory, { office: name, domains }: Extract<Edit, { do: 'office.add' }>): void {
  const { offices } = directory;
  if (!isOfficeName(name))
    throw new EditError(
      `${JSON.stringify(name.slice(0, 100))} is no name for an office: 1 to 32 of a-z, 0-9 and -, and not "hub" or "internet"`,
    );
  if (offices.has(name))
    throw new EditError(`there is an office ${name} already; 'hub office rekey ${name}' prints a new token for it`);
  if (offices.size >= OFFICES_MAX) throw new EditError(`there are ${OFFICES_MAX} offices, which is the most`);
  if (domains.length > OFFICE_DOMAINS_MAX) throw new EditError(`an office has at most ${OFFICE_DOMAINS_MAX} domains`);
  if (domains[0] === undefined || domains[0].startsWith('.'))
    throw new EditError(
      'the first domain of an office is a whole one, such as herat.example.org: its people are written to there',
    );
  for (const domain of domains) checkOfficeDomain(directory, domain.toLowerCase());
}

function checkOfficeDomain({ domain: common, hubDomains, offices }: Directory, domain: string): void {
  if (!isDomain(domain.replace(/^\./, ''))) throw new EditError(`${JSON.stringify(domain.slice(0, 300))} is no domain`);
  if (domain === common)
    throw new EditError(
      `${domain} is the one that everybody writes to; give the office its own, such as herat.${domain}`,
    );
  if (hubDomains.includes(domain)) throw new EditError(`${domain} is the hub itself`);
  for (const [other, { domains }] of offices)
    if (domains.includes(domain)) throw new EditError(`${domain} belongs to office ${other}`);
}

function checkOffice({ offices }: Directory, name: string): void {
  if (!offices.has(name))
    throw new EditError(`there is no office ${JSON.stringify(name.slice(0, 100))}; 'hub office list' shows them`);
}

function checkKnown(known: ReadonlyMap<string, unknown>, kind: 'user' | 'alias', address: string): void {
  if (!known.has(foldAddress(address)))
    throw new EditError(`there is no ${kind} ${foldAddress(address)}; 'hub ${kind} list' shows them`);
}

type Posting = Extract<Edit, { do: 'user.add' | 'user.move' }>;

function checkPosting(directory: Directory, edit: Posting): void {
  const address = foldAddress(edit.address);
  const { local, domain } = splitAddress(address);
  if (!isDomain(local === '' ? domain.replace(/^\./, '') : domain))
    throw new EditError(
      `${JSON.stringify(edit.address.slice(0, 200))} is no address: write farid@example.org, or @example.org for everybody there`,
    );
  if (local !== '' && edit.post !== ELSEWHERE && !isMailboxName(local))
    throw new EditError(
      `${JSON.stringify(local.slice(0, 100))} is no name for a mailbox: 1 to 64 of a-z, 0-9, '.', '_' and '-', not beginning with '.', and not tmp, new or cur; give the person another address, and set this one as an alias to it`,
    );
  if (edit.post !== AT_HUB && edit.post !== ELSEWHERE) checkOffice(directory, edit.post);
  checkWhere(directory, address, edit);
  if (local === '') return;
  const person = { address, post: edit.post, local };
  checkMailboxFree(directory, person);
  checkPlaceName(directory, person);
  checkNotHidden(directory, person);
}

function checkWhere({ users }: Directory, address: string, { do: what, post }: Posting): void {
  const posted = users.get(address);
  if (what === 'user.move' && posted === undefined)
    throw new EditError(`there is no user ${address}: 'hub user add ${address} ${post}' adds them`);
  if (what === 'user.add' && posted !== undefined && posted !== post)
    throw new EditError(`${address} is posted to ${placeName(posted)}: 'hub user move ${address} ${post}' moves them`);
  if (users.size >= USERS_MAX && posted === undefined)
    throw new EditError(`there are ${USERS_MAX} users, which is the most`);
}

interface Person {
  readonly address: string;
  readonly post: string;
  readonly local: string;
}

/** A person may be written to in the common domain and in the place's own; anybody else of that name is another person. */
function checkMailboxFree(directory: Directory, { address, post, local }: Person): void {
  if (post === ELSEWHERE) return;
  const samePerson = new Set([`${local}@${directory.domain}`, ...placeNames(directory, post, local)]);
  for (const [other, at] of directory.users) {
    if (other === address || at !== post || splitAddress(other).local !== local) continue;
    if (samePerson.has(other) && samePerson.has(address)) continue;
    throw new EditError(
      `${other} has the mailbox "${local}" at ${placeName(post)} already: for the same person, 'hub alias set ${address} ${other}'; another person needs another name`,
    );
  }
}

/** Mail for a person of the common domain travels under the name that they have at the place: nobody else may have it. */
function checkPlaceName(directory: Directory, { address, post, local }: Person): void {
  const { users, domain } = directory;
  const common = `${local}@${domain}`;
  const at = address === common ? post : users.get(common);
  if (at === undefined) return;
  for (const name of placeNames(directory, at, local)) {
    const other = name === address ? post : users.get(name);
    if (other === undefined || other === at) continue;
    throw new EditError(
      `${common} at ${placeName(at)} is written to as ${name}, which would be somebody at ${placeName(other)}: one of the two needs another name`,
    );
  }
}

function checkNotHidden(directory: Directory, { address, post, local }: Person): void {
  const places = placeNames(directory, post, local);
  for (const name of new Set([address, ...places])) {
    const alias = directory.aliases.get(name);
    if (!alias || (!places.includes(name) && keepsCopy(name, alias))) continue;
    throw new EditError(
      `${name} is an alias of ${alias.targets.join(', ').slice(0, 200)}, and would hide ${address}: 'hub alias remove ${name}' first`,
    );
  }
}
