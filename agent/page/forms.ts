/** What a form of the page brings: a few short fields, or a file that is never held as a whole. */
import type { Readable } from 'node:stream';
import { formFields } from '../../shared/page/form.ts';
import { NoForm, uploadOf } from '../../shared/page/upload.ts';
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
  const fields = await formFields(context.req, FORM_BYTES_MAX);
  if (!fields) throw new PageFault(400, 'failed');
  return fields;
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
export async function fileOf(context: PageContext): Promise<Readable | undefined> {
  try {
    return await uploadOf(context.env.incoming, (fields) => checkToken(context, fields.get('token') ?? ''));
  } catch (error) {
    if (error instanceof NoForm) throw new PageFault(400, 'failed');
    throw error;
  }
}
