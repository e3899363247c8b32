/** `hub status`: the offices at a glance (last contact, what waits, last trouble), the relay and the store. */
import type { Call } from '../../shared/io/command-line.ts';
import { countMaildir, type MaildirCount } from '../../shared/io/maildir.ts';
import { ago } from '../ago.ts';
import { type Carried, type Contact, monthOf, readContact } from '../contact.ts';
import type { Hub, HubCommand } from '../hub.ts';
import type { HubSeen } from '../hubs.ts';
import { LEAD } from '../leading.ts';
import { isOnLine } from '../running-trips.ts';

interface OfficeStatus extends MaildirCount {
  readonly office: string;
  readonly revoked: boolean;
  readonly onLine: boolean;
  readonly contact?: Contact;
}

export const statusCommands: readonly HubCommand[] = [
  {
    words: 'status',
    usage: '[--json]',
    summary: 'offices (last contact, waiting mails and bytes, last trouble), the relay, the store and the hubs on it',
    takes: [0, 0],
    reports: true,
    run: async (hub, call) => {
      const offices = [];
      for (const { name, revoked } of hub.directory.current.offices.values())
        offices.push(await officeStatus(hub, name, revoked));
      const internet = await countMaildir(hub.store, 'internet');
      const hubs = hub.hubs.seen();
      if (call.json) call.out(JSON.stringify({ offices, internet, store: storeName(hub), hubs }));
      else print(hub, call, { offices, internet });
      return 0;
    },
  },
];

async function officeStatus(hub: Hub, office: string, revoked: boolean): Promise<OfficeStatus> {
  const contact = await readContact(hub, office);
  const waiting = await countMaildir(hub.store, `office/${office}`);
  const onLine = isOnLine(hub, office);
  return { office, revoked, onLine, ...waiting, ...(contact ? { contact } : {}) };
}

const storeName = ({ config: { store } }: Hub): string =>
  'path' in store ? `folder ${store.path}` : `bucket ${store.bucket}`;

function print(
  hub: Hub,
  call: Call,
  { offices, internet }: { readonly offices: readonly OfficeStatus[]; readonly internet: MaildirCount },
): void {
  const now = hub.now();
  if (offices.length === 0) call.out("no office yet: 'hub office add NAME' makes one");
  for (const status of offices) call.out(`${status.office.padEnd(16)} ${describe(status, now)}`);
  call.out(`${'Internet'.padEnd(16)} ${waiting(internet, now)}`);
  call.out(`${'store'.padEnd(16)} ${storeName(hub)}`);
  for (const seen of hub.hubs.seen()) call.out(`${'hub'.padEnd(16)} ${hubLine(seen, now)}`);
}

/** Who is there, and who does what: one hub relays and watches for all, and an office is on line at one. */
function hubLine({ name, isThis, since, holds, onLine }: HubSeen, now: number): string {
  const does = [
    ...(holds.includes(LEAD) ? ['relays'] : []),
    ...(onLine.length > 0 ? [`on line with ${onLine.join(', ')}`] : []),
  ];
  return `${name}${isThis ? ' (this one)' : ''}, started ${ago(now - since)}${does.map((what) => `; ${what}`).join('')}`;
}

function describe({ revoked, onLine, contact, ...count }: OfficeStatus, now: number): string {
  const seen = onLine ? 'on line now' : contact ? `last on line ${ago(now - contact.time)}` : 'never on line';
  const trouble = contact?.trouble === undefined ? '' : `; that trip ended early: ${contact.trouble}`;
  const month = new Map(contact?.months).get(monthOf(now));
  return `${revoked ? 'REVOKED; ' : ''}${seen}; ${waiting(count, now)}${month ? `; this month ${carried(month)}` : ''}${trouble}`;
}

/** Both ways, in a few words. */
export function carried({ trips, mailsUp, mailsDown, bytesWireUp, bytesWireDown }: Carried): string {
  const kilobytes = Math.ceil((bytesWireUp + bytesWireDown) / 1000);
  return `${trips} ${trips === 1 ? 'trip' : 'trips'}, ${mailsUp} up, ${mailsDown} down, ${kilobytes} KB on the line`;
}

function waiting({ mails, bytes, oldest, foreign }: MaildirCount, now: number): string {
  const strange = foreign === undefined ? '' : `; a file that is no mail of ours: ${foreign}`;
  if (mails === 0) return `nothing waits${strange}`;
  const since = oldest === undefined ? '' : `, the oldest came ${ago(now - oldest)}`;
  return `${mails} ${mails === 1 ? 'mail waits' : 'mails wait'} (${Math.ceil(bytes / 1000)} KB${since})${strange}`;
}
