/**
 * A hub's side and an office's side of trips, in one process: real sessions, real `accept`, stores in memory, and between
 * them a pipe that can be cut after any number of bytes in either direction.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Routed } from '../../shared/core/delivery.ts';
import { decodeHello, encodeHello, TRIP_VERSION } from '../../shared/core/trip-greeting.ts';
import { Ledger } from '../../shared/core/trip-ledger.ts';
import { CODECS_KNOWN } from '../../shared/core/trip-message.ts';
import { encodeRecord, RECORD, RecordReader } from '../../shared/core/trip-record.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { HistoryLog } from '../../shared/io/history-log.ts';
import type { Place } from '../../shared/io/mail.ts';
import { listEntries, openEntry } from '../../shared/io/maildir.ts';
import { Partials } from '../../shared/io/partials.ts';
import { HeldParts, KnownParts } from '../../shared/io/parts.ts';
import type { Store } from '../../shared/io/store.ts';
import type { Wire } from '../../shared/io/trip-output.ts';
import { type TripOutcome, TripSession } from '../../shared/io/trip-session.ts';
import type { TripSide } from '../../shared/io/trip-side.ts';
import { mutable, newTripState, readTripState, writeTripState } from '../../shared/io/trip-state.ts';
import { Disk, Session } from './faulty-store.ts';

export interface SideOptions {
  readonly name: 'agent' | 'hub';
  /** What the tables say of a recipient; K unless it says otherwise. */
  readonly verdict?: (recipient: string) => Routed['verdict'];
  readonly mailBytesMax?: number;
}

/** One side: its disk stays, its sessions come and go. */
export class Side {
  readonly disk = new Disk('apart');
  readonly folder: string;
  readonly options: SideOptions;
  readonly logged: string[] = [];
  readonly #listeners = new Set<(maildir: string) => void>();
  store: Store;
  now = 1_795_000_000;

  constructor(folder: string, options: SideOptions) {
    this.folder = folder;
    this.options = options;
    this.store = new Session(this.disk);
  }

  /** Where mail for the other side waits. */
  get maildir(): string {
    return this.options.name === 'hub' ? 'office/herat' : 'out';
  }

  /** Where mail from the other side arrives. */
  get arrived(): string {
    return this.options.name === 'hub' ? 'internet' : 'arrived';
  }

  get place(): Place {
    const log = (event: string): void => void this.logged.push(event);
    return {
      store: this.store,
      hostname: this.options.name,
      log: { info: log, warn: log, error: log },
      route: (peer, sender, recipient) => {
        const verdict = this.options.verdict?.(recipient) ?? { letter: 'K' as const, text: 'ok' };
        const maildir =
          ['door', 'bounce'].includes(peer.name) && recipient !== 'writer@here' ? this.maildir : this.arrived;
        return {
          verdict: peer.name === 'door' ? { letter: 'K', text: 'ok' } : verdict,
          deliveries:
            verdict.letter === 'K' || peer.name === 'door' ? [{ maildir, form: 'entry', sender, recipient }] : [],
        };
      },
      published: (maildir) => {
        for (const listener of this.#listeners) listener(maildir);
      },
    };
  }

  /** Puts a mail in at a door of this side, for the other one. */
  async post(body: Uint8Array, recipients: readonly string[] = ['reader@there'], urgency = 5): Promise<void> {
    const bodyHash = createHash('sha256').update(body).digest('hex');
    const mail = { sender: 'writer@here', recipients, hops: 0, urgency, body: bytesBody(body), bodyHash };
    const id = createHash('sha256').update(bodyHash).update(recipients.join()).digest('hex');
    await accept(this.place, { peer: { name: 'door', relays: true }, id, mail }, this.now);
  }

  /** Bodies of a maildir's entries, as text, sorted. */
  async bodies(maildir: string): Promise<readonly string[]> {
    const texts: string[] = [];
    for (const { key } of await listEntries(this.store, maildir)) {
      const entry = await openEntry(this.store, key);
      const chunks: Uint8Array[] = [];
      if (entry) for await (const chunk of entry.body.read()) chunks.push(chunk);
      texts.push(Buffer.concat(chunks).toString('latin1'));
    }
    return texts.sort();
  }

  #historyLog(way: 'in' | 'out'): HistoryLog {
    return new HistoryLog({ store: this.store, prefix: `history/${way}`, log: this.place.log });
  }

  async side(more: Partial<TripSide> = {}): Promise<TripSide> {
    const { name } = this.options;
    const state = (await readTripState(this.store, 'trip')) ?? newTripState('00112233aabbccdd');
    const ledger = new Ledger(state.ledger);
    const common = {
      version: TRIP_VERSION,
      codecs: CODECS_KNOWN,
      mailBytesMax: this.options.mailBytesMax ?? 0,
      floor: ledger.outFloor,
    };
    return {
      place: this.place,
      greeting:
        name === 'agent'
          ? { ...common, instance: state.instance, counter: 1, up: true, down: true, directory: '' }
          : { ...common, time: this.now },
      peer: { name: name === 'agent' ? 'hub' : 'office/herat', relays: true },
      maildir: this.maildir,
      ledger,
      partials: new Partials(join(this.folder, 'partial')),
      spool: join(this.folder, 'spool'),
      mailBytesMax: this.options.mailBytesMax ?? 0,
      offerBytesMax: 0,
      offers: true,
      isDear: true,
      idleSeconds: 60,
      now: () => this.now,
      admit: async () => undefined,
      save: () => writeTripState(this.store, 'trip', { ...state, ledger: mutable(ledger.data) }),
      exclusively: (work) => work(),
      peerBytesMax: () => 0,
      peerCodecs: () => CODECS_KNOWN,
      history: { in: this.#historyLog('in'), out: this.#historyLog('out') },
      parts: {
        in: new HeldParts({ store: this.store, prefix: 'parts/in' }),
        out: new KnownParts({ store: this.store, prefix: 'parts/out' }),
      },
      onPublished: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      ...more,
    };
  }
}

export interface Trip {
  readonly agent: TripOutcome;
  readonly hub: TripOutcome;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export interface Cuts {
  /** The pipe ends after so many bytes in this direction. */
  readonly up?: number;
  readonly down?: number;
  readonly agentSide?: Partial<TripSide>;
  readonly hubSide?: Partial<TripSide>;
  readonly agentWire?: Partial<Wire>;
  /** Called when a side writes. */
  readonly talk?: (who: 'agent' | 'hub') => void;
  /** The hub is of a version that does not know HELLO's flag. */
  readonly hubIgnoresTurns?: boolean;
}

export class TripPair {
  readonly agent: Side;
  readonly hub: Side;
  readonly folder: string;

  constructor(
    folder: string,
    options: { readonly agent?: Partial<SideOptions>; readonly hub?: Partial<SideOptions> } = {},
  ) {
    this.folder = folder;
    this.agent = new Side(join(folder, 'agent'), { ...options.agent, name: 'agent' });
    this.hub = new Side(join(folder, 'hub'), { ...options.hub, name: 'hub' });
  }

  static async make(options: ConstructorParameters<typeof TripPair>[1] = {}): Promise<TripPair> {
    return new TripPair(await mkdtemp(join(tmpdir(), 'fieldpost-trip-')), options);
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  async trip({ up, down, agentSide, hubSide, agentWire, talk, hubIgnoresTurns }: Cuts = {}): Promise<Trip> {
    const [toHub, toAgent] = [new Lane(up), new Lane(down)];
    const cut = (): void => {
      toHub.cut();
      toAgent.cut();
    };
    toHub.onWrite = () => talk?.('agent');
    toAgent.onWrite = () => talk?.('hub');
    if (hubIgnoresTurns) toHub.change = withoutTurns;
    toHub.onCut = cut;
    toAgent.onCut = cut;
    const agent = new TripSession(await this.agent.side(agentSide), {
      ...wireOf(toAgent, toHub, cut),
      ...agentWire,
    });
    const hub = new TripSession(await this.hub.side(hubSide), wireOf(toHub, toAgent, cut));
    const [agentOutcome, hubOutcome] = await Promise.all([agent.run(), hub.run()]);
    return { agent: agentOutcome, hub: hubOutcome, bytesUp: toHub.carried, bytesDown: toAgent.carried };
  }
}

/** HELLO as a hub reads it that does not know the flag of half duplex. */
function withoutTurns(bytes: Uint8Array): Uint8Array {
  const parts = [...new RecordReader().push(bytes)];
  return Buffer.concat(
    parts.map(({ type, payload }) =>
      type === RECORD.hello ? encodeHello({ ...decodeHello(payload), halfDuplex: false }) : encodeRecord(type, payload),
    ),
  );
}

/** One direction of the pipe. */
class Lane {
  readonly stream = new PassThrough();
  readonly #max: number;
  carried = 0;
  onCut: () => void = () => undefined;
  onWrite: () => void = () => undefined;
  change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes;

  constructor(max = Number.POSITIVE_INFINITY) {
    this.#max = max;
  }

  async write(whole: Uint8Array): Promise<void> {
    this.onWrite();
    const bytes = this.change(whole);
    if (this.stream.destroyed || this.stream.writableEnded) throw new Error('the pipe is cut');
    const part = bytes.subarray(0, this.#max - this.carried);
    this.carried += part.length;
    const room = part.length === 0 || this.stream.write(Buffer.from(part));
    if (part.length < bytes.length) this.onCut();
    else if (!room) await this.#room();
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        this.stream.off('drain', go).off('close', go);
        resolve();
      };
      this.stream.on('drain', go).on('close', go);
    });
  }

  /** What was on its way still arrives, as it does from a socket's buffer. */
  cut(): void {
    if (!this.stream.writableEnded) this.stream.end();
  }
}

const wireOf = (incoming: Lane, outgoing: Lane, destroy: () => void): Wire => ({
  incoming: incoming.stream,
  write: (bytes) => outgoing.write(bytes),
  end: () => outgoing.cut(),
  destroy,
});
