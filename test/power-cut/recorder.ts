/**
 * Records what this process does to files below some folders: writes, syncs and names, in the order in which they are
 * done. It stands between the code and `node:fs/promises`, which is all that the project writes with.
 */

import type { FileHandle } from 'node:fs/promises';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { resolve } from 'node:path';

export type Operation =
  | { readonly do: 'make'; readonly path: string; readonly file: number }
  | { readonly do: 'write'; readonly file: number; readonly bytes: Buffer }
  /** What had been done when `begun` operations were recorded is durable. */
  | { readonly do: 'sync'; readonly file: number; readonly begun: number }
  | { readonly do: 'sync folder'; readonly path: string; readonly begun: number }
  | { readonly do: 'folder'; readonly path: string }
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  | { readonly do: 'link'; readonly from: string; readonly to: string }
  | { readonly do: 'remove'; readonly path: string }
  /** Not the disk's: what the code has promised by now. */
  | { readonly do: 'say'; readonly text: string };

type Fs = typeof import('node:fs/promises');

const fs = createRequire(import.meta.url)('node:fs/promises') as { -readonly [Name in keyof Fs]: Fs[Name] };

export class Recorder {
  readonly operations: Operation[] = [];
  readonly #folders: readonly string[];
  readonly #real = { ...fs };
  #files = 0;

  private constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** From now on; `stop` ends it. */
  static start(folders: readonly string[]): Recorder {
    const recorder = new Recorder(folders);
    recorder.#replace();
    return recorder;
  }

  stop(): void {
    Object.assign(fs, this.#real);
    syncBuiltinESMExports();
  }

  say(text: string): void {
    this.operations.push({ do: 'say', text });
  }

  #replace(): void {
    const real = this.#real;
    const { operations } = this;
    const path = (value: unknown): string => resolve(String(value));
    const isOurs = (value: unknown): boolean =>
      this.#folders.some((folder) => path(value).startsWith(`${folder}/`) || path(value) === folder);
    fs.open = (async (name, flags = 'r', mode) => {
      const handle = await real.open(name, flags, mode);
      if (isOurs(name)) await this.#watch(handle, path(name), String(flags));
      return handle;
    }) as Fs['open'];
    fs.rename = async (from, to) => {
      await real.rename(from, to);
      if (isOurs(to)) operations.push({ do: 'rename', from: path(from), to: path(to) });
    };
    fs.link = async (from, to) => {
      await real.link(from, to);
      if (isOurs(to)) operations.push({ do: 'link', from: path(from), to: path(to) });
    };
    fs.unlink = async (name) => {
      await real.unlink(name);
      if (isOurs(name)) operations.push({ do: 'remove', path: path(name) });
    };
    fs.rm = async (name, options) => {
      await real.rm(name, options);
      if (isOurs(name)) operations.push({ do: 'remove', path: path(name) });
    };
    fs.mkdir = (async (name: string, options?: { recursive?: boolean }) => {
      const first = (await real.mkdir(name, options)) as string | undefined;
      if (isOurs(name) && (first !== undefined || !options?.recursive))
        operations.push({ do: 'folder', path: path(name) });
      return first;
    }) as Fs['mkdir'];
    syncBuiltinESMExports();
  }

  async #watch(handle: FileHandle, path: string, flags: string): Promise<void> {
    const { operations } = this;
    const real = { write: handle.write.bind(handle), sync: handle.sync.bind(handle) };
    if (flags === 'r') {
      handle.sync = async () => {
        const begun = operations.length;
        await real.sync();
        operations.push({ do: 'sync folder', path, begun });
      };
      return;
    }
    const file = ++this.#files;
    // A file that is there is opened to be gone on with: under its name it has the number that it got then.
    operations.push({ do: 'make', path, file });
    handle.write = (async (chunk: Uint8Array, at?: number, length?: number) => {
      const done = await real.write(chunk, at, length);
      operations.push({
        do: 'write',
        file,
        bytes: Buffer.from(chunk.subarray(at ?? 0, (at ?? 0) + done.bytesWritten)),
      });
      return done;
    }) as FileHandle['write'];
    handle.sync = async () => {
      const begun = operations.length;
      await real.sync();
      operations.push({ do: 'sync', file, begun });
    };
  }
}
