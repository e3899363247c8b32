/**
 * The line between an office and a hub: one call, two lanes. It may be cut at any byte of either lane; what was under way may
 * still arrive or not, and a side that is deaf does not hear that the line has gone: only its own patience tells it.
 */
import type { HubCall } from '../../agent/dial-hub.ts';
import type { Wire } from '../../shared/io/trip-output.ts';
import { TripCut } from '../../shared/io/trip-side.ts';
import { around } from './around.ts';
import { currentProcess, inProcess, type Process } from './simulation.ts';

interface LineKey {
  readonly identity: string;
  readonly key: Uint8Array;
}

/** The hub's end of a call. */
export interface Called {
  readonly key: LineKey;
  readonly wire: Wire;
  /** Ends the call with an HTTP status of its own. */
  refuse(exit: number, sentence: string): void;
  hangUp(): void;
}

/** Whoever answers calls: a process, and what it does with one. Undefined while nobody does. */
export interface Exchange {
  answering(from: Process): { readonly process: Process; answer(called: Called): Promise<void> } | undefined;
  /** Bytes that a call carried, when it is over. */
  carried(from: Process, bytes: { readonly up: number; readonly down: number; readonly cut: boolean }): void;
}

let exchange: Exchange | undefined;

export const attachExchange = (to: Exchange): void => {
  exchange = to;
};

const SETUP_MS = 600;
/** What a socket takes before it waits for the line. */
const BUFFER_BYTES = 60_000;

/** One direction. */
class Lane {
  readonly #latencyMs: number;
  readonly #bytesPerMs: number;
  readonly #cutAt: number;
  readonly #onCut: () => void;
  #chunks: Uint8Array[] = [];
  #wake: () => void = () => undefined;
  #isFree = 0;
  /** The reader is told that nothing more comes. */
  #ended = false;
  /** What is written goes nowhere. */
  #broken = false;
  written = 0;
  delivered = 0;

  constructor(options: { latencyMs: number; bytesPerMs: number; cutAt: number; onCut: () => void }) {
    this.#latencyMs = options.latencyMs;
    this.#bytesPerMs = options.bytesPerMs;
    this.#cutAt = options.cutAt;
    this.#onCut = options.onCut;
  }

  /** Resolves when more may be written. */
  async write(bytes: Uint8Array): Promise<void> {
    const { simulation } = around();
    const part = Buffer.from(bytes.subarray(0, Math.max(0, this.#cutAt - this.written)));
    this.written += bytes.length;
    simulation.note(`line ${bytes.length}`);
    if (this.#broken) return this.#intoTheVoid();
    this.#isFree = Math.max(simulation.now, this.#isFree) + part.length / this.#bytesPerMs;
    const arrives = this.#isFree + this.#latencyMs - simulation.now;
    const isCut = part.length < bytes.length;
    inProcess(undefined, () =>
      simulation.after(arrives, () => {
        if (this.#broken && this.#dropsWhatIsUnderWay) return;
        if (part.length > 0) this.#deliver(part);
        if (isCut) this.#onCut();
      }),
    );
    if (this.written - this.delivered > BUFFER_BYTES) await simulation.wait(this.#isFree - simulation.now);
    else await simulation.wait(0);
  }

  #dropsWhatIsUnderWay = false;

  /** A socket takes some more before it stops taking anything. */
  async #intoTheVoid(): Promise<void> {
    const { simulation } = around();
    while (this.written - this.delivered > BUFFER_BYTES && !this.#ended) await simulation.wait(1_000);
  }

  #deliver(part: Uint8Array): void {
    if (this.#ended) return;
    this.delivered += part.length;
    this.#chunks.push(part);
    this.#wake();
  }

  break(dropsWhatIsUnderWay: boolean): void {
    this.#broken = true;
    this.#dropsWhatIsUnderWay = dropsWhatIsUnderWay;
  }

  /** The writer has said all: it ends behind what is under way. */
  end(): void {
    const { simulation } = around();
    if (this.#broken) return;
    const arrives = Math.max(simulation.now, this.#isFree) + this.#latencyMs - simulation.now;
    inProcess(undefined, () => simulation.after(arrives, () => this.close()));
  }

  /** The reader hears that it is over. */
  close(): void {
    this.#ended = true;
    this.#wake();
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) yield chunk;
      else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

type Refusal = (exit: number, sentence: string) => Error;

/** Calls the hub, as whoever runs now. */
export async function dialHub(key: LineKey, refusalOf: Refusal): Promise<HubCall> {
  const { simulation, faults } = around();
  const caller = currentProcess();
  await simulation.wait(SETUP_MS);
  const hub = caller && exchange?.answering(caller);
  if (!caller || !hub) throw new Error('no connection to the hub: nothing listens there');
  const line = new Line({ caller, hub: hub.process, refusalOf, cut: faults.strikes('linkCut') });
  const called: Called = {
    key,
    wire: line.hubWire,
    refuse: (exit, sentence) => line.refuse(exit, sentence),
    hangUp: () => line.hangUp(),
  };
  inProcess(hub.process, () => {
    hub.answer(called).catch((error: Error) => line.fail(error));
  });
  return line.call;
}

class Line {
  readonly #caller: Process;
  readonly #hub: Process;
  readonly #refusalOf: Refusal;
  readonly #up: Lane;
  readonly #down: Lane;
  #agentHeard = false;
  #hubHeard = false;
  #isCut = false;
  #over = false;
  #refusal: Error | undefined;

  constructor({ caller, hub, refusalOf, cut }: { caller: Process; hub: Process; refusalOf: Refusal; cut: boolean }) {
    const { delays } = around().simulation;
    this.#caller = caller;
    this.#hub = hub;
    this.#refusalOf = refusalOf;
    const latencyMs = delays.spread(5, 1_500);
    const bytesPerMs = delays.spread(0.2, 200);
    const cutUp = delays.one(0.5);
    const at = Math.floor(delays.spread(1, 40_000));
    const lane = (isCut: boolean): Lane =>
      new Lane({
        latencyMs,
        bytesPerMs,
        cutAt: cut && isCut ? at : Number.POSITIVE_INFINITY,
        onCut: () => this.#cut(),
      });
    this.#up = lane(cutUp);
    this.#down = lane(!cutUp);
    caller.onEnd(() => this.#cut());
    hub.onEnd(() => this.#cut());
  }

  /** Nothing gets through any more. Each side hears of it at once, later, or never. */
  #cut(): void {
    if (this.#isCut || this.#over) return;
    this.#isCut = true;
    const { simulation, faults } = around();
    for (const lane of [this.#up, this.#down]) lane.break(simulation.delays.one(0.5));
    inProcess(undefined, () => {
      if (!faults.strikes('deafCut')) simulation.after(simulation.delays.spread(1, 20_000), () => this.#tellAgent());
      if (!faults.strikes('deafCut')) simulation.after(simulation.delays.spread(1, 20_000), () => this.#tellHub());
    });
  }

  #tellAgent(): void {
    this.#agentHeard = true;
    this.#down.close();
  }

  #tellHub(): void {
    this.#hubHeard = true;
    this.#up.close();
  }

  /** One side has closed its socket. */
  #end(): void {
    if (this.#over) return;
    this.#over = true;
    const { simulation } = around();
    if (this.#isCut) return;
    inProcess(undefined, () =>
      simulation.after(20, () => {
        this.#tellAgent();
        this.#tellHub();
      }),
    );
  }

  refuse(exit: number, sentence: string): void {
    this.#refusal = this.#refusalOf(exit, sentence);
    this.hangUp();
  }

  /** The hub has said all. */
  hangUp(): void {
    this.#down.end();
  }

  fail(error: Error): void {
    if (this.#hub.alive) around().failed(error);
    this.#cut();
  }

  get hubWire(): Wire {
    return {
      incoming: this.#up.read(),
      write: async (bytes) => {
        if (this.#hubHeard) throw new TripCut('the link was cut');
        await this.#down.write(bytes);
      },
      end: () => this.#down.end(),
      unacknowledged: async () => this.#down.written - this.#down.delivered,
      destroy: () => {
        this.#tellHub();
        this.#end();
      },
    };
  }

  get call(): HubCall {
    const [up, down] = [this.#up, this.#down];
    const agentHeard = (): boolean => this.#agentHeard;
    const refusal = (): Error | undefined => this.#refusal;
    const isCut = (): boolean => this.#isCut;
    const incoming = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of down.read()) yield chunk;
      const refused = refusal();
      if (refused) throw refused;
      if (isCut()) throw new TripCut('the link was cut');
    };
    return {
      wire: {
        incoming: incoming(),
        write: async (bytes) => {
          if (agentHeard()) throw new TripCut('the link was cut');
          await up.write(bytes);
        },
        end: () => undefined,
        unacknowledged: async () => up.written - up.delivered,
        destroy: () => {
          this.#tellAgent();
          this.#end();
        },
      },
      get bytesUp() {
        return up.written;
      },
      get bytesDown() {
        return down.delivered;
      },
      roundTrips: 3,
      close: async () => {
        this.#tellAgent();
        this.#end();
        exchange?.carried(this.#caller, { up: up.written, down: down.written, cut: this.#isCut });
      },
    };
  }
}
