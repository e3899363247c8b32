/** `agent export`, `agent import`: mail by a USB stick, or any other way that carries files. */
import { realpath } from 'node:fs/promises';
import { BatchExport } from '../shared/io/batch-export.ts';
import { openBatch, readBatchHead } from '../shared/io/batch-file.ts';
import { importBatch, readBatch } from '../shared/io/batch-import.ts';
import {
  EXPORT_HELP,
  EXPORT_OPTIONS,
  IMPORT_HELP,
  maxOf,
  onBatch,
  reportImport,
  writeBatch,
} from '../shared/io/batch-words.ts';
import { type Call, EXIT, Exit } from '../shared/io/command-line.ts';
import { tryLock } from '../shared/io/lock.ts';
import type { Agent, AgentCommand } from './agent.ts';
import { scanQueues } from './queue-maildir.ts';
import { agentBatchSide } from './trip-session.ts';

export const batchCommands: readonly AgentCommand[] = [
  {
    words: 'export',
    usage: 'FILE [--again] [--max SIZE]',
    summary: 'writes what waits for the hub, and answers to it, into a file for a USB stick',
    help: `${EXPORT_HELP}\n\n  agent export /media/stick/herat.batch`,
    options: EXPORT_OPTIONS,
    takes: [1, 1],
    run: async (desk, call) => {
      const agent = await desk.open();
      await scanQueues(agent);
      return betweenSyncs(agent, () => exportTo(agent, call));
    },
  },
  {
    words: 'import',
    usage: 'FILE',
    summary: 'takes what a file of the hub holds',
    help: `${IMPORT_HELP}\n\n  agent import /media/stick/to-herat.batch`,
    takes: [1, 1],
    run: async (desk, call) => {
      const agent = await desk.open();
      return betweenSyncs(agent, () => onBatch(() => importFrom(agent, call)));
    },
  },
];

async function betweenSyncs<T>({ config }: Agent, work: () => Promise<T>): Promise<T> {
  const lock = await tryLock(`fieldpost-sync ${await realpath(config.data)}`);
  if (!lock) throw new Exit(EXIT.later, 'a sync is running: wait for it to end, then do this again');
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

function whoseOf({ key: { identity } }: Agent) {
  const [keyId = '', generation] = identity.split('.');
  return { keyId, generation: Number(generation) };
}

async function exportTo(agent: Agent, call: Call): Promise<number> {
  const { instance, ...side } = await agentBatchSide(agent);
  const batch = new BatchExport({
    side,
    instance,
    waitSeconds: agent.config.stick_wait,
    again: call.options.again === true,
    bytesMax: maxOf(call),
  });
  await writeBatch(call, batch, {
    whose: { ...whoseOf(agent), way: 'up' },
    key: agent.key.key,
    file: call.positionals[0] ?? '-',
    next: "at the hub: 'hub import FILE'",
  });
  return EXIT.ok;
}

async function importFrom(agent: Agent, call: Call): Promise<number> {
  const { head, rest } = await readBatchHead(call.readChunks(call.positionals[0] ?? '-'));
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
  return reportImport(call, await importBatch(side, batch, batch.mark.instance === side.instance));
}
