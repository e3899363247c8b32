import type { Network, OfficeName } from '../support/network.ts';
import { type Column, table } from '../support/table.ts';
import { type Carried, PEOPLE } from './carry.ts';

export interface Report {
  readonly ok: boolean;
  readonly mails: number;
  readonly door: string;
  readonly store: string;
  readonly seconds: number;
  readonly killed: readonly string[];
  readonly refusedAtTheDoor: Readonly<Record<string, number>>;
  /** Mails without an answer that were handed in again; those without a Message-ID may come twice. */
  readonly handedInAgain: number;
  /** Came twice because an answer of, or to, somebody else's program was lost by a kill. */
  readonly windows: readonly string[];
  readonly offices: readonly OfficeReport[];
  readonly memoryPeakBytes: Readonly<Record<string, number>>;
  readonly complaints: readonly string[];
}

interface OfficeReport {
  readonly office: string;
  readonly down: number;
  readonly up: number;
  readonly bytesRaw: number;
  readonly bytesLink: number;
  readonly lost: number;
  readonly twice: number;
  readonly strange: number;
}

export function report(
  network: Network,
  carried: Carried,
  facts: Pick<Report, 'mails' | 'door' | 'store' | 'killed'>,
): Report {
  const { refused, unanswered, windows, complaints, seconds } = carried;
  return {
    ok: complaints.length === 0,
    ...facts,
    seconds: Math.round(seconds * 10) / 10,
    refusedAtTheDoor: Object.fromEntries(
      refused.map(({ reason }) => [reason, refused.filter((other) => other.reason === reason).length]),
    ),
    handedInAgain: new Set(unanswered).size,
    windows: [...windows].map(([label, reason]) => `${label}: ${reason}`),
    offices: [...network.offices.keys()].map((office) => officeReport(network, carried, office)),
    memoryPeakBytes: Object.fromEntries([
      ['hub', network.hub.memoryPeakBytes],
      ...[...network.offices.values()].map(({ name, memoryPeakBytes }) => [name, memoryPeakBytes] as const),
    ]),
    complaints,
  };
}

function officeReport(network: Network, { ledger }: Carried, office: OfficeName): OfficeReport {
  const down = ledger.count(`${office}/${PEOPLE[office]}`);
  const up = ledger.count(`internet/${office}`);
  return {
    office,
    down: down.came,
    up: up.came,
    bytesRaw: down.bytes + up.bytes,
    bytesLink: network.bytesOnLink(office),
    lost: down.lost + up.lost,
    twice: down.twice + up.twice,
    strange: down.strange + up.strange,
  };
}

const COLUMNS: readonly Column<OfficeReport>[] = [
  ['office', ({ office }) => office],
  ['to it', ({ down }) => down],
  ['from it', ({ up }) => up],
  ['bytes raw', ({ bytesRaw }) => bytesRaw],
  ['on the link', ({ bytesLink }) => bytesLink],
  ['lost', ({ lost }) => lost],
  ['twice', ({ twice }) => twice],
  ['changed', ({ strange }) => strange],
];

export function printReport(found: Report): void {
  const { offices, refusedAtTheDoor, memoryPeakBytes, killed, handedInAgain, windows, complaints } = found;
  console.log(table(COLUMNS, offices));
  for (const [reason, count] of Object.entries(refusedAtTheDoor))
    console.log(`refused at the door, ${count} times: ${reason}`);
  if (killed.length > 0)
    console.log(`killed with SIGKILL: ${killed.join(', ')}; handed in again for want of an answer: ${handedInAgain}`);
  for (const label of windows) console.log(`came twice: ${label}`);
  const peaks = Object.entries(memoryPeakBytes).map(([name, bytes]) => `${name} ${Math.round(bytes / 1e6)} MB`);
  console.log(`highest memory: ${peaks.join(', ')}`);
  for (const complaint of complaints.slice(0, 30)) console.log(complaint);
  console.log(found.ok ? `all well in ${found.seconds} s` : `${complaints.length} things are wrong`);
}
