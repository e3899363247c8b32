/** What the offices' mail was and cost in a month: for `hub report`, and to postmaster when a month is over. */
import { moneyText, priceOf } from '../shared/core/tariff.ts';
import { textBody } from '../shared/io/body.ts';
import { type Carried, monthOf, readContact } from './contact.ts';
import type { Hub } from './hub.ts';
import { readOfficeLinks } from './office-links.ts';
import { tellPostmaster } from './postmaster.ts';

export interface OfficeMonth extends Carried {
  readonly office: string;
  /** Bytes of the mails that the line did not carry. */
  readonly bytesSaved: number;
  /** What they would have cost on the office's dearest link, where it has told of a price. */
  readonly moneySaved?: { readonly money: number; readonly link: string; readonly currency?: string };
}

/** Offices that called in that month (`2026-11`), by name. */
export async function monthOfOffices(hub: Hub, month: string): Promise<readonly OfficeMonth[]> {
  const offices: OfficeMonth[] = [];
  for (const name of [...hub.directory.current.offices.keys()].sort()) {
    const carried = new Map((await readContact(hub, name))?.months).get(month);
    if (carried) offices.push(await withSavings(hub, name, carried));
  }
  return offices;
}

async function withSavings(hub: Hub, office: string, carried: Carried): Promise<OfficeMonth> {
  const line = carried.bytesWireUp + carried.bytesWireDown;
  const bytesSaved = Math.max(0, carried.bytesRawUp + carried.bytesRawDown - line);
  // Time goes with bytes, as the month's own trips went.
  const seconds = line === 0 ? 0 : (carried.seconds * bytesSaved) / line;
  const prices = (await readOfficeLinks(hub, office)).map((link) => ({
    link: link.name,
    money: priceOf({ ...link, priceMinimum: 0, priceStep: 0 }, { bytes: bytesSaved, seconds }),
    ...(link.currency === undefined ? {} : { currency: link.currency }),
  }));
  const [dearest] = prices.filter(({ money }) => money > 0).toSorted((one, other) => other.money - one.money);
  return { office, ...carried, bytesSaved, ...(dearest ? { moneySaved: dearest } : {}) };
}

/** A line for each office, for people. */
export const reportLines = (offices: readonly OfficeMonth[]): readonly string[] =>
  offices.map((one) => {
    const mails = `${one.mailsUp} mails up, ${one.mailsDown} down`;
    const line = one.bytesWireUp + one.bytesWireDown;
    const bytes = `${kb(one.bytesRawUp + one.bytesRawDown)} of mail in ${kb(line)} on the line`;
    const money = one.moneySaved;
    const saved = money ? `, ${moneyText(money.money, money)} saved at the price of ${money.link}` : '';
    return `${one.office.padEnd(16)} ${one.trips} trips, ${mails}, ${bytes}: ${kb(one.bytesSaved)} saved${saved}`;
  });

const kb = (bytes: number): string => `${Math.ceil(bytes / 1_000)} KB`;

/** Tells postmaster of the month before this one. Saying it twice is harmless: the second is the same mail. */
export async function sendMonthReport(hub: Hub): Promise<void> {
  const month = monthBefore(monthOf(hub.now()));
  const key = `report/${month}`;
  if (await hub.store.get(key)) return;
  const offices = await monthOfOffices(hub, month);
  const lines = [`What the offices' links carried in ${month}:`, '', ...reportLines(offices)];
  if (
    offices.length > 0 &&
    !(await tellPostmaster(hub, { about: ['report', month], subject: `Field mail in ${month}`, lines }))
  )
    return;
  await hub.store.put(key, textBody(''));
}

/** `2026-01` comes after `2025-12`. */
export function monthBefore(month: string): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 2)).toISOString().slice(0, 7);
}
