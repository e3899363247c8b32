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
import { CarrierError } from '../../shared/io/carrier.ts';
import { type Call, EXIT, Exit } from '../../shared/io/command-line.ts';
import { TripRefused } from '../../shared/io/trip-side.ts';
import { exportFor, importBatchFile } from '../batch.ts';
import { carriersOf, carry } from '../carriers.ts';
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
  {
    words: 'carry',
    usage: '[NAME]',
    summary: 'lets the carriers of an office, or of all, take and bring what there is, now',
    help: 'The programs and folders of [[carrier]] in hub.toml. Exit code 75: a program did not take its batch, and nothing counts as\nsent.\n\n  hub carry herat',
    takes: [0, 1],
    run: carryNow,
  },
];

async function carryNow(hub: Hub, { positionals: [name], out }: Call): Promise<number> {
  for (const carrier of carriersOf(hub, name)) {
    try {
      const { files, mails, handed } = await carry(hub, carrier);
      const gone =
        handed.bytesWire === 0
          ? 'nothing to hand over'
          : `${handed.mails} mails handed over, ${handed.bytesWire} bytes`;
      out(`${carrier.office}: ${files} files taken, ${mails} mails; ${gone}`);
    } catch (error) {
      if (error instanceof CarrierError)
        throw new Exit(EXIT.later, `${carrier.office}: ${error.message}: nothing counts as sent`);
      if (error instanceof TripRefused) throw new Exit(error.exit, error.message);
      throw error;
    }
  }
  return EXIT.ok;
}

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
