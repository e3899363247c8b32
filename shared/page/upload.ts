/** The file of a form, never held as a whole. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { Busboy } from '@fastify/busboy';
import { BatchError } from '../io/batch-file.ts';

/** What came is no form with a file. */
export class NoForm extends Error {}

/**
 * The file; undefined when none was chosen. `admit` is given the fields that came before it, and throws where it is not wanted; then nothing
 * more is read. Throws NoForm.
 */
export function uploadOf(
  incoming: IncomingMessage,
  admit: (fields: ReadonlyMap<string, string>) => void,
): Promise<Readable | undefined> {
  const type = incoming.headers['content-type'];
  if (!type?.startsWith('multipart/form-data;')) return Promise.reject(new NoForm('not a form'));
  const parser = new Busboy({
    headers: { ...incoming.headers, 'content-type': type },
    limits: { files: 1, fields: 2, fieldSize: 1_000, headerPairs: 20 },
  });
  const { promise, resolve, reject } = Promise.withResolvers<Readable | undefined>();
  const fields = new Map<string, string>();
  let upload: Readable | undefined;
  const failed = (): void => {
    upload?.destroy(new BatchError('the file did not come whole: choose it again'));
    reject(new NoForm('the form did not come whole'));
  };
  parser.on('field', (name, value) => void fields.set(name, value));
  parser.on('file', (_field, file, filename) => {
    try {
      admit(fields);
      if (filename) resolve(file);
      else file.resume();
      upload = file;
    } catch (error) {
      file.resume();
      reject(error);
    }
  });
  parser.on('finish', () => resolve(undefined));
  parser.on('error', failed);
  incoming.on('close', () => {
    if (!incoming.complete) failed();
  });
  incoming.pipe(parser);
  return promise;
}

/** More than this of a file that nobody wants is not waited for. */
const PASSED_BYTES_MAX = 1_000_000_000;

/** Lets the rest of a form go by unread: a browser shows no answer before it has sent all. */
export async function passOver(incoming: IncomingMessage): Promise<void> {
  let bytes = 0;
  incoming.unpipe();
  incoming.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > PASSED_BYTES_MAX) incoming.destroy();
  });
  incoming.resume();
  // Whoever went away wants no answer.
  await finished(incoming, { writable: false }).catch(() => undefined);
}
