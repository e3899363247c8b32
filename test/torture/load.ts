/** People write: from outside to the hubs, and at offices to programs and doors. Each hands in again what got no answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon } from '../support/program.ts';
import type { OfficeSite } from '../support/sites.ts';
import { NoAnswer, SmtpSession } from '../support/smtp-client.ts';
import type { Chance } from './chance.ts';
import type { Tally } from './tally.ts';
import { PEOPLE, type World } from './world.ts';

export interface Load {
  readonly world: World;
  readonly tally: Tally;
  readonly chance: Chance;
  /** No more is begun after this; what was begun is handed in to its end. */
  readonly over: AbortSignal;
  /** Between two mails of one writer. */
  readonly pauseMs: number;
}

interface Written {
  readonly token: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly places: readonly string[];
  readonly wire: Buffer;
}

const RETRY_MS = 300;
const SIZES = [
  [60, 1_500],
  [30, 12_000],
  [9, 60_000],
  [1, 400_000],
] as const;

let mails = 0;

/** Everybody writes until it is over. Resolves when all that was begun has its answer. */
export async function write(load: Load): Promise<void> {
  const { world } = load;
  await Promise.all([
    ...world.hubs.map(() => writer(load, (mail) => byDoor(() => served(load), mail), 'outside')),
    ...world.offices.flatMap((office) => [
      writer(load, (mail) => byDoor(() => office.served, mail), office.name),
      writer(load, (mail) => byProgram(office, mail), office.name),
    ]),
  ]);
}

/** A hub that is up, if one is: as an MX with several addresses. */
function served({ world, chance }: Load): Daemon | undefined {
  const up = world.hubs.flatMap(({ served: daemon }) => (daemon ? [daemon] : []));
  return up.length > 0 ? chance.pick(up) : undefined;
}

async function writer(load: Load, hand: (mail: Written) => Promise<void>, where: string): Promise<void> {
  const { tally, chance, over, pauseMs } = load;
  while (!over.aborted) {
    const mail = compose(load, where);
    tally.announce(mail.token, mail.places, bodyOf(mail.wire));
    await hand(mail);
    tally.accept(mail.token, mail.places);
    await sleep(chance.between(0, 2 * pauseMs));
  }
}

function compose({ world, chance }: Load, where: string): Written {
  const token = `${where}-${++mails}`;
  const people = world.offices.flatMap(({ name }) => (PEOPLE[name] ?? []).map((person) => ({ name, person })));
  const to = new Set<string>();
  const places = new Set<string>();
  for (
    let left = chance.draw([
      [8, 1],
      [2, 2],
      [1, 4],
    ]);
    left > 0;
    left--
  ) {
    if (where !== 'outside' && chance.next() < 0.5) {
      to.add('someone@dest.example.net');
      places.add('internet');
    } else {
      const { name, person } = chance.pick(people);
      to.add(`${person}@example.org`);
      places.add(`${name}/${person}`);
    }
  }
  const from = where === 'outside' ? 'friend@sender.example.net' : `${PEOPLE[where]?.[0]}@example.org`;
  const header = [
    `From: <${from}>`,
    `Message-ID: <${token}@torture>`,
    `Subject: torture ${token}`,
    'Date: Tue, 24 Nov 2026 12:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
  ];
  const text = `${header.join('\r\n')}\r\n\r\n${filler(chance)}\r\n`;
  return { token, from, to: [...to], places: [...places], wire: Buffer.from(text) };
}

/** Words that can be compressed, and digits that cannot. */
function filler(chance: Chance): string {
  const bytes = chance.draw(SIZES.map(([weight, size]) => [weight, size] as const));
  const lines: string[] = [];
  for (let left = bytes; left > 0; left -= 70)
    lines.push(
      `rain in ${chance.pick(['Herat', 'Mazar', 'Farah'])} ${chance.next().toString(36)}${chance.next().toString(36)} mm`,
    );
  return lines.join('\r\n');
}

const bodyOf = (wire: Buffer): string => {
  const text = wire.toString('latin1').replaceAll('\r\n', '\n');
  return text.slice(text.indexOf('\n\n') + 2);
};

async function byDoor(daemon: () => Daemon | undefined, { from, to, wire }: Written): Promise<void> {
  for (;;) {
    const door = daemon();
    try {
      if (!door?.isRunning) throw new NoAnswer('it is not served at this moment');
      const session = await SmtpSession.open(door.address('smtp'));
      const { code, text } = await session.send({ from, to, wire });
      await session.close();
      if (code < 400) return;
      if (code >= 500) throw new Error(`${to} was refused: ${code} ${text}`);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
    }
    await sleep(RETRY_MS);
  }
}

async function byProgram(office: OfficeSite, { from, to, wire }: Written): Promise<void> {
  const input = Buffer.from(wire.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
  for (;;) {
    const { code, err } = await office.command(['send', '-f', from, ...to], { input });
    if (code === 0) return;
    if (code !== 75 && code !== 69 && code !== -1) throw new Error(`agent send at ${office.name}: ${code} ${err}`);
    await sleep(RETRY_MS);
  }
}
