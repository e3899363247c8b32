/** `agent export`, `agent import`: mail by a USB stick, or any other way that carries files. */
import {
  EXPORT_HELP,
  EXPORT_OPTIONS,
  IMPORT_HELP,
  maxOf,
  onBatch,
  reportImport,
  writeBatch,
} from '../shared/io/batch-words.ts';
import { type Call, EXIT } from '../shared/io/command-line.ts';
import type { Agent, AgentCommand } from './agent.ts';
import { beginExport, betweenSyncs, sealOf, takeBatch } from './stick.ts';

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

async function exportTo(agent: Agent, call: Call): Promise<number> {
  const again = call.options.again === true;
  await writeBatch(call, await beginExport(agent, { again, bytesMax: maxOf(call) }), {
    ...sealOf(agent),
    file: call.positionals[0] ?? '-',
    next: "at the hub: 'hub import FILE'",
  });
  return EXIT.ok;
}

const importFrom = async (agent: Agent, call: Call): Promise<number> =>
  reportImport(call, await takeBatch(agent, call.readChunks(call.positionals[0] ?? '-')));
