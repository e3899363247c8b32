/** The hub's operator, and who looks after the laptops: what is done to offices and people while mail is on its way. */
import { officeCommands } from '../../hub/commands/office.ts';
import { userCommands } from '../../hub/commands/user.ts';
import { around } from './around.ts';
import { Disk } from './disk.ts';
import { command, type HubSite, type Ran } from './hub-site.ts';
import type { OfficeSite } from './office-site.ts';

const HOUR_MS = 3_600_000;

/** A laptop's data went back to what it was at `from`, or to nothing, at `at`; simulated milliseconds. */
export interface Restored {
  readonly office: string;
  readonly from: number;
  readonly at: number;
}

export interface OperatorOptions {
  readonly hub: () => HubSite;
  readonly offices: readonly OfficeSite[];
  /** Names of people, and where they are posted. */
  readonly posts: Map<string, string>;
  /** Milliseconds that all this lasts. */
  readonly duration: number;
}

export class Operator {
  readonly restored: Restored[] = [];
  /** Everybody's posts, all that they ever had. */
  readonly everPosted = new Map<string, Set<string>>();
  readonly #options: OperatorOptions;
  readonly #tokens = new Map<string, string>();

  constructor(options: OperatorOptions) {
    this.#options = options;
    for (const [name, post] of options.posts) this.everPosted.set(name, new Set([post]));
  }

  /** Makes offices and people. */
  async begin(): Promise<void> {
    for (const office of this.#options.offices) this.#enrol(office, await this.#do(['office add', office.name]));
    for (const [name, post] of this.#options.posts) await this.#do(['user add', `${name}@example.org`, post]);
  }

  /** All that the world has of this kind; each resolves when it is done. */
  plan(): readonly Promise<void>[] {
    const { faults, simulation } = around();
    const { offices, posts, duration } = this.#options;
    const { delays } = simulation;
    const at = (): number => delays.between(0.05, 0.9) * duration;
    const plans: Promise<void>[] = [];
    for (const office of offices) {
      if (faults.strikes('revoked')) plans.push(this.#revoke(office, at()));
      if (faults.strikes('rekeyed')) plans.push(this.#rekey(office, at()));
      if (faults.strikes('restored')) plans.push(this.#restore(office, at()));
      if (faults.strikes('replaced')) plans.push(this.#replace(office, at()));
    }
    const places = [...offices.map(({ name }) => name), 'hub'];
    for (const name of posts.keys())
      while (faults.strikes('moved')) plans.push(this.#move(name, delays.pick(places), at()));
    return plans;
  }

  /** The office was refused: it is let in. */
  async readmit({ name }: OfficeSite): Promise<void> {
    await this.#do(['office readmit', name]);
  }

  async #revoke(office: OfficeSite, at: number): Promise<void> {
    await this.#wait(at);
    await this.#do(['office revoke', office.name]);
    await this.#wait(around().simulation.delays.spread(0.05, 12) * HOUR_MS);
    await this.readmit(office);
  }

  async #rekey(office: OfficeSite, at: number): Promise<void> {
    await this.#wait(at);
    this.#keep(office, await this.#do(['office rekey', office.name]));
    await this.#wait(around().simulation.delays.spread(0.05, 12) * HOUR_MS);
    // The newest one, for it may have been changed again meanwhile.
    office.enrol(this.#tokens.get(office.name) ?? '');
    office.running?.process.end();
  }

  async #restore(office: OfficeSite, at: number): Promise<void> {
    const { simulation } = around();
    await this.#wait(at * simulation.delays.next());
    const [from, backup] = [simulation.now, office.machine.disk.copy()];
    await this.#wait(at - from);
    this.restored.push({ office: office.name, from, at: simulation.now });
    office.replaceDisk(backup, this.#tokens.get(office.name) ?? '');
    await this.#wait(simulation.delays.spread(0.05, 6) * HOUR_MS);
    await this.readmit(office);
  }

  async #replace(office: OfficeSite, at: number): Promise<void> {
    const { simulation } = around();
    await this.#wait(at);
    this.restored.push({ office: office.name, from: 0, at: simulation.now });
    office.replaceDisk(new Disk(), this.#tokens.get(office.name) ?? '');
    await this.#wait(simulation.delays.spread(0.05, 6) * HOUR_MS);
    this.#enrol(office, await this.#do(['office rekey', office.name]));
    office.running?.process.end();
  }

  async #move(name: string, post: string, at: number): Promise<void> {
    await this.#wait(at);
    this.everPosted.get(name)?.add(post);
    await this.#do(['user move', `${name}@example.org`, post]);
    this.#options.posts.set(name, post);
  }

  #keep({ name }: OfficeSite, { out }: Ran): void {
    this.#tokens.set(name, out.at(-1) ?? '');
  }

  #enrol(office: OfficeSite, ran: Ran): void {
    this.#keep(office, ran);
    office.enrol(this.#tokens.get(office.name) ?? '');
  }

  #wait(ms: number): Promise<void> {
    return around().simulation.wait(Math.max(0, ms));
  }

  /** Types it until it works. */
  async #do([words = '', ...rest]: readonly string[]): Promise<Ran> {
    for (;;) {
      const line = [...words.split(' '), ...rest];
      const ran = await this.#options.hub().ask((hub) => command([...officeCommands, ...userCommands], hub, line));
      if (ran?.code === 0) return ran;
      // A second try finds done what the first has done and could not say.
      if (ran?.code === 65 && words.endsWith('add')) return this.#again(rest[0] ?? '', words);
      await this.#wait(60_000);
    }
  }

  async #again(name: string, words: string): Promise<Ran> {
    return words === 'office add' ? this.#do(['office rekey', name]) : { code: 0, out: [] };
  }
}
