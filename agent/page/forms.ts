/** What a form of the page brings: a few short fields, or a file that is never held as a whole. */
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import { BatchError } from '../../shared/io/batch-file.ts';
import { type PageContext, tokenFits } from './session.ts';

/** What a visitor is told instead of what was asked for. */
export class PageFault extends Error {
  readonly status: 400 | 403 | 404;
  readonly what: 'stale' | 'notFound' | 'failed';
  constructor(status: PageFault['status'], what: PageFault['what']) {
    super(what);
    this.status = status;
    this.what = what;
  }
}

const FORM_BYTES_MAX = 10_000;

/** The fields of a short form. Throws PageFault. */
export async function fieldsOf(context: PageContext): Promise<URLSearchParams> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of context.req.raw.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > FORM_BYTES_MAX) throw new PageFault(400, 'failed');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

/** The same, of somebody who is logged in, from a form of the page that they saw. */
export async function ownFields(context: PageContext): Promise<URLSearchParams> {
  const fields = await fieldsOf(context);
  checkToken(context, fields.get('token') ?? '');
  return fields;
}

function checkToken(context: PageContext, token: string): void {
  const visitor = context.get('visitor');
  if (!visitor || !tokenFits(visitor, token)) throw new PageFault(403, 'stale');
}

/** The file of a form whose first field is the token; undefined when none was chosen. Throws PageFault. */
export function fileOf(context: PageContext): Promise<Readable | undefined> {
  const { incoming } = context.env;
  const type = incoming.headers['content-type'];
  if (!type?.startsWith('multipart/form-data;')) throw new PageFault(400, 'failed');
  const parser = new Busboy({
    headers: { ...incoming.headers, 'content-type': type },
    limits: { files: 1, fields: 2, fieldSize: 1_000, headerPairs: 20 },
  });
  const { promise, resolve, reject } = Promise.withResolvers<Readable | undefined>();
  let token = '';
  let upload: Readable | undefined;
  const failed = (): void => {
    upload?.destroy(new BatchError('the file did not come whole: choose it again'));
    reject(new PageFault(400, 'failed'));
  };
  parser.on('field', (name, value) => {
    if (name === 'token') token = value;
  });
  parser.on('file', (_field, file, filename) => {
    try {
      checkToken(context, token);
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
