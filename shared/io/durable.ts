/**
 * Every file that this project writes is written here, because the order matters: temporary file, fsync, rename or link,
 * fsync of the folder. What has been written so is whole and stays after a power cut, and a reader sees all or nothing.
 * Spool files are the exception: they are never trusted after a restart, so nothing is synced.
 */
import { type FileHandle, link, mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type Body, bytesBody } from './body.ts';
import { errorCode, onDisk } from './disk-error.ts';
import { StoreError } from './store.ts';
import { writerToken } from './writer.ts';

export interface WriteOptions {
  /** Default 600: mail and keys are nobody else's business. */
  readonly mode?: number;
  /** Where the temporary file goes, on the same file system; default: hidden, beside the file. */
  readonly temp?: string;
}

/** Writes or replaces a file; makes its folder if that is missing. */
export async function writeDurably(
  path: string,
  content: Body | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  await onDisk(`write ${path}`, () =>
    withTemp(path, content, options, async (temp) => {
      await rename(temp, path);
      // The temporary name need not be gone for good: whoever comes later clears it away.
      await syncFolder(dirname(path));
    }),
  );
}

/** Writes or replaces a file whose size is not known before: all of it or nothing. */
export async function writeStreamDurably(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const temp = join(dirname(path), tempName(basename(path)));
  try {
    const file = await onDisk(`write ${path}`, () => openToWrite(temp, 'wx'));
    try {
      // What the source throws is its own affair, not the disk's.
      for await (const chunk of chunks) await onDisk(`write ${path}`, () => writeChunk(file, chunk));
      await onDisk(`write ${path}`, () => file.sync());
    } finally {
      await file.close();
    }
    await renameDurably(temp, path);
  } catch (error) {
    await rm(temp, { force: true });
    throw error;
  }
}

/** Makes a file that was not there: true; or leaves the one that is there alone: false. Of many at once, one hears true. */
export async function createDurably(
  path: string,
  content: Body | Uint8Array,
  options: WriteOptions = {},
): Promise<boolean> {
  return onDisk(`create ${path}`, () =>
    withTemp(path, content, options, async (temp) => {
      const made = await linkNew(temp, path);
      await unlink(temp);
      // Also for one that was there: its maker may not have come to this yet, and the caller now builds on it.
      await syncFolder(dirname(path));
      return made;
    }),
  );
}

/** Replaces what is at `to`. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await onDisk(`rename ${from} to ${to}`, async () => {
    await rename(from, to);
    const folders = new Set([dirname(to), dirname(from)]);
    await Promise.all([...folders].map(syncFolder));
  });
}

/** A file that is not there is fine; its folder is synced all the same, for who removed it may have died before that. */
export async function removeDurably(path: string): Promise<void> {
  await onDisk(`remove ${path}`, async () => {
    await orMissing(unlink(path));
    await orMissing(syncFolder(dirname(path)));
  });
}

async function orMissing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR') throw error;
  }
}

/** Makes a folder and those above it, as far as they are missing. */
export async function makeFolder(path: string, mode = 0o700): Promise<void> {
  await onDisk(`make the folder ${path}`, async () => {
    const first = await mkdir(path, { recursive: true, mode });
    if (first === undefined) return;
    const top = dirname(resolve(first));
    let folder = resolve(path);
    do {
      folder = dirname(folder);
      await syncFolder(folder);
    } while (folder !== top);
  });
}

const syncs = new Map<string, { running: Promise<void>; next?: Promise<void> }>();

/**
 * Makes a folder's names durable. Callers that come while a sync runs share the next one: a sync that has not started
 * serves all of them.
 */
export function syncFolder(path: string): Promise<void> {
  const turn = syncs.get(path);
  if (!turn) return startSync(path);
  turn.next ??= turn.running.then(
    () => startSync(path),
    () => startSync(path),
  );
  return turn.next;
}

function startSync(path: string): Promise<void> {
  const turn: { running: Promise<void>; next?: Promise<void> } = { running: syncNow(path) };
  syncs.set(path, turn);
  const end = (): void => {
    if (turn.next === undefined) syncs.delete(path);
  };
  turn.running.then(end, end);
  return turn.running;
}

async function syncNow(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

let temps = 0;

/** A file name that no other process and no other call uses. */
export const tempName = (name: string): string => `.${name}.${++temps},${writerToken()}`;

async function withTemp<T>(
  path: string,
  content: Body | Uint8Array,
  { mode = 0o600, temp = join(dirname(path), tempName(basename(path))) }: WriteOptions,
  finish: (temp: string) => Promise<T>,
): Promise<T> {
  try {
    await writeSynced(temp, content, mode);
    return await finish(temp);
  } catch (error) {
    await rm(temp, { force: true });
    throw error;
  }
}

async function writeSynced(path: string, content: Body | Uint8Array, mode: number): Promise<void> {
  const body = content instanceof Uint8Array ? bytesBody(content) : content;
  const file = await openToWrite(path, 'wx', mode);
  try {
    const written = await writeAll(file, body.read());
    if (written !== body.size) throw new StoreError(`${path} would have ${written} bytes instead of ${body.size}`);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let written = 0;
  for await (const chunk of chunks) {
    await writeChunk(file, chunk);
    written += chunk.byteLength;
  }
  return written;
}

/** One write may take a part only: at a full disk, for instance, what still fits. */
async function writeChunk(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) {
    const { bytesWritten } = await file.write(chunk, at, chunk.byteLength - at);
    at += bytesWritten;
  }
}

/** A body on its way in. */
export interface SpoolFile {
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** A new file, mode 600. Nothing of it is durable. */
export function openSpoolFile(path: string): Promise<SpoolFile> {
  return onDisk(`write ${path}`, async () => {
    const file = await openToWrite(path, 'wx');
    return {
      write: (chunk) => onDisk(`write ${path}`, () => writeChunk(file, chunk)),
      close: () => file.close(),
    };
  });
}

/** For what arrives in parts over days. After a power cut the file may end in some bytes of a call that did not return. */
export function appendDurably(path: string, bytes: Uint8Array): Promise<void> {
  return onDisk(`write ${path}`, async () => {
    const file = await openToWrite(path, 'a');
    try {
      const { size } = await file.stat();
      await writeChunk(file, bytes);
      await file.sync();
      if (size === 0) await syncFolder(dirname(path));
    } finally {
      await file.close();
    }
  });
}

/** Makes the folder if it is missing. */
async function openToWrite(path: string, flags: 'wx' | 'a', mode = 0o600): Promise<FileHandle> {
  try {
    return await open(path, flags, mode);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    await makeFolder(dirname(path));
    return open(path, flags, mode);
  }
}
