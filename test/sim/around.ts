/** What stands in for the system asks the world that runs. */
import type { Faults } from './faults.ts';
import type { Killed, Process, Simulation } from './simulation.ts';

export interface Around {
  readonly simulation: Simulation;
  readonly faults: Faults;
  /** Kills the process, or cuts the power of its machine. */
  die(process: Process, how: string): Killed;
  /** Something of the product failed in a way that it should not. */
  failed(error: Error): void;
}

let running: Around | undefined;

export function around(): Around {
  if (!running) throw new Error('no world runs');
  return running;
}

export const attach = (world: Around): void => {
  running = world;
};
