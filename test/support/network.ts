/**
 * The network of the 2004 text as processes: the hub "kabul"; the offices "mazar", "herat" and "farah", each over a link of its
 * own; "ghazni", a plain qmail office that gets its mail pushed; and the Internet.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '../../shared/io/command-line.ts';
import type { Mailbox } from './arrivals.ts';
import { CuttingProxy } from './cutting-proxy.ts';
import { type Outside, openOutside } from './outside.ts';
import { done } from './program.ts';
import { HubSite, OfficeSite } from './sites.ts';

/** Who is posted where. `hub`: a mailbox at headquarters. */
export const POSTED: Readonly<Record<string, readonly string[]>> = {
  mazar: ['nadia', 'omid'],
  herat: ['farid', 'holly'],
  farah: ['jamila', 'tom'],
  hub: ['akbar'],
};

/** The members of the list staff@example.org. */
const STAFF = Object.entries(POSTED).flatMap(([office, people]) =>
  office === 'hub' ? [] : people.map((person) => `${person}@example.org`),
);

export const OFFICES = ['mazar', 'herat', 'farah'] as const;
export type OfficeName = (typeof OFFICES)[number];

export interface NetworkOptions {
  /** Everything is below it. */
  readonly folder: string;
  readonly store: 'folder' | 's3';
  /** More tables of hub.toml. */
  readonly hubMore?: string;
  /** More tables of an office's agent.toml. */
  readonly more?: Partial<Record<OfficeName, string>>;
}

/** On a busy machine a connection may fail; an office tries again, and so does this. */
async function firstSync(office: OfficeSite): Promise<void> {
  for (let tries = 1; ; tries++) {
    const outcome = await office.command(['sync']);
    if (outcome.code !== EXIT.later || tries === 5) {
      done(outcome);
      return;
    }
    await sleep(500);
  }
}

/** Posts everybody, makes the list staff@, and adds the plain qmail office. */
async function fillDirectory(hub: HubSite): Promise<void> {
  done(await hub.command(['office', 'add', 'ghazni', '--domain', 'ghazni.example.org']));
  done(await hub.command(['office', 'limits', 'ghazni', 'users=any']));
  for (const [office, people] of Object.entries(POSTED))
    for (const person of people) done(await hub.command(['user', 'add', `${person}@example.org`, office]));
  done(await hub.command(['alias', 'set', 'staff@example.org', ...STAFF]));
}

export interface FromNetwork {
  readonly from: string;
  readonly to: string;
  /** As it came over the wire. */
  readonly bytes: Buffer;
  readonly at: 'internet' | 'ghazni';
  /** When it was taken there, Unix milliseconds. */
  readonly time: number;
}

export class Network {
  readonly hub: HubSite;
  readonly offices: ReadonlyMap<OfficeName, OfficeSite>;
  readonly links: ReadonlyMap<OfficeName, CuttingProxy>;
  readonly #outside: Outside;

  private constructor(
    hub: HubSite,
    offices: ReadonlyMap<OfficeName, OfficeSite>,
    links: ReadonlyMap<OfficeName, CuttingProxy>,
    outside: Outside,
  ) {
    this.hub = hub;
    this.offices = offices;
    this.links = links;
    this.#outside = outside;
  }

  /** Sets up hub and offices as their operators would, and starts them all. Every office has synced once. */
  static async open(options: NetworkOptions): Promise<Network> {
    await mkdir(options.folder, { recursive: true });
    const outside = await openOutside(options.store);
    const hub = await HubSite.make({
      folder: join(options.folder, 'kabul'),
      smarthost: outside.sink.address,
      more: options.hubMore ?? '',
      ...outside.bucket,
    });
    const links = new Map<OfficeName, CuttingProxy>();
    const offices = new Map<OfficeName, OfficeSite>();
    const network = new Network(hub, offices, links, outside);
    try {
      await hub.start();
      for (const name of OFFICES) {
        const link = await CuttingProxy.open(`127.0.0.1:${hub.syncPort}`);
        links.set(name, link);
        const token = await hub.addOffice(name, '--domain', `${name}.example.org`);
        const more = options.more?.[name] ?? '';
        offices.set(
          name,
          await OfficeSite.make({ folder: join(options.folder, name), name, token, hub: link.address, more }),
        );
      }
      await fillDirectory(hub);
      for (const office of offices.values()) {
        await firstSync(office);
        await office.start();
      }
    } catch (error) {
      await network.close();
      throw error;
    }
    return network;
  }

  /** Where people read. */
  get mailboxes(): readonly Mailbox[] {
    return [...this.offices.values()].flatMap(({ name, data }) =>
      (POSTED[name] ?? []).map((person) => ({ place: `${name}/${person}`, folder: join(data, 'users', person) })),
    );
  }

  /** host:port of the QMTP server of ghazni, the plain qmail office. */
  get ghazni(): string {
    return `127.0.0.1:${this.#outside.ghazni.port}`;
  }

  /** What the Internet and ghazni have got since the last call. */
  takeArrived(): readonly FromNetwork[] {
    const { sink, ghazni, takenAt } = this.#outside;
    return [
      ...sink.mails.splice(0).map((mail) => ({
        from: mail.from,
        to: mail.to.join(' '),
        bytes: mail.wire,
        at: 'internet' as const,
        time: takenAt(mail),
      })),
      ...ghazni.mails.splice(0).map(({ sender, recipients, text }) => ({
        from: sender,
        to: recipients.join(' '),
        bytes: text,
        at: 'ghazni' as const,
        time: Date.now(),
      })),
    ];
  }

  /** The office that a sender of ours is posted to. */
  officeOf(sender: string): string {
    const [person = ''] = sender.split('@');
    return Object.entries(POSTED).find(([, people]) => people.includes(person))?.[0] ?? 'nobody';
  }

  bytesOnLink(name: OfficeName): number {
    const { bytesUp = 0, bytesDown = 0 } = this.links.get(name) ?? {};
    return bytesUp + bytesDown;
  }

  /** Stops everything; doing it twice is fine. */
  async close(): Promise<void> {
    await Promise.all([...this.offices.values()].map((office) => office.stop()));
    await this.hub.stop();
    await Promise.all([...this.links.values()].map((link) => link.close()));
    await this.#outside.close();
  }
}
