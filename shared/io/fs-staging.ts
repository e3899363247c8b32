/**
 * Values of a folder store that wait to be published: files `KEY,WRITER` below a folder of their own. Publishing is a
 * rename, so it happens once: who finds nothing staged has nothing to do.
 */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { errorCode, onDisk } from './disk-error.ts';
import { removeDurably } from './durable.ts';
import { isAbandoned } from './fs-root.ts';
import { writerState, writerToken } from './writer.ts';

export class Staging {
  readonly #folder: string;
  /** Keys that this process has staged and not published. */
  readonly #waiting = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The file that this process stages a key in. */
  enter(key: string): string {
    this.#waiting.add(key);
    return this.#path(key);
  }

  leave(key: string): void {
    this.#waiting.delete(key);
  }

  /** Throws away what this process has staged for a key. */
  async forget(key: string): Promise<void> {
    if (!this.#waiting.has(key)) return;
    await removeDurably(this.#path(key));
    this.leave(key);
  }

  /**
   * The file to publish, if there is one. A writer that is gone may have staged the same key and never come to say yes;
   * that copy is removed first: left behind, the next recovery would publish it after a reader has taken this one.
   */
  async choose(key: string): Promise<string | undefined> {
    const mine = this.#path(key);
    const start = `${basename(key)},`;
    const folder = dirname(mine);
    const paths = (await entries(folder))
      .filter(({ name }) => name.startsWith(start) && isNobodys(name.slice(start.length)))
      .map(({ name }) => join(folder, name))
      .sort((a, b) => Number(b === mine) - Number(a === mine));
    for (const path of paths.slice(1)) await removeDurably(path);
    return paths[0];
  }

  #path(key: string): string {
    return `${join(this.#folder, key)},${writerToken()}`;
  }

  /** Files whose writer is gone, with the key that each was staged for. Few: what was in hand when a process ended. */
  async *abandoned(prefix: string): AsyncGenerator<{ readonly key: string; readonly path: string }> {
    for await (const path of filesBelow(join(this.#folder, prefix))) {
      const comma = path.lastIndexOf(',');
      if (await isAbandoned(path, path.slice(comma + 1)))
        yield { key: relative(this.#folder, path.slice(0, comma)), path };
    }
  }
}

/** Ours to publish: this process's own, or what a process has left that is not known to run. */
const isNobodys = (writer: string): boolean => writer === writerToken() || writerState(writer) !== 'alive';

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for (const entry of await entries(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

function entries(folder: string): Promise<readonly Dirent[]> {
  return onDisk(`look through ${folder}`, async () => {
    try {
      return await readdir(folder, { withFileTypes: true });
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  });
}
