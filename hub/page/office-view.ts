/** What the page says of the offices: the same facts as `hub status` and `hub report`. */

import type { Office } from '../../shared/core/directory.ts';
import type { OfficeLink } from '../../shared/core/link-list.ts';
import { moneyText, priceOf } from '../../shared/core/tariff.ts';
import { countMaildir, type MaildirCount } from '../../shared/io/maildir.ts';
import { type Contact, monthOf, readContact } from '../contact.ts';
import type { Hub } from '../hub.ts';
import { readOfficeLinks } from '../office-links.ts';
import { isOnLine } from '../running-trips.ts';
import { sizeText } from '../size-text.ts';

export interface OfficeView {
  readonly office: Office;
  readonly onLine: boolean;
  readonly waiting: MaildirCount;
  readonly contact: Contact | undefined;
  readonly links: readonly OfficeLink[];
}

export async function officeViews(hub: Hub): Promise<readonly OfficeView[]> {
  await hub.directory.refresh();
  const offices = [...hub.directory.current.offices.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  return Promise.all(offices.map((office) => officeView(hub, office)));
}

export async function officeView(hub: Hub, office: Office): Promise<OfficeView> {
  return {
    office,
    onLine: isOnLine(hub, office.name),
    waiting: await countMaildir(hub.store, `office/${office.name}`),
    contact: await readContact(hub, office.name),
    links: await readOfficeLinks(hub, office.name),
  };
}

/** Bytes of the line this month, and what they cost on the dearest link that the office has told of. */
export function monthText({ contact, links }: OfficeView, now: number): string {
  const month = new Map(contact?.months).get(monthOf(now));
  if (!month) return 'nothing yet';
  const bytes = month.bytesWireUp + month.bytesWireDown;
  const prices = links.map((link) => ({
    money: priceOf({ ...link, priceMinimum: 0, priceStep: 0 }, { bytes, seconds: month.seconds }),
    currency: link.currency,
    name: link.name,
  }));
  const [dearest] = prices.filter(({ money }) => money > 0).toSorted((one, other) => other.money - one.money);
  return `${sizeText(bytes)}${dearest ? `, at most ${moneyText(dearest.money, dearest)} (${dearest.name})` : ''}`;
}

/** How fast the last trip went. */
export function speedText({ contact }: OfficeView): string {
  const last = contact?.last;
  if (!last || last.seconds < 1) return '';
  return `${sizeText(Math.round((last.bytesWireUp + last.bytesWireDown) / last.seconds))}/s`;
}
