/** For shared/io/lock.ts: locks that end with the simulated process that holds them. */
import type { Lock } from '../../../shared/io/lock.ts';
import { currentProcess, type Process, simulation } from '../simulation.ts';

const held = new Map<string, Process>();

export async function tryLock(name: string): Promise<Lock | undefined> {
  const process = currentProcess();
  if (!process) throw new Error(`nobody takes the lock ${name}`);
  const holder = held.get(name);
  if (holder?.alive && simulation().processes.get(holder.pid) === holder) return undefined;
  held.set(name, process);
  return {
    release: async () => {
      if (held.get(name) === process) held.delete(name);
    },
  };
}
