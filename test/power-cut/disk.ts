/**
 * What is on a disk after a power cut, by what was done before it. Bytes of a file are there for sure when the file was synced,
 * names when their folder was, each since before that sync began. All else may be there or not, in any choice: a seed chooses.
 * A rename happens whole or not at all, as every journalling file system has it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Chance } from '../torture/chance.ts';
import type { Operation } from './recorder.ts';

interface File {
  /** Whole, as the process sees it. */
  readonly chunks: Buffer[];
  /** How many of them are durable. */
  durable: number;
}

/** A change of names: all of it or nothing. */
interface Change {
  readonly at: number;
  readonly names: readonly (readonly [path: string, file: File | 'folder' | undefined])[];
  isDurable: boolean;
}

export interface Leaving {
  /** Whether this disk loses its power; else only its processes end. */
  readonly isCut: boolean;
  /** Undefined: nothing is left but what is durable. */
  readonly chance?: Chance | undefined;
  /** What becomes of names and contents. */
  text(bytes: Buffer): Buffer;
}

/** Names and files after the first `count` operations. */
export class Disk {
  readonly #changes: Change[] = [];
  readonly #files = new Map<number, File>();
  readonly #names = new Map<string, File | 'folder'>();

  constructor(operations: readonly Operation[], count: number) {
    for (let at = 0; at < count; at++) this.#do(operations[at] as Operation, at);
  }

  #do(operation: Operation, at: number): void {
    switch (operation.do) {
      case 'make': {
        const there = this.#names.get(operation.path);
        const file: File = typeof there === 'object' ? there : { chunks: [], durable: 0 };
        this.#files.set(operation.file, file);
        if (typeof there !== 'object') this.#change(at, [[operation.path, file]]);
        return;
      }
      case 'write':
        this.#files.get(operation.file)?.chunks.push(operation.bytes);
        return;
      case 'sync': {
        const file = this.#files.get(operation.file);
        // Nobody writes to a file while it is synced here, so all of it is.
        if (file) file.durable = file.chunks.length;
        return;
      }
      case 'sync folder':
        for (const change of this.#changes)
          if (change.at < operation.begun && change.names.some(([path]) => dirname(path) === operation.path))
            change.isDurable = true;
        return;
      case 'folder':
        for (const path of missing(this.#names, operation.path)) this.#change(at, [[path, 'folder']]);
        return;
      case 'rename': {
        const file = this.#names.get(operation.from);
        if (file)
          this.#change(at, [
            [operation.from, undefined],
            [operation.to, file],
          ]);
        return;
      }
      case 'link': {
        const file = this.#names.get(operation.from);
        if (file) this.#change(at, [[operation.to, file]]);
        return;
      }
      case 'remove':
        if (this.#names.has(operation.path)) this.#change(at, [[operation.path, undefined]]);
        return;
      default:
    }
  }

  #change(at: number, names: Change['names']): void {
    this.#changes.push({ at, names, isDurable: false });
    for (const [path, file] of names) {
      if (file) this.#names.set(path, file);
      else this.#names.delete(path);
    }
  }

  /** Writes what is left below `from` to `to`. */
  async leave(from: string, to: string, { chance, isCut, text }: Leaving): Promise<void> {
    const names = new Map<string, File | 'folder'>();
    for (const { names: changed, isDurable } of this.#changes) {
      if (isCut && !isDurable && (chance === undefined || chance.next() < 0.5)) continue;
      for (const [path, file] of changed) {
        if (file) names.set(path, file);
        else names.delete(path);
      }
    }
    await mkdir(to, { recursive: true });
    for (const [path, file] of names) {
      if (!`${path}/`.startsWith(`${from}/`)) continue;
      // A file in a folder that is not there any more is not there.
      if (!isReachable(names, from, path)) continue;
      const target = join(to, text(Buffer.from(relative(from, path))).toString());
      if (file === 'folder') await mkdir(target, { recursive: true, mode: 0o700 });
      else {
        await mkdir(dirname(target), { recursive: true, mode: 0o700 });
        await writeFile(target, text(bytesLeft(file, isCut, chance)), { mode: 0o600 });
      }
    }
  }
}

/** Folders that are made with it, the outer ones first. */
function missing(names: ReadonlyMap<string, unknown>, folder: string): readonly string[] {
  return names.has(folder) || folder === '/' ? [] : [...missing(names, dirname(folder)), folder];
}

function isReachable(names: ReadonlyMap<string, File | 'folder'>, root: string, path: string): boolean {
  for (let folder = dirname(path); folder.length > root.length; folder = dirname(folder))
    if (names.get(folder) !== 'folder') return false;
  return true;
}

/** Of what was not synced: nothing, some of it, or zeros in its place. */
function bytesLeft({ chunks, durable }: File, isCut: boolean, chance: Chance | undefined): Buffer {
  if (!isCut) return Buffer.concat(chunks);
  const sure = Buffer.concat(chunks.slice(0, durable));
  if (!chance) return sure;
  const rest = Buffer.concat(chunks.slice(durable));
  const part = rest.subarray(0, Math.floor(chance.next() * (rest.length + 1)));
  return Buffer.concat([sure, chance.next() < 0.3 ? Buffer.alloc(part.length) : part]);
}
