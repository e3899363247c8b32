/**
 * node:fs/promises for paths below /sim/: the disks of simulated machines. `/sim/herat~7/data` is what process 7, on the
 * machine herat, sees of it: a process that is dead does nothing any more, whichever work of it still waits.
 */

import { around } from './around.ts';
import { FileNode, FolderNode, type Node, unlinked } from './disk.ts';
import { currentProcess, Killed, type Process } from './simulation.ts';

const SIM = '/sim/';

export const isSimulated = (path: unknown): boolean =>
  typeof path === 'string' && (path.startsWith(SIM) || path.startsWith('/proc/'));

/** What the kernel says. */
function ofKernel(path: string): string {
  if (path === '/proc/sys/kernel/random/boot_id')
    return `00000000-0000-4000-8000-${String(currentProcess()?.machine.boots ?? 0).padStart(12, '0')}\n`;
  throw fault('ENOENT', path);
}

/** Where a process finds its machine's disk. */
export const diskPath = ({ machine, pid }: Process, path = ''): string =>
  `${SIM}${machine.name}~${pid}.${around().simulation.serial}/${path}`;

/** The path without what differs from one run of a world to another. */
const lasting = (path: string): string =>
  path.replace(/^(\/sim\/[a-z]+~\d+)\.\d+/, '$1').replace(/\.(\w+)\.\d+,0{12}\./, '.$1.,');

/** A system call's error. Many are answers rather than failures, so where it came from is not looked up. */
function fault(code: string, path: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${code}: ${path}`), { code });
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}

interface Place {
  readonly process: Process;
  readonly parts: readonly string[];
  readonly path: string;
}

function placeOf(path: string): Place {
  const [, , where = '', ...parts] = path.split('/');
  const process = around().simulation.processes.get(Number(/~(\d+)/.exec(where)?.[1]));
  if (!process) throw new Error(`${path} is on no machine`);
  return { process, parts: parts.filter((part) => part !== ''), path };
}

function find({ process, parts, path }: Place): Node {
  let node: Node = process.machine.disk.root;
  for (const part of parts) {
    if (!(node instanceof FolderNode)) throw fault('ENOTDIR', path);
    const next = node.entries.get(part);
    if (!next) throw fault('ENOENT', path);
    node = next;
  }
  return node;
}

function folderOf(place: Place): FolderNode {
  const folder = find({ ...place, parts: place.parts.slice(0, -1) });
  if (folder instanceof FolderNode) return folder;
  throw fault('ENOTDIR', place.path);
}

const nameOf = ({ parts }: Place): string => parts.at(-1) ?? '';

/** Most calls answer from memory; some wait, so that what runs side by side meets in every order. */
const WAITS = 0.15;

async function pass({ process, path }: Place, what: string): Promise<void> {
  const { simulation, faults } = around();
  if (!process.alive) throw new Killed(`${process.machine.name} was killed`);
  if (simulation.delays.one(WAITS)) await simulation.wait(faults.delay(0.05, 8));
  if (!process.alive) throw new Killed(`${process.machine.name} was killed`);
  simulation.note(`${what} ${lasting(path)}`);
}

async function reading<T>(path: string, act: (place: Place) => T): Promise<T> {
  const place = placeOf(path);
  await pass(place, 'r');
  return act(place);
}

async function writing<T>(path: string, act: (place: Place) => T): Promise<T> {
  const place = placeOf(path);
  await pass(place, 'w');
  const { faults } = around();
  const strike = faults.ofWrite();
  if (strike) place.process.troubles.push(around().simulation.now);
  if (strike === 'fails') throw fault('EIO', path);
  if (strike === 'killed before' || strike === 'cut before') throw around().die(place.process, strike);
  const result = act(place);
  if (strike === 'fails, done') throw fault('EIO', path);
  if (strike === 'killed after' || strike === 'cut after') throw around().die(place.process, strike);
  return result;
}

function assertRoom({ process, path }: Place): void {
  if (process.machine.disk.full) throw fault('ENOSPC', path);
}

class Handle {
  readonly #path: string;
  readonly #node: Node;

  constructor(path: string, node: Node) {
    this.#path = path;
    this.#node = node;
  }

  get #file(): FileNode {
    if (this.#node instanceof FileNode) return this.#node;
    throw fault('EISDIR', this.#path);
  }

  write(bytes: Uint8Array, offset = 0, length = bytes.length - offset): Promise<{ readonly bytesWritten: number }> {
    return writing(this.#path, (place) => {
      assertRoom(place);
      const file = this.#file;
      file.data = Buffer.concat([file.data, bytes.subarray(offset, offset + length)]);
      file.mtimeMs = around().simulation.clock();
      return { bytesWritten: length };
    });
  }

  sync(): Promise<void> {
    return writing(this.#path, () => {
      if (this.#node instanceof FolderNode) this.#node.sync();
      else this.#node.synced = this.#node.data;
    });
  }

  read(
    buffer: Uint8Array,
    from: number | { readonly position: number } = 0,
    length = buffer.length,
    position = 0,
  ): Promise<{ readonly bytesRead: number }> {
    return reading(this.#path, () => {
      const [at, start] = typeof from === 'number' ? [from, position] : [0, from.position];
      const part = this.#file.data.subarray(start, start + Math.min(length, buffer.length - at));
      buffer.set(part, at);
      return { bytesRead: part.length };
    });
  }

  stat(): Promise<Stat> {
    return reading(this.#path, () => statOf(this.#node));
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface Stat {
  readonly ino: number;
  readonly mode: number;
  readonly size: number;
  readonly mtimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

const statOf = (node: Node): Stat => ({
  ino: node.ino,
  mode: node.mode,
  size: node instanceof FileNode ? node.data.length : 0,
  mtimeMs: node.mtimeMs,
  ...kindOf(node),
});

const kindOf = (node: Node) => ({
  isFile: () => node instanceof FileNode,
  isDirectory: () => node instanceof FolderNode,
});

function make(place: Place, { flags, mode }: { readonly flags: string; readonly mode: number }): Node {
  const folder = folderOf(place);
  const name = nameOf(place);
  const there = folder.entries.get(name);
  if (there && flags === 'wx') throw fault('EEXIST', place.path);
  if (there) return there;
  assertRoom(place);
  const file = new FileNode(mode);
  file.mtimeMs = around().simulation.clock();
  folder.entries.set(name, file);
  return file;
}

function makeFolders(place: Place, mode: number): string | undefined {
  let folder = place.process.machine.disk.root;
  let first: string | undefined;
  place.parts.forEach((part, index) => {
    const there = folder.entries.get(part);
    if (there instanceof FileNode) throw fault('EEXIST', place.path);
    if (!there) {
      assertRoom(place);
      first ??= diskPath(place.process, place.parts.slice(0, index + 1).join('/'));
    }
    const next = there ?? new FolderNode(mode);
    folder.entries.set(part, next);
    folder = next;
  });
  return first;
}

function rename(from: Place, to: Place): void {
  const [source, target] = [folderOf(from), folderOf(to)];
  if (!source.entries.has(nameOf(from))) throw fault('ENOENT', from.path);
  source.moveTo(nameOf(from), target, nameOf(to));
}

function unlink(place: Place): void {
  const folder = folderOf(place);
  const node = folder.entries.get(nameOf(place));
  if (!node) throw fault('ENOENT', place.path);
  folder.entries.delete(nameOf(place));
  unlinked(node);
}

const namesIn = (place: Place): readonly (readonly [string, Node])[] => {
  const folder = find(place);
  if (folder instanceof FolderNode) return [...folder.entries];
  throw fault('ENOTDIR', place.path);
};

/** What the programs call of node:fs/promises. */
export const simulatedFiles = {
  open: (path: string, flags = 'r', mode = 0o600): Promise<Handle> =>
    flags === 'r'
      ? reading(path, (place) => new Handle(path, find(place)))
      : writing(path, (place) => new Handle(path, make(place, { flags, mode }))),
  mkdir: (path: string, { mode = 0o700 }: { readonly mode?: number } = {}): Promise<string | undefined> =>
    writing(path, (place) => makeFolders(place, mode)),
  rename: (from: string, to: string): Promise<void> => writing(from, (place) => rename(place, placeOf(to))),
  link: (from: string, to: string): Promise<void> =>
    writing(from, (place) => {
      const target = placeOf(to);
      const folder = folderOf(target);
      if (folder.entries.has(nameOf(target))) throw fault('EEXIST', to);
      folder.entries.set(nameOf(target), find(place));
    }),
  unlink: (path: string): Promise<void> => writing(path, unlink),
  rm: (path: string): Promise<void> =>
    writing(path, (place) => {
      if (folderOf(place).entries.has(nameOf(place))) unlink(place);
    }),
  readdir: (path: string, { withFileTypes = false }: { readonly withFileTypes?: boolean } = {}): Promise<unknown> =>
    reading(path, (place) => namesIn(place).map(([name, node]) => (withFileTypes ? { name, ...kindOf(node) } : name))),
  opendir: (path: string): Promise<unknown> =>
    reading(path, (place) => {
      const entries = namesIn(place).map(([name, node]) => ({ name, ...kindOf(node) }));
      return (async function* () {
        yield* entries;
      })();
    }),
  stat: (path: string): Promise<Stat> => reading(path, (place) => statOf(find(place))),
  readFile: async (path: string, encoding?: BufferEncoding): Promise<Buffer | string> =>
    path.startsWith('/proc/')
      ? ofKernel(path)
      : reading(path, (place) => {
          const file = find(place);
          if (!(file instanceof FileNode)) throw fault('EISDIR', path);
          return encoding ? file.data.toString(encoding) : Buffer.from(file.data);
        }),
  chmod: async (): Promise<void> => undefined,
  /** Of the machine, whichever process asks. */
  realpath: async (path: string): Promise<string> => path.replace(/~[\d.]+\//, '/'),
};
