/**
 * Carries every mail of a folder both ways: Internet → hub → office, and office → hub → Internet. Each must arrive once,
 * byte for byte but for the trace lines that the standards ask for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Arrivals } from '../support/arrivals.ts';
import { Ledger } from '../support/ledger.ts';
import { smtpForm, type TestMail, withoutTrace } from '../support/mails.ts';
import type { Network } from '../support/network.ts';
import { type DoorReport, handIn, type Item } from './doors.ts';
import type { Kills } from './kills.ts';

export interface Carried {
  readonly ledger: Ledger;
  /** Handed in, by place: bytes as they stand in the files. */
  readonly refused: DoorReport['refused'];
  readonly unanswered: readonly string[];
  /** Came twice for a reason that no program can mend: an answer of, or to, somebody else's program was lost by a kill. Label to reason. */
  readonly windows: ReadonlyMap<string, string>;
  /** All that is wrong. */
  readonly complaints: readonly string[];
  readonly seconds: number;
}

/** Who reads and writes at each office. */
export const PEOPLE: Readonly<Record<string, string>> = { mazar: 'nadia', herat: 'farid', farah: 'jamila' };

interface Plan {
  readonly ledger: Ledger;
  readonly down: readonly Item[];
  readonly up: ReadonlyMap<string, readonly Item[]>;
  /** Labels of mails that SMTP cannot carry, with what is wrong with them. */
  readonly faults: ReadonlyMap<string, string>;
  /** Labels of mails without a Message-ID, which a door cannot know again. */
  readonly anonymous: ReadonlySet<string>;
}

function plan(mails: readonly TestMail[], door: 'smtp' | 'qmtp', offices: readonly string[]): Plan {
  const ledger = new Ledger();
  const down: Item[] = [];
  const up = new Map<string, Item[]>(offices.map((office) => [office, []]));
  const faults = new Map<string, string>();
  const anonymous = new Set<string>();
  mails.forEach(({ name, bytes }, index) => {
    const office = offices[index % offices.length] ?? '';
    const person = `${PEOPLE[office]}@example.org`;
    const { wire, rest, fault } = door === 'smtp' ? smtpForm(bytes) : { wire: bytes, rest: bytes };
    const [downLabel, upLabel] = [`down ${name}`, `up ${name}`];
    down.push({ label: downLabel, from: `m${index}@sender.example.net`, to: person, wire });
    up.get(office)?.push({
      label: upLabel,
      from: person,
      to: `m${index}@${door === 'smtp' ? 'dest.example.net' : 'ghazni.example.org'}`,
      wire,
    });
    if (!/^message-id:/im.test(bytes.toString('latin1'))) anonymous.add(downLabel).add(upLabel);
    if (fault) {
      faults.set(downLabel, fault).set(upLabel, fault);
      return;
    }
    ledger.expect(`${office}/${PEOPLE[office]}`, rest, downLabel);
    ledger.expect(`internet/${office}`, door === 'smtp' ? wire : rest, upLabel);
  });
  return { ledger, down, up, faults, anonymous };
}

export interface CarryOptions {
  readonly door: 'smtp' | 'qmtp';
  readonly kills?: Kills;
  readonly secondsMax: number;
  readonly progress?: (came: number, wanted: number) => void;
}

export async function carry(network: Network, mails: readonly TestMail[], options: CarryOptions): Promise<Carried> {
  const started = Date.now();
  const { ledger, down, up, faults, anonymous } = plan(mails, options.door, [...network.offices.keys()]);
  const state = { over: false };
  const door = { listener: options.door, isOver: () => state.over };
  const doors = Promise.all([
    handIn({ ...door, daemon: () => network.hub.served }, down, 4),
    ...[...network.offices.values()].map((office) =>
      handIn({ ...door, daemon: () => office.served }, up.get(office.name) ?? [], 2),
    ),
  ]);
  const syncing = [...network.offices.values()].map(async (office) => {
    while (!state.over) {
      const { line } = await office.sync();
      if (!line || line.up.mails + line.down.mails === 0) await sleep(200);
    }
  });
  const pushing = options.door === 'qmtp' ? [pushUntil(network, state)] : [];
  try {
    await watch(network, ledger, { ...options, deadline: started + options.secondsMax * 1000 });
  } finally {
    state.over = true;
    await Promise.all([...syncing, ...pushing]);
  }
  const reports = await doors;
  const refused = reports.flatMap((report) => report.refused);
  const unanswered = reports.flatMap((report) => report.unanswered);
  const windows = new Map<string, string>();
  for (const { place, label, firstCame } of ledger.doubles()) {
    const ms = place.startsWith('internet') ? options.kills?.msBeforeKill(firstCame) : undefined;
    if (ms !== undefined) windows.set(label, `the Internet took it ${ms} ms before the hub was killed`);
    else if (anonymous.has(label) && unanswered.includes(label))
      windows.set(label, 'it has no Message-ID, and its answer was lost');
  }
  return {
    ledger,
    refused,
    unanswered,
    windows,
    complaints: [...ledger.complaints(new Set(windows.keys())), ...compareRefusals(refused, faults)],
    seconds: (Date.now() - started) / 1000,
  };
}

/** The plain qmail office gets its mail pushed, as maildirqmtp did. */
async function pushUntil(network: Network, state: { readonly over: boolean }): Promise<void> {
  while (!state.over) {
    await sleep(500);
    if (network.hub.served) await network.hub.command(['push', 'ghazni', network.ghazni]);
  }
}

/** Nothing has come for so long: the rest is lost, or was refused. */
const STALL_MS = 60_000;

interface Watch extends CarryOptions {
  readonly deadline: number;
}

/** Looks at all mailboxes until everything is there, and a little longer for what may come twice. */
async function watch(network: Network, ledger: Ledger, { deadline, kills, progress }: Watch): Promise<void> {
  const arrivals = new Arrivals(network.mailboxes);
  const look = async (): Promise<void> => {
    for (const { place, path, bytes } of await arrivals.look())
      ledger.arrive(place, withoutTrace(bytes, ['Return-Path', 'Delivered-To', 'Received']), path);
    for (const { from, to, bytes, time } of network.takeArrived())
      ledger.arrive(`internet/${network.officeOf(from)}`, withoutTrace(bytes, ['Received']), to, time);
  };
  let last = { came: 0, at: Date.now() };
  for (;;) {
    await look();
    const { wanted, came } = ledger.count();
    progress?.(came, wanted);
    await kills?.due(wanted === 0 ? 1 : came / wanted);
    if (came !== last.came) last = { came, at: Date.now() };
    if (came === wanted && (kills?.isOver ?? true)) break;
    if (Date.now() > deadline || Date.now() > last.at + STALL_MS) break;
    await sleep(150);
  }
  await sleep(3000);
  await look();
}

function compareRefusals(refused: DoorReport['refused'], faults: ReadonlyMap<string, string>): readonly string[] {
  const labels = new Set(refused.map(({ label }) => label));
  const unexpected = refused
    .filter(({ label }) => !faults.has(label))
    .map(({ label, reason }) => `${label} was refused: ${reason}`);
  const missing = [...faults]
    .filter(([label]) => !labels.has(label))
    .map(([label, fault]) => `${label} was not refused, and has a ${fault}`);
  return [...unexpected, ...missing];
}
