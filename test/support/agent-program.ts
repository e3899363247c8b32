/** The agent as a process, from its sources: what it does with its command line, its input and its signals. */
import { join } from 'node:path';
import { type Outcome, type RunOptions, run } from './program.ts';

const MAIN = join(import.meta.dirname, '../../agent/main.ts');

export const runAgent = (args: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  run(process.execPath, [MAIN, ...args], options);
