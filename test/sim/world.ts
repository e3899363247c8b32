/**
 * A world: hubs, offices, people, couriers, the Internet, and what goes wrong between them, all of one seed. For some days
 * things go wrong; then nothing does any more, and whatever was accepted has to arrive.
 */
import { editDirectory } from '../../hub/edit-directory.ts';
import { listEntries } from '../../shared/io/maildir.ts';
import { Account, type Mail, personOf } from './account.ts';
import { type Around, attach } from './around.ts';
import { attachBucket, Bucket } from './bucket.ts';
import { Chance } from './chance.ts';
import { carry } from './courier.ts';
import { drawRates, type FaultKind, Faults } from './faults.ts';
import { answerCall, HubSite } from './hub-site.ts';
import { attachInternet, Internet, isGone } from './internet.ts';
import { judge, type Verdicts } from './judge.ts';
import { attachExchange } from './line.ts';
import { OfficeSite } from './office-site.ts';
import { Operator } from './operator.ts';
import { Readers, send } from './people.ts';
import { begin, Killed, type Process, type Simulation } from './simulation.ts';
import type { Line } from './site.ts';

export interface WorldOptions {
  readonly seed: number;
  /** How a failing world is made smaller. */
  readonly mails?: number | undefined;
  readonly offices?: number | undefined;
  readonly without?: ReadonlySet<FaultKind> | undefined;
  /** Called with each line of every log. */
  readonly hear?: ((where: string, line: Line) => void) | undefined;
}

export interface Outcome extends Verdicts {
  readonly seed: number;
  readonly mails: number;
  readonly offices: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly trace: string;
  readonly events: number;
  /** Hours of the world's time. */
  readonly hours: number;
}

const OFFICES = ['herat', 'mazar', 'farah', 'ghazni', 'bamyan', 'kunduz'];
const PEOPLE = [
  ['farid', 'holly'],
  ['nadia', 'omid'],
  ['tom', 'zahra'],
  ['karim', 'leila'],
  ['reza', 'sima'],
  ['jawad', 'mina'],
] as const;
const HOUR_MS = 3_600_000;

class World implements Around {
  readonly simulation: Simulation;
  readonly faults: Faults;
  readonly account = new Account();
  readonly #options: WorldOptions;
  readonly #chance: Chance;
  readonly #internet: Internet;
  readonly #hubs: HubSite[] = [];
  readonly #offices: OfficeSite[] = [];
  readonly #posts = new Map<string, string>();
  readonly #operator: Operator;
  readonly #readers: Readers;
  readonly #failures: string[] = [];
  readonly #duration: number;
  #isRunning = true;
  #takenSoFar = 0;

  constructor(options: WorldOptions) {
    const { seed, without } = options;
    this.#options = options;
    this.#chance = new Chance(seed, 'world');
    this.simulation = begin(seed);
    this.faults = new Faults(drawRates(seed, without), new Chance(seed, 'strikes'));
    this.#internet = new Internet(seed);
    this.#readers = new Readers(this.account);
    this.#duration = this.#chance.spread(4, 72) * HOUR_MS;
    const drawn = this.#chance.one(0.15) ? 6 : 1 + this.#chance.below(3);
    this.#makeSites(options.offices ?? drawn);
    this.#operator = new Operator({
      hub: () => this.#hub(),
      offices: this.#offices,
      posts: this.#posts,
      duration: this.#duration,
    });
    attach(this);
    attachInternet(this.#internet);
    attachBucket(new Bucket());
    attachExchange({
      answering: () => {
        const { running } = this.#hub();
        return running && { process: running.process, answer: (called) => answerCall(running.program, called) };
      },
      carried: () => undefined,
    });
  }

  #makeSites(offices: number): void {
    const onBucket = this.#chance.one(0.4);
    const hear =
      (where: string) =>
      (line: Line): void =>
        this.#options.hear?.(where, line);
    this.#hubs.push(new HubSite({ name: 'hub', onBucket, hear: hear('hub') }));
    for (const [index, name] of OFFICES.slice(0, offices).entries()) {
      this.#offices.push(new OfficeSite(name, hear(name)));
      for (const person of PEOPLE[index] ?? []) this.#posts.set(person, name);
    }
    this.#posts.set('akbar', 'hub');
  }

  #hub(): HubSite {
    return this.simulation.delays.pick(this.#hubs);
  }

  die(process: Process, how: string): Killed {
    if (how.startsWith('cut')) {
      for (const other of this.simulation.processes.values()) if (other.machine === process.machine) other.end();
      process.machine.boots += 1;
      process.machine.disk.cut(this.simulation.delays);
    } else process.end();
    return new Killed(`${process.machine.name}: ${how}`);
  }

  failed(error: Error): void {
    this.#failures.push(String(error.stack ?? error));
  }

  /** Runs it to its end. */
  async run(): Promise<Outcome> {
    const unhandled = (error: unknown): void => {
      if (!(error instanceof Killed)) this.failed(error as Error);
    };
    process.on('unhandledRejection', unhandled);
    try {
      await this.simulation.drive(this.#live());
    } catch (error) {
      this.failed(error as Error);
    } finally {
      process.off('unhandledRejection', unhandled);
    }
    const verdicts = judge({ account: this.account, operator: this.#operator, taken: this.#internet.taken });
    return {
      ...verdicts,
      wrong: [...this.#failures, ...verdicts.wrong],
      seed: this.#options.seed,
      mails: this.account.mails.length,
      offices: this.#offices.length,
      faults: this.faults.counts,
      trace: this.simulation.trace,
      events: this.simulation.events,
      hours: Math.round(this.simulation.now / HOUR_MS),
    };
  }

  async #live(): Promise<void> {
    const sites = [...this.#hubs, ...this.#offices];
    const running = [this.#hubs[0]?.run()];
    await this.#operator.begin();
    await this.#makeList();
    running.push(...this.#offices.map((site) => site.run()));
    for (const office of this.#offices) await this.#syncUntil(office);
    this.faults.calm = false;
    const plans = this.#operator.plan();
    const sending = this.#writeMails();
    const busy = [...this.#offices.flatMap((office) => this.#lifeOf(office)), ...this.#lifeOfHub(), ...this.#full()];
    await this.simulation.wait(this.#duration);
    this.faults.calm = true;
    this.#isRunning = false;
    for (const site of sites) {
      site.machine.disk.full = false;
      site.hurry();
    }
    await Promise.all([...busy, ...plans, ...sending]);
    await this.#settle();
    for (const site of sites) site.stop();
    await Promise.all(running);
  }

  async #makeList(): Promise<void> {
    const targets = ['farid@example.org', 'akbar@example.org', 'friend0@example.com'];
    await this.#hub().ask((hub) =>
      editDirectory(hub, { do: 'alias.set', aliases: [{ address: 'all@example.org', targets }] }),
    );
  }

  async #syncUntil(office: OfficeSite): Promise<void> {
    for (let result = await office.sync(); !result?.ok; result = await office.sync()) await this.simulation.wait(5_000);
  }

  // ---- while things go wrong ----

  #writeMails(): readonly Promise<void>[] {
    const count = this.#options.mails ?? 4 + this.#chance.below(26);
    return Array.from({ length: count }, async (_, number) => {
      const mail = this.#newMail(number);
      this.account.mails.push(mail);
      await this.simulation.wait(this.#chance.next() * this.#duration * 0.9);
      await send(mail, () => this.#offices.find(({ name }) => name === mail.door) ?? this.#hub());
    });
  }

  #newMail(number: number): Mail {
    const chance = this.#chance;
    const door = chance.one(0.4) ? 'internet' : chance.pick(this.#offices).name;
    const people = [...this.#posts.keys()];
    const here = people.filter((name) => this.#posts.get(name) === door);
    const from = door === 'internet' ? `friend${chance.below(3)}@example.com` : `${chance.pick(here)}@example.org`;
    const hasMessageId = chance.one(0.9);
    const known = people.map((name) => `${name}@example.org`);
    const others = [
      'nobody@example.org',
      ...(door === 'internet' ? [] : ['friend1@example.com', 'friend2@example.com', 'gone1@example.com']),
    ];
    const chosen = new Set(
      chance.one(0.1)
        ? ['all@example.org']
        : Array.from({ length: 1 + chance.below(3) }, () => chance.pick(chance.one(0.7) ? known : others)),
    );
    const ends = (recipient: string): readonly string[] =>
      recipient === 'all@example.org' ? ['farid', 'akbar', 'friend0@example.com'] : [personOf(recipient)];
    const size = chance.spread(10, chance.one(0.05) ? 300_000 : 4_000);
    const lines = [
      `From: <${from}>`,
      `To: ${[...chosen].map((to) => `<${to}>`).join(', ')}`,
      `Subject: mail ${number}`,
      ...(hasMessageId ? [`Message-ID: <${number}.${this.#options.seed}@x>`] : []),
      '',
      `${chance
        .bytes(size / 2)
        .toString('hex')
        .replace(/(.{70})/g, '$1\n')}`,
      '',
    ];
    return {
      number,
      from,
      door,
      recipients: new Map([...chosen].map((recipient) => [recipient, ends(recipient)])),
      bytes: Buffer.from(lines.join('\n')),
      hasMessageId,
      accepted: new Map(),
      refused: new Set(),
      answersLost: 0,
      attempts: 0,
    };
  }

  /** What goes on at an office, each in its own time. */
  #lifeOf(office: OfficeSite): readonly Promise<void>[] {
    const people = [...this.#posts.keys()];
    return [
      this.#often(0.2, 4, async () => void (await office.sync())),
      this.#often(0.5, 8, () => this.#readers.read(office, this.#chance.pick(people), this.#chance.next())),
      this.#often(4, 40, () => carry(office, () => this.#hub(), this.#chance.one(0.5) ? 'up' : 'down')),
    ];
  }

  #lifeOfHub(): readonly Promise<void>[] {
    return [
      this.#often(0.5, 8, () => this.#readers.readAtHub(this.#hub(), 'akbar')),
      this.#often(2, 30, async () => {
        if (this.faults.strikes('kill')) this.#hub().running?.process.end();
      }),
    ];
  }

  #full(): readonly Promise<void>[] {
    return [...this.#hubs, ...this.#offices].map(({ machine }) =>
      this.#often(0.5, 2, async () => {
        if (!this.faults.strikes('diskFull')) return;
        machine.disk.full = true;
        await this.simulation.wait(this.simulation.delays.spread(60_000, HOUR_MS));
        machine.disk.full = false;
      }),
    );
  }

  /** Again and again, after so many hours each time. */
  async #often(least: number, most: number, work: () => Promise<void>): Promise<void> {
    const { delays } = this.simulation;
    for (;;) {
      await this.simulation.wait(Math.min(delays.spread(least, most) * HOUR_MS, this.#duration / 3));
      if (!this.#isRunning) return;
      await work();
    }
  }

  // ---- when nothing goes wrong any more ----

  /** Until nothing waits; then all start once more, and nothing may come of that. */
  async #settle(): Promise<void> {
    for (let round = 0; ; round++) {
      await this.simulation.wait((round < 6 ? 0.5 : 7) * HOUR_MS);
      await this.#round();
      const waits = await this.#waiting();
      if (waits.length === 0) break;
      if (round > 60) return this.failed(new Error(`queues do not drain: ${waits.join(', ')}`));
    }
    for (const site of [...this.#hubs, ...this.#offices]) site.running?.process.end();
    await this.simulation.wait(60_000);
    await this.#round();
    this.#takeFromInternet();
  }

  async #round(): Promise<void> {
    for (const office of this.#offices) {
      const result = await office.sync();
      if (result?.exit === 77) await this.#operator.readmit(office);
      for (const person of this.#posts.keys()) await this.#readers.read(office, person);
    }
    for (const person of this.#posts.keys()) await this.#readers.readAtHub(this.#hub(), person);
    this.#takeFromInternet();
  }

  #takeFromInternet(): void {
    const { taken } = this.#internet;
    for (; this.#takenSoFar < taken.length; this.#takenSoFar++) {
      const mail = taken[this.#takenSoFar];
      if (mail && !isGone(mail.to))
        this.account.came(mail.to, mail.bytes, { place: 'internet', name: String(this.#takenSoFar) });
    }
  }

  /** What a status command would still show. */
  async #waiting(): Promise<readonly string[]> {
    const waits: string[] = [];
    const [hub] = this.#hubs;
    const maildirs = ['internet', ...this.#offices.map(({ name }) => `office/${name}`)];
    const atHub = await hub?.ask(async ({ store }) => {
      for (const maildir of maildirs) for (const { key } of await listEntries(store, maildir)) waits.push(key);
    });
    if (hub && atHub === undefined && !hub.running) waits.push('the hub is down');
    for (const office of this.#offices) {
      if (!office.running) waits.push(`${office.name} is down`);
      await office.ask(async ({ store }) => {
        for (const { key } of await listEntries(store, 'out')) waits.push(`${office.name}: ${key}`);
      });
    }
    return waits;
  }
}

export const runWorld = (options: WorldOptions): Promise<Outcome> => new World(options).run();
