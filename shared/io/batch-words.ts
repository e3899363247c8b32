/** What both programs' export and import say, and how they fail. */
import type { BatchHead } from '../core/batch.ts';
import { TripError } from '../core/trip-record.ts';
import type { BatchExport } from './batch-export.ts';
import { BatchError, inLargePieces, sealBatch } from './batch-file.ts';
import type { Imported } from './batch-import.ts';
import { type Call, EXIT, Exit } from './command-line.ts';
import { parseBytes } from './config.ts';
import { TripRefused } from './trip-side.ts';

export const EXPORT_OPTIONS = { again: { type: 'boolean' }, max: { type: 'string' } } as const;

export const EXPORT_HELP = `FILE: \`-\` is standard output. What is on a stick is not also sent over a link for \`stick_wait\` (7 days).
  --again        also what is on a stick already, in case that one was lost
  --max SIZE     a file of this size at most, such as "5 MB"; a mail that is cut by it goes on over a link`;

export const IMPORT_HELP = `FILE: \`-\` is standard input. A file may be imported twice, in any order, months late.
Exit code 65: no batch, damaged, or the other way round; what came before the damage stands. 75: not all of it could
be taken now: import it again. 77: not for this key.`;

/** Throws Exit 64. */
export function maxOf({ options: { max } }: Call): number {
  if (typeof max !== 'string') return 0;
  const bytes = parseBytes(max);
  if (bytes !== undefined && bytes >= BYTES_MIN) return bytes;
  throw new Exit(EXIT.usage, `--max "${max}": expected a size of 4 KB or more, such as "5 MB"`);
}

const BYTES_MIN = 4_000;

export interface ExportTo {
  readonly whose: Omit<BatchHead, 'salt'>;
  readonly key: Uint8Array;
  readonly file: string;
  readonly next: string;
}

/** Writes the file; when that fails, links may carry the mail at once. */
export async function writeBatch(call: Call, batch: BatchExport, { whose, key, file, next }: ExportTo): Promise<void> {
  try {
    await call.writeChunks(file, inLargePieces(sealBatch(batch.records(), { ...whose, key })));
  } catch (error) {
    await batch.release();
    throw error;
  }
  if (file !== '-') call.out(`${file}: ${batch.mails} mails, ${batch.bytesRaw} bytes of mail; ${next}`);
}

/** Prints what an import did; answers the exit code. */
export function reportImport({ out }: Call, imported: Imported): number {
  const { mails, answered, known, unreadable, later, partial, fault } = imported;
  const more = [
    ...(known > 0 ? [`${known} frames had come before`] : []),
    ...(partial ? ['part of a mail is kept: the rest may come over a link'] : []),
    ...(unreadable > 0 ? [`${unreadable} frames cannot be read here: they come again over a link`] : []),
  ];
  out(`${mails} mails taken, ${answered} frames of ours answered${more.map((text) => `; ${text}`).join('')}`);
  if (fault !== undefined) throw new Exit(EXIT.data, fault);
  if (later > 0)
    throw new Exit(EXIT.later, `${later} frames could not be taken now, the log says why: import the same file again`);
  return EXIT.ok;
}

/** Runs work on a batch; what is wrong with the file or its sender becomes an exit code. */
export async function onBatch<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TripRefused) throw new Exit(error.exit, error.message);
    if (error instanceof BatchError || error instanceof TripError) throw new Exit(EXIT.data, error.message);
    throw error;
  }
}
