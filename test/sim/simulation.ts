/**
 * One simulated time for all machines of a world. What waits (a timer, a disk, bytes on a line) is an event in a queue; the
 * next one is taken when all that the last one set off has come to rest. So the order of everything follows from the seed.
 *
 * Each simulated process is a context that its asynchronous work carries along: it says whose clock `Date.now` reads and whose
 * timers stop when it is killed.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Chance } from './chance.ts';
import type { Disk } from './disk.ts';

/** What work of a process meets once the process is dead. */
export class Killed extends Error {}

const realImmediate = setImmediate;
const atRest = (): Promise<void> => new Promise((resolve) => realImmediate(resolve));

/** Simulated Unix milliseconds at the start. */
const EPOCH_MS = 1_795_000_000_000;

export interface Machine {
  readonly name: string;
  disk: Disk;
  /** Times that it was switched on. */
  boots: number;
  /** Milliseconds that its clock is ahead. */
  clockAhead: number;
  /** Its clock stands at this time, Unix milliseconds. */
  clockStands: number | undefined;
}

export class Process {
  readonly pid: number;
  readonly machine: Machine;
  alive = true;
  /** Simulated milliseconds at which a write of it failed, or it died. */
  readonly troubles: number[] = [];
  readonly #ends: (() => void)[] = [];

  constructor(pid: number, machine: Machine) {
    this.pid = pid;
    this.machine = machine;
  }

  /** Calls back when it is dead; at once when it is already. */
  onEnd(end: () => void): void {
    if (this.alive) this.#ends.push(end);
    else end();
  }

  end(): void {
    if (!this.alive) return;
    this.alive = false;
    this.troubles.push(simulation().now);
    for (const end of this.#ends) end();
  }
}

const context = new AsyncLocalStorage<Process | undefined>();

export const currentProcess = (): Process | undefined => context.getStore();

/** Runs work as the process does. */
export const inProcess = <T>(process: Process | undefined, work: () => T): T => context.run(process, work);

export class Event {
  readonly time: number;
  readonly order: number;
  readonly act: () => void;
  readonly process: Process | undefined;
  cancelled = false;

  constructor(when: { readonly time: number; readonly order: number }, process: Process | undefined, act: () => void) {
    this.time = when.time;
    this.order = when.order;
    this.process = process;
    this.act = act;
  }
}

/** Far more than any world needs: one that comes here goes round in a circle. */
const EVENTS_MAX = 3_000_000;

let worlds = 0;

export class Simulation {
  /** Of all that one program runs: what one leaves behind is not taken for another's. */
  readonly serial = ++worlds;
  /** Milliseconds since the start. */
  now = 0;
  events = 0;
  readonly delays: Chance;
  /** What the programs themselves draw. */
  readonly drawn: Chance;
  readonly processes = new Map<number, Process>();
  readonly #heap: Event[] = [];
  #order = 0;
  #trace = 0x811c9dc5;

  constructor(seed: number) {
    this.delays = new Chance(seed, 'delays');
    this.drawn = new Chance(seed, 'drawn');
  }

  /** A number over all that has happened so far, and in which order. */
  get trace(): string {
    return (this.#trace >>> 0).toString(16).padStart(8, '0');
  }

  /** Joins a fact to the trace. */
  note(fact: string): void {
    let trace = this.#trace ^ Math.floor(this.now * 1_000);
    for (let at = 0; at < fact.length; at++) trace = Math.imul(trace ^ fact.charCodeAt(at), 0x01000193);
    this.#trace = trace;
  }

  start(machine: Machine): Process {
    const process = new Process(this.processes.size + 1, machine);
    this.processes.set(process.pid, process);
    return process;
  }

  /** Unix milliseconds by the clock of whoever asks. */
  clock(): number {
    const machine = currentProcess()?.machine;
    return machine?.clockStands ?? Math.floor(EPOCH_MS + this.now + (machine?.clockAhead ?? 0));
  }

  /** Does it after so many milliseconds, as the process that asks. */
  after(ms: number, act: () => void): Event {
    const event = new Event({ time: this.now + Math.max(0, ms), order: ++this.#order }, currentProcess(), act);
    this.#push(event);
    return event;
  }

  /** Rests. Throws Killed when the process has died meanwhile. */
  wait(ms: number): Promise<void> {
    const process = currentProcess();
    return new Promise((resolve, reject) => {
      inProcess(undefined, () =>
        this.after(ms, () => (process && !process.alive ? reject(new Killed('the process was killed')) : resolve())),
      );
    });
  }

  /** Lets everything happen until the work is done. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settle = (): void => {
      done = true;
    };
    work.then(settle, settle);
    for (await atRest(); !done; await atRest()) {
      const event = this.#pop();
      if (!event) throw new Error('everything stands still: somebody waits for what never comes');
      if (++this.events > EVENTS_MAX) throw new Error('there is no end: something goes round in a circle');
      if (event.cancelled || event.process?.alive === false) continue;
      this.now = event.time;
      inProcess(event.process, event.act);
    }
    return work;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (!isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (a: Event, b: Event): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

let running: Simulation | undefined;

/** The world's, for what stands in for the system. */
export function simulation(): Simulation {
  if (!running) throw new Error('no world runs');
  return running;
}

export function begin(seed: number): Simulation {
  running = new Simulation(seed);
  return running;
}
