/**
 * Frames on their way in. What has arrived of one is kept in a file, so that a cut, a kill or a power failure costs little
 * and the next trip goes on at the next byte. A frame that arrives at one go never touches the disk.
 */
import { createHash, type Hash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Offer, Partial } from '../core/trip-message.ts';
import { type Body, bytesBody, joinBodies } from './body.ts';
import { appendDurably, removeDurably } from './durable.ts';
import { fileBody } from './file-body.ts';
import { frameHash } from './seal.ts';

const NAME = /^(\d{1,16})-([0-9a-f]{16})$/;

/** The file of a frame. */
export const partialName = ({ seq, hash }: Pick<Partial, 'seq' | 'hash'>): string => `${seq}-${hash}`;

export class Partials {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What is held, the lowest number first. */
  async list(): Promise<readonly Partial[]> {
    const partials: Partial[] = [];
    for (const name of await names(this.#folder)) {
      const [, seq, hash = ''] = NAME.exec(name) ?? [];
      if (seq === undefined) continue;
      const { size } = await stat(join(this.#folder, name));
      if (size > 0) partials.push({ seq: Number(seq), hash, held: size });
    }
    return partials.sort((a, b) => a.seq - b.seq);
  }

  /** The frame of an offer, holding its first `start` bytes. What is held of another with its number goes. */
  async open({ seq, hash, start }: Offer): Promise<Frame> {
    const keep = start > 0 ? partialName({ seq, hash }) : undefined;
    await this.#drop((name) => name.startsWith(`${seq}-`) && name !== keep);
    const frame = new Frame(join(this.#folder, partialName({ seq, hash })));
    if (start > 0) await frame.goOn(start);
    return frame;
  }

  /** Frames that their sender has settled otherwise. The directory's, 0, stay until another comes. */
  async dropBelow(floor: number): Promise<void> {
    await this.#drop((name) => {
      const seq = Number(NAME.exec(name)?.[1] ?? 0);
      return seq > 0 && seq < floor;
    });
  }

  /** Frames that have not grown since then, Unix milliseconds of this machine: nobody will go on with them. */
  async dropOlder(time: number): Promise<void> {
    for (const name of await names(this.#folder)) {
      const path = join(this.#folder, name);
      if ((await stat(path)).mtimeMs < time) await removeDurably(path);
    }
  }

  async #drop(chosen: (name: string) => boolean): Promise<void> {
    for (const name of await names(this.#folder)) if (chosen(name)) await removeDurably(join(this.#folder, name));
  }
}

async function names(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Held in memory at most; and for how long, where bytes trickle. */
const MEMORY_BYTES_MAX = 65_536;
const MEMORY_MS_MAX = 5_000;

/** One frame while its bytes come in. */
export class Frame {
  readonly #path: string;
  readonly #hash: Hash = createHash('sha256');
  #inFile = 0;
  #memory: Uint8Array[] = [];
  #inMemory = 0;
  #since = performance.now();

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes up what the file holds. */
  async goOn(start: number): Promise<void> {
    for await (const chunk of fileBody(this.#path, start).read()) this.#hash.update(chunk);
    this.#inFile = start;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#memory.push(Buffer.from(bytes));
    this.#inMemory += bytes.length;
    if (this.#inMemory >= MEMORY_BYTES_MAX || performance.now() - this.#since > MEMORY_MS_MAX) await this.keep();
  }

  /** Puts what has come on disk. */
  async keep(): Promise<void> {
    const bytes = Buffer.concat(this.#memory);
    this.#memory = [];
    this.#inMemory = 0;
    this.#since = performance.now();
    if (bytes.length === 0) return;
    await appendDurably(this.#path, bytes);
    this.#inFile += bytes.length;
  }

  /** To be asked once, when it is whole. */
  hash(): string {
    return frameHash(this.#hash.digest('hex'));
  }

  get body(): Body {
    return joinBodies(fileBody(this.#path, this.#inFile), bytesBody(Buffer.concat(this.#memory)));
  }

  async drop(): Promise<void> {
    if (this.#inFile > 0) await removeDurably(this.#path);
  }
}
