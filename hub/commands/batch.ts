/** `hub export`, `hub import`: mail by a USB stick, or any other way that carries files. */
import {
  EXPORT_HELP,
  EXPORT_OPTIONS,
  IMPORT_HELP,
  maxOf,
  onBatch,
  reportImport,
  writeBatch,
} from '../../shared/io/batch-words.ts';
import { type Call, EXIT, Exit } from '../../shared/io/command-line.ts';
import { exportFor, importBatchFile } from '../batch.ts';
import type { Hub, HubCommand } from '../hub.ts';

export const batchCommands: readonly HubCommand[] = [
  {
    words: 'export',
    usage: 'NAME FILE [--again] [--max SIZE]',
    summary: 'writes what waits for an office, and answers to it, into a file for a USB stick',
    help: `${EXPORT_HELP}\n\n  hub export herat /media/stick/to-herat.batch`,
    options: EXPORT_OPTIONS,
    takes: [2, 2],
    run: (hub, call) => onBatch(() => exportTo(hub, call)),
  },
  {
    words: 'import',
    usage: 'FILE',
    summary: "takes what an office's file holds",
    help: `${IMPORT_HELP}\n\n  hub import /media/stick/herat.batch`,
    takes: [1, 1],
    run: async (hub, call) =>
      reportImport(call, await onBatch(() => importBatchFile(hub, call.readChunks(call.positionals[0] ?? '-')))),
  },
];

async function exportTo(hub: Hub, call: Call): Promise<number> {
  const [name = '', file = '-'] = call.positionals;
  if (!hub.directory.office(name))
    throw new Exit(EXIT.usage, `there is no office "${name}"; 'hub office list' shows them`);
  const options = { again: call.options.again === true, bytesMax: maxOf(call) };
  await exportFor(hub, name, options, (batch, whose) =>
    writeBatch(call, batch, { ...whose, file, next: `at ${name}: 'agent import FILE'` }),
  );
  return EXIT.ok;
}
