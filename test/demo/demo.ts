/** The three scenes of the demo, and what came of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Arrivals } from '../support/arrivals.ts';
import { Ledger } from '../support/ledger.ts';
import { withoutTrace } from '../support/mails.ts';
import { type Network, OFFICES, type OfficeName } from '../support/network.ts';
import { putIn } from './doors.ts';
import { FLOWS, type Sending } from './flows.ts';
import { green, heading, plural, red, say, size } from './show.ts';
import { type OfficeRow, tally } from './tally.ts';

/** Bytes of herat's traffic that pass before its link drops. */
const DROP_AFTER_BYTES = 20_000;
/** Longer than this without the last mail: something is lost. */
const PATIENCE_MS = 120_000;

export class Demo {
  readonly ledger = new Ledger();
  readonly #network: Network;
  readonly #sendings: readonly Sending[];
  readonly #folder: string;
  readonly #arrivals: Arrivals;
  readonly #bytesBefore: ReadonlyMap<OfficeName, number>;

  constructor(
    network: Network,
    { sendings, folder }: { readonly sendings: readonly Sending[]; readonly folder: string },
  ) {
    this.#network = network;
    this.#sendings = sendings;
    this.#folder = folder;
    this.#arrivals = new Arrivals(network.mailboxes);
    this.#bytesBefore = new Map(OFFICES.map((name) => [name, network.bytesOnLink(name)]));
    for (const { flow, rest, wire, name } of sendings)
      for (const place of flow.places)
        this.ledger.expect(place, place === 'internet' ? withCrlf(rest, wire) : rest, name);
  }

  get rows(): readonly OfficeRow[] {
    return OFFICES.map((name) => {
      const bytes = this.#network.bytesOnLink(name) - (this.#bytesBefore.get(name) ?? 0);
      return tally(name, this.#sendings, this.ledger, bytes);
    });
  }

  /** Mail goes in at every door; no link is up. */
  async fillWhileDown(): Promise<void> {
    heading('All links are down. Mail goes in at every door.');
    for (const link of this.#network.links.values()) link.drop();
    for (const flow of FLOWS) {
      const sendings = this.#sendings.filter((sending) => sending.flow === flow);
      if (sendings.length === 0) continue;
      await putIn(this.#network, sendings, this.#folder);
      const bytes = sendings.reduce((sum, { rest }) => sum + rest.length, 0);
      say(`${doorName(flow)}  ${flow.from} → ${flow.to}  ${plural(sendings.length, 'mail')}, ${size(bytes)}`);
    }
    await this.#look();
  }

  /** Herat's link comes up, drops in the middle of the mail, and comes up again. */
  async cutAndResume(): Promise<void> {
    heading('Herat’s link comes up, and drops in the middle.');
    const link = this.#network.links.get('herat');
    if (link) link.every = DROP_AFTER_BYTES;
    await this.#sync('herat');
    say('herat: the link is up again; the sync goes on where it was cut');
    link?.up();
    await this.#sync('herat');
  }

  /** All links are up; offices sync until nothing is missing. */
  async letAllUp(): Promise<void> {
    heading('The other links come up.');
    for (const link of this.#network.links.values()) link.up();
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.#isComplete && Date.now() < deadline) {
      await Promise.all(OFFICES.map((name) => this.#sync(name)));
      await this.#push();
      await sleep(200);
    }
    // What comes twice comes late.
    await sleep(1500);
    await Promise.all(OFFICES.map((name) => this.#sync(name)));
    await this.#look();
  }

  get #isComplete(): boolean {
    const { came, wanted } = this.ledger.count();
    return came === wanted;
  }

  async #sync(name: OfficeName): Promise<void> {
    const office = this.#network.offices.get(name);
    const before = this.#network.bytesOnLink(name);
    const result = await office?.sync();
    const bytes = this.#network.bytesOnLink(name) - before;
    const { up, down } = result?.line ?? { up: { mails: 0 }, down: { mails: 0 } };
    const moved = `${plural(up.mails, 'mail')} up, ${plural(down.mails, 'mail')} down, ${size(bytes)} on the link`;
    if (result?.code !== 0)
      say(`${name}: ${red('cut')} after ${moved} (exit code ${result?.code}: ${firstLine(result?.err)})`);
    else if (up.mails + down.mails > 0) say(`${name}: ${moved}`);
    await this.#look();
  }

  async #push(): Promise<void> {
    if (!this.#sendings.some(({ flow }) => flow.places.includes('ghazni'))) return;
    const { code, err } = await this.#network.hub.command(['push', 'ghazni', this.#network.ghazni]);
    if (code !== 0) say(`push to ghazni: ${red(firstLine(err))}`);
    await this.#look();
  }

  /** Says what has arrived since the last look, a line for each place. */
  async #look(): Promise<void> {
    const inMailboxes = (await this.#arrivals.look()).map(({ place, path, bytes }) => ({
      place,
      label: path,
      bytes: withoutTrace(bytes, ['Return-Path', 'Delivered-To', 'Received']),
    }));
    const outside = this.#network.takeArrived().map(({ at, to, bytes }) => ({
      place: at,
      label: to,
      bytes: withoutTrace(bytes, ['Received']),
    }));
    const counts = new Map<string, { mails: number; bytes: number; strange: number }>();
    for (const { place, bytes, label } of [...inMailboxes, ...outside]) {
      const count = counts.get(place) ?? { mails: 0, bytes: 0, strange: 0 };
      const known = this.ledger.arrive(place, bytes, label) !== undefined;
      counts.set(place, {
        mails: count.mails + 1,
        bytes: count.bytes + bytes.length,
        strange: count.strange + (known ? 0 : 1),
      });
    }
    for (const [place, { mails, bytes, strange }] of counts)
      say(
        `  ${green('→')} ${place}  ${plural(mails, 'mail')}, ${size(bytes)}${strange ? red(`, ${strange} of them changed`) : ''}`,
      );
  }
}

const firstLine = (text = ''): string => text.trim().split('\n').at(-1) ?? '';

const DOOR_NAMES = {
  'hub-smtp': 'SMTP at the hub',
  'hub-qmtp': 'QMTP at the hub',
  'office-smtp': 'SMTP',
  'office-qmtp': 'QMTP',
  'office-send': 'agent send',
  'office-queue': 'a Maildir of its qmail',
} as const;

const doorName = ({ door, office }: Sending['flow']): string =>
  `${office ? `${office}, ` : ''}${DOOR_NAMES[door]}:`.padEnd(30);

/** What the Internet gets: CRLF line ends. */
const withCrlf = (rest: Buffer, wire: Buffer): Buffer =>
  wire.equals(rest) ? Buffer.from(rest.toString('latin1').replaceAll('\n', '\r\n'), 'latin1') : wire;
