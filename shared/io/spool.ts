/**
 * Bytes on their way in, of a length that nobody knows yet: up to 256 KB wait in memory, more in a file of the spool
 * folder. They are hashed on the way. Nothing here is durable, and nothing here is trusted after a restart.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Body, bytesBody } from './body.ts';
import { makeFolder, openSpoolFile, removeDurably, type SpoolFile } from './durable.ts';
import { fileBody } from './file-body.ts';
import { writerIsGone, writerToken } from './writer.ts';

/** A mail in hand holds at most this much memory. */
export const SPOOL_MEMORY_BYTES = 262_144;
const FIRST_MEMORY_BYTES = 4_096;

/** More bytes than the door takes. */
export class SpoolFull extends Error {}

export interface Spooled {
  readonly body: Body;
  /** SHA-256 of it, hex. */
  readonly hash: string;
  /** The body must not be read any more. */
  discard(): Promise<void>;
}

export class Spool {
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #hash = createHash('sha256');
  #memory = Buffer.allocUnsafeSlow(FIRST_MEMORY_BYTES);
  #inMemory = 0;
  #inFile = 0;
  #file: SpoolFile | undefined;
  #path: string | undefined;

  constructor({ folder, bytesMax }: { readonly folder: string; readonly bytesMax: number }) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
  }

  get size(): number {
    return this.#inFile + this.#inMemory;
  }

  /** Takes a copy: a small slice would keep the whole buffer of a socket in memory. Throws SpoolFull. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.size + chunk.length > this.#bytesMax)
      throw new SpoolFull(`the mail is larger than ${this.#bytesMax} bytes`);
    this.#hash.update(chunk);
    if (this.#inMemory + chunk.length > SPOOL_MEMORY_BYTES) await this.#flush();
    if (chunk.length > SPOOL_MEMORY_BYTES) await this.#append(chunk);
    else this.#keep(chunk);
  }

  /** Ends the writing; to be called once. */
  async finish(): Promise<Spooled> {
    if (this.#path) await this.#flush();
    await this.#close();
    const body = this.#path ? fileBody(this.#path, this.#inFile) : bytesBody(this.#memory.subarray(0, this.#inMemory));
    return { body, hash: this.#hash.digest('hex'), discard: () => this.discard() };
  }

  /** Forgets all. May be called at any time, and again. */
  async discard(): Promise<void> {
    await this.#close();
    const path = this.#path;
    this.#path = undefined;
    if (path) await removeDurably(path);
  }

  #keep(chunk: Uint8Array): void {
    const size = this.#inMemory + chunk.length;
    if (size > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(SPOOL_MEMORY_BYTES, Math.max(size, this.#memory.length * 2)));
      this.#memory.copy(larger, 0, 0, this.#inMemory);
      this.#memory = larger;
    }
    this.#memory.set(chunk, this.#inMemory);
    this.#inMemory = size;
  }

  async #flush(): Promise<void> {
    const bytes = this.#memory.subarray(0, this.#inMemory);
    this.#inMemory = 0;
    if (bytes.length > 0) await this.#append(bytes);
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#path ??= join(this.#folder, `${randomUUID()},${writerToken()}`);
    this.#file ??= await openSpoolFile(this.#path);
    await this.#file.write(bytes);
    this.#inFile += bytes.length;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

/** Makes the spool folder, and removes what programs that are gone have left in it. */
export async function emptySpool(folder: string): Promise<void> {
  await makeFolder(folder);
  for (const name of await readdir(folder)) {
    const [, writer] = name.split(',');
    const path = join(folder, name);
    if (writer !== undefined && writerIsGone(writer, await ageMs(path))) await removeDurably(path);
  }
}

async function ageMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    // Another program that runs here has just dropped its own.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
