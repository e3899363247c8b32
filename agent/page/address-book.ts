/** The directory as an address book that mail programs read: LDIF (RFC 2849) and vCard 3.0 (RFC 2426). */
import { splitAddress } from '../../shared/core/address.ts';
import type { PublicDirectory } from '../../shared/core/public-directory.ts';

export interface Person {
  readonly address: string;
  /** Where they are posted; undefined for a list or another name of somebody. */
  readonly office?: string;
}

/** Everybody and every list, by address. */
export const peopleIn = ({ users, aliases }: PublicDirectory): readonly Person[] =>
  [
    ...[...users].map(([address, office]) => ({ address, office })),
    ...[...aliases.keys()].map((address) => ({ address })),
  ]
    // `@domain` and `name@` stand for many addresses.
    .filter(({ address }) => /^[^@\s]+@[^@\s]+$/.test(address))
    .sort((one, other) => (one.address < other.address ? -1 : 1));

export const ldif = (people: readonly Person[]): string =>
  people
    .map(({ address, office }) => {
      const name = splitAddress(address).local;
      const lines = [
        ldifLine('dn', `mail=${dnValue(address)}`),
        'objectclass: top',
        'objectclass: person',
        'objectclass: organizationalPerson',
        'objectclass: inetOrgPerson',
        ldifLine('cn', name),
        ldifLine('sn', name),
        ldifLine('mail', address),
        ...(office === undefined ? [] : [ldifLine('l', office)]),
      ];
      return `${lines.join('\n')}\n`;
    })
    .join('\n');

/** Whatever is not plain goes as base64 (RFC 2849, SAFE-STRING). */
const ldifLine = (name: string, value: string): string =>
  /^[!-9;=-~][ -~]*$/.test(value) && !value.endsWith(' ')
    ? `${name}: ${value}`
    : `${name}:: ${Buffer.from(value).toString('base64')}`;

/** RFC 4514 section 2.4. */
const dnValue = (value: string): string => value.replace(/[\\",+;<>=#]/g, '\\$&');

export const vcards = (people: readonly Person[]): string =>
  people
    .map(({ address, office }) => {
      const name = vcardText(splitAddress(address).local);
      const lines = [
        'BEGIN:VCARD',
        'VERSION:3.0',
        `FN:${name}`,
        `N:${name};;;;`,
        `EMAIL;TYPE=INTERNET:${vcardText(address)}`,
        ...(office === undefined ? [] : [`ORG:${vcardText(office)}`]),
        'END:VCARD',
      ];
      return `${lines.join('\r\n')}\r\n`;
    })
    .join('');

const vcardText = (text: string): string => text.replace(/[\\,;]/g, '\\$&');
