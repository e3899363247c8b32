/** Going through all keys of a prefix, a page at a time, over many calls and restarts: `sweep/…` says how far it is. */
import { readBody, textBody } from './body.ts';
import type { Listed, Store } from './store.ts';

const KEY_BYTES_MAX = 1000;

/** Does the work for the next page of keys. True when it was the last; then the next call begins anew. */
export async function sweepStep(
  store: Store,
  prefix: string,
  work: (listed: Listed) => Promise<void>,
): Promise<boolean> {
  const cursorKey = `sweep/${prefix}at`;
  const cursor = await store.get(cursorKey);
  const after = cursor && (await readBody(cursor, KEY_BYTES_MAX)).toString();
  const page = await store.list(prefix, after === undefined ? {} : { after });
  for (const listed of page) await work(listed);
  const last = page.length < PAGE ? undefined : page.at(-1);
  if (last) await store.put(cursorKey, textBody(last.key));
  else if (cursor) await store.remove(cursorKey);
  return last === undefined;
}

/** The port's default. */
const PAGE = 1000;
