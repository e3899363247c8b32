/**
 * The run file `<data>/run.json` tells the command line where the serving hub on this machine listens, so that
 * commands run inside it. It is only a hint: who cannot be reached there is taken for stopped.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { removeDurably, writeDurably } from '../shared/io/durable.ts';

const RUN = z.object({ pid: z.int(), listen: z.record(z.string(), z.string()) });
export type RunFile = z.infer<typeof RUN>;

const runFilePath = (data: string): string => join(data, 'run.json');

export const writeRunFile = (data: string, run: RunFile): Promise<void> =>
  writeDurably(runFilePath(data), Buffer.from(JSON.stringify(run)), { mode: 0o600 });

export const removeRunFile = (data: string): Promise<void> => removeDurably(runFilePath(data));

/** Undefined when no hub has left one here. */
export async function readRunFile(data: string): Promise<RunFile | undefined> {
  try {
    return z.safeParse(RUN, JSON.parse(await readFile(runFilePath(data), 'utf8'))).data;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
