/**
 * A file of a folder store as a body. A waiting body holds no file open: each reading opens the file anew and makes sure
 * that it is still the same one. A mail program may move a mail from new/ to cur/, or set a flag in its name, between two
 * readings; then it is found again by the part of its name that stays.
 */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Body } from './body.ts';
import { errorCode, onDisk } from './disk-error.ts';
import { StoreError } from './store.ts';

/** Read at once when the file is opened, so that most files are opened once. */
const FIRST_BYTES = 65_536;
const CHUNK_BYTES = 262_144;

interface Identity {
  readonly inode: number;
  readonly size: number;
  readonly time: number;
}

/** Undefined when there is no such file. */
export async function openStored(path: string): Promise<Body | undefined> {
  const file = await openIfThere(path);
  if (!file) return undefined;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return undefined;
    const first = await readFully(file, path, { start: 0, end: Math.min(FIRST_BYTES, stat.size) });
    return new StoredFile(path, { inode: stat.ino, size: stat.size, time: stat.mtimeMs }, first);
  } finally {
    await file.close();
  }
}

class StoredFile implements Body {
  readonly #path: string;
  readonly #identity: Identity;
  readonly #first: Uint8Array;

  constructor(path: string, identity: Identity, first: Uint8Array) {
    this.#path = path;
    this.#identity = identity;
    this.#first = first;
  }

  get size(): number {
    return this.#identity.size;
  }

  async *read(start = 0, end = this.size): AsyncGenerator<Uint8Array> {
    const known = this.#first.subarray(start, end);
    if (known.length > 0) yield known;
    const from = Math.max(start, this.#first.length);
    if (from < Math.min(end, this.size)) yield* this.#readFile(from, Math.min(end, this.size));
  }

  async *#readFile(start: number, end: number): AsyncGenerator<Uint8Array> {
    const file = await onDisk(`read ${this.#path}`, () => this.#open());
    try {
      for (let at = start; at < end; at += CHUNK_BYTES)
        yield await onDisk(`read ${this.#path}`, () =>
          readFully(file, this.#path, { start: at, end: Math.min(end, at + CHUNK_BYTES) }),
        );
    } finally {
      await file.close();
    }
  }

  async #open(): Promise<FileHandle> {
    for (const path of [this.#path, ...(await movedPaths(this.#path))]) {
      const file = await openIfThere(path);
      if (file && (await isFile(file, this.#identity))) return file;
      await file?.close();
    }
    throw new StoreError(`${this.#path} has been removed or replaced since it was opened; ask for it again`);
  }
}

async function isFile(file: FileHandle, { inode, size, time }: Identity): Promise<boolean> {
  const stat = await file.stat();
  return stat.ino === inode && stat.size === size && stat.mtimeMs === time;
}

/** Where a mail program may have put a file of a Maildir. */
async function movedPaths(path: string): Promise<readonly string[]> {
  const folder = dirname(path);
  if (!/^(?:new|cur)$/.test(basename(folder))) return [];
  const [unique = ''] = basename(path).split(':2,');
  const cur = join(dirname(folder), 'cur');
  return (await namesIn(cur)).filter((name) => name.startsWith(`${unique}:2,`)).map((name) => join(cur, name));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function readFully(file: FileHandle, path: string, part: { start: number; end: number }): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(part.end - part.start);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, part.start + at);
    if (bytesRead === 0) throw new StoreError(`${path} became shorter while it was read`);
    at += bytesRead;
  }
  return bytes;
}
