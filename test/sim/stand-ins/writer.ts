/** For shared/io/writer.ts: who writes is the simulated process. */
import { currentProcess, simulation } from '../simulation.ts';

export function writerToken(): string {
  const process = currentProcess();
  if (!process) throw new Error('nobody writes');
  return `000000000000.1.${process.pid}.1`;
}

export function writerState(token: string): 'alive' | 'gone' {
  return simulation().processes.get(Number(token.split('.')[2]))?.alive ? 'alive' : 'gone';
}

export const writerIsGone = (token: string): boolean => writerState(token) === 'gone';

/** All of them run at once, and it is known of each whether it does. */
export const isSameSystem = (): boolean => true;
