/** A machine that runs a program: it is started, dies, and is started again. */

import type { Log } from '../../shared/io/log.ts';
import { StoreError } from '../../shared/io/store.ts';
import { around } from './around.ts';
import { Disk, FileNode, FolderNode } from './disk.ts';
import { inProcess, Killed, type Machine, type Process } from './simulation.ts';

export const newMachine = (name: string): Machine => ({
  name,
  disk: new Disk(),
  boots: 1,
  clockAhead: 0,
  clockStands: undefined,
});

/** Puts a file on a disk as if it had always been there. */
export function putFile(disk: Disk, path: string, content: Buffer): void {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  let folder = disk.root;
  for (const part of parts) {
    const next = folder.entries.get(part) ?? new FolderNode(0o700);
    if (!(next instanceof FolderNode)) throw new Error(`${path}: ${part} is a file`);
    folder.entries.set(part, next);
    folder.durable.set(part, next);
    folder = next;
  }
  const file = new FileNode(0o600);
  file.data = content;
  file.synced = content;
  folder.entries.set(name, file);
  folder.durable.set(name, file);
}

export interface Line {
  readonly level: 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Things that never have to be said, whatever goes wrong around the program. */
const NEVER = /damaged|cannot travel|cannot be read|nobody foresaw|nowhere|cut off/;

/** What is logged goes to `hear`; what must never be is a failure of the world. */
export function logOf(name: string, hear: (line: Line) => void): Log {
  const write =
    (level: Line['level']) =>
    (event: string, fields: Line['fields'] = {}): void => {
      hear({ level, event, fields });
      if (NEVER.test(`${event} ${JSON.stringify(fields)}`))
        around().failed(new Error(`${name} says: ${event} ${JSON.stringify(fields)}`));
    };
  return { info: write('info'), warn: write('warn'), error: write('error') };
}

/** Runs work in a process; rejects with Killed as soon as the process is dead. */
export function within<T>(process: Process, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    process.onEnd(() => reject(new Killed(`${process.machine.name} was killed`)));
    inProcess(process, work).then(resolve, reject);
  });
}

/** Whether the error is what this world does to programs, and no fault of theirs. */
export const isMisfortune = (error: unknown): boolean => error instanceof Killed || error instanceof StoreError;

export abstract class Site<T> {
  readonly machine: Machine;
  #running: { readonly process: Process; readonly program: T } | undefined;
  #stopped = false;
  #restarting: (() => void) | undefined;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** The program, while it runs. */
  get running(): { readonly process: Process; readonly program: T } | undefined {
    return this.#running?.process.alive ? this.#running : undefined;
  }

  protected abstract open(process: Process): Promise<T>;

  /** Runs the program again and again until `stop`. */
  async run(): Promise<void> {
    const { simulation, faults } = around();
    while (!this.#stopped) {
      const process = simulation.start(this.machine);
      try {
        const program = await within(process, () => this.open(process));
        this.#running = { process, program };
        await new Promise<void>((resolve) => process.onEnd(resolve));
      } catch (error) {
        if (!isMisfortune(error)) around().failed(error as Error);
        process.end();
      }
      if (!this.#stopped) await this.#pause(faults.calm ? 1_000 : simulation.delays.spread(1_000, 600_000));
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#restarting = resolve;
      around().simulation.after(ms, resolve);
    });
  }

  /** Does not wait any longer before it starts again. */
  hurry(): void {
    this.#restarting?.();
  }

  stop(): void {
    this.#stopped = true;
    this.#running?.process.end();
    this.hurry();
  }

  /** Runs work in the program; undefined when it does not run, or dies or fails with its store meanwhile. */
  async ask<R>(work: (program: T, process: Process) => Promise<R>): Promise<R | undefined> {
    const { running } = this;
    if (!running) return undefined;
    try {
      return await within(running.process, () => work(running.program, running.process));
    } catch (error) {
      if (!isMisfortune(error)) around().failed(error as Error);
      return undefined;
    }
  }
}
