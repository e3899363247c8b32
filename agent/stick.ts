/** What `agent export`, `agent import` and the page do with a batch file: one at a time, and never beside a sync. */
import { realpath } from 'node:fs/promises';
import type { BatchHead } from '../shared/core/batch.ts';
import { BatchExport } from '../shared/io/batch-export.ts';
import { openBatch, readBatchHead } from '../shared/io/batch-file.ts';
import { type Imported, importBatch, readBatch } from '../shared/io/batch-import.ts';
import { EXIT, Exit } from '../shared/io/command-line.ts';
import { tryLock } from '../shared/io/lock.ts';
import type { Agent } from './agent.ts';
import { scanQueues } from './queue-maildir.ts';
import { agentBatchSide } from './trip-session.ts';

/** Throws Exit 75 when a sync runs, here or in another process. */
export async function betweenSyncs<T>({ config }: Agent, work: () => Promise<T>): Promise<T> {
  const lock = await tryLock(`fieldpost-sync ${await realpath(config.data)}`);
  if (!lock) throw new Exit(EXIT.later, 'a sync is running: wait for it to end, then do this again');
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

export interface ExportChoice {
  /** Also what is on a stick already. */
  readonly again: boolean;
  /** Bytes of the file; 0: any. */
  readonly bytesMax: number;
  /** Larger mails wait for a better link; absent: none. */
  readonly mailBytesMax?: number;
  /** Seconds that links leave the mail to it; absent: as for every stick. */
  readonly waitSeconds?: number;
  /** The link that carries it; absent: a stick. */
  readonly by?: string;
}

/** A batch for the hub. Whoever cannot write all of it releases it. */
export async function beginExport(agent: Agent, { mailBytesMax, ...choice }: ExportChoice): Promise<BatchExport> {
  await scanQueues(agent);
  const { instance, ...side } = await agentBatchSide(agent, mailBytesMax);
  return new BatchExport({ side, instance, waitSeconds: agent.config.stick_wait, ...choice });
}

function whoseOf({ key: { identity } }: Agent) {
  const [keyId = '', generation] = identity.split('.');
  return { keyId, generation: Number(generation) };
}

/** How a batch for the hub is sealed. */
export const sealOf = (agent: Agent): { readonly whose: Omit<BatchHead, 'salt'>; readonly key: Uint8Array } => ({
  whose: { ...whoseOf(agent), way: 'up' },
  key: agent.key.key,
});

/** Takes a file of the hub. Throws Exit 65 or 77 when it is none for here, BatchError when it is none at all. */
export async function takeBatch(agent: Agent, file: AsyncIterable<Uint8Array>): Promise<Imported> {
  const { head, rest } = await readBatchHead(file);
  const { keyId, generation } = whoseOf(agent);
  if (head.way !== 'down')
    throw new Exit(
      EXIT.data,
      "this file goes to the hub: 'hub import' there takes it, and 'hub export' makes one for here",
    );
  if (head.keyId !== keyId || head.generation !== generation)
    throw new Exit(EXIT.refused, 'this file is for another office, or for an older key of this one: nothing was taken');
  const batch = await readBatch(openBatch(rest, { head, key: agent.key.key }), 'down');
  const side = await agentBatchSide(agent);
  if ('time' in batch.greeting) await side.heard(batch.greeting);
  const imported = await importBatch(side, batch, batch.mark.instance === side.instance);
  // What comes again was not heard to have come: it is told once more.
  if (imported.known > 0) await agent.store.remove('told');
  return imported;
}
