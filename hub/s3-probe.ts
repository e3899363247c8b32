/**
 * Tries at the start what a bucket must be able to do, and whether exclusive creation is to be trusted: some servers
 * refuse the condition, some ignore it. What it writes lies below one prefix, and is removed again.
 */
import { randomUUID } from 'node:crypto';
import { bytesBody, readBody } from '../shared/io/body.ts';
import { type Store, StoreError } from '../shared/io/store.ts';
import { isUnsupported } from './s3-fault.ts';

const PREFIX = 'fieldpost-probe/';
const RACERS = 16;
/** What a probe that was killed has left. Younger ones may be another hub's, at it now. */
const LEFT_OVER_MS = 3_600_000;

type Create = NonNullable<Store['create']>;

/** Throws a StoreError when the bucket does not work. Answers whether `create` does. */
export async function probeStore(store: Store, create: Create): Promise<boolean> {
  const stem = `${PREFIX}${randomUUID()}`;
  await tryReadAndWrite(store, `${stem}-value`);
  try {
    return await tryCreate(create, stem);
  } finally {
    await removeProbes(store, stem);
  }
}

async function tryReadAndWrite(store: Store, key: string): Promise<void> {
  const wrote = Buffer.from(`written by ${key}`);
  await store.put(key, bytesBody(wrote));
  const read = await store.get(key);
  if (!read || !wrote.equals(await readBody(read)))
    throw new StoreError(`what was written to ${key} was not read back`);
}

/** Once: made. Again: taken. Many at once: made by one. */
async function tryCreate(create: Create, stem: string): Promise<boolean> {
  const once = `${stem}-once`;
  const race = `${stem}-race`;
  try {
    if (!(await create(once, bytesBody(Buffer.from('1'))))) return false;
    if (await create(once, bytesBody(Buffer.from('2')))) return false;
    const racers = Array.from({ length: RACERS }, (_, n) => create(race, bytesBody(Buffer.from(String(n)))));
    return (await Promise.all(racers)).filter(Boolean).length === 1;
  } catch (error) {
    if (isUnsupported(error)) return false;
    throw error;
  }
}

async function removeProbes(store: Store, stem: string): Promise<void> {
  const probes = await store.list(PREFIX);
  const now = Math.max(...probes.map(({ time }) => time));
  const done = probes.filter(({ key, time }) => key.startsWith(stem) || time < now - LEFT_OVER_MS);
  await Promise.all(done.map(({ key }) => store.remove(key)));
}
