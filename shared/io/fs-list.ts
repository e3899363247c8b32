/**
 * The listing of a folder store: keys at any depth, sorted by bytes. A folder's names come from the system in no order,
 * and there may be a hundred thousand, so each pass over it keeps the next few in order; the next pass goes on after
 * them.
 */
import type { Dir, Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorCode } from './disk-error.ts';
import { isSegment } from './store-key.ts';

export interface FoundFile {
  readonly key: string;
  readonly path: string;
}

interface Walk {
  /** Only keys after this one; '' for all. */
  readonly after: string;
  /** Names that a pass keeps: what the caller wants of one page. */
  readonly pass: number;
}

/** Files below `folder`, whose keys begin with `prefix`. A folder that is not there has none. */
export async function* walkFiles(folder: string, prefix: string, { after, pass }: Walk): AsyncGenerator<FoundFile> {
  for (let last: string | undefined; ; ) {
    const names = await nextNames(
      folder,
      pass,
      (name) => isAhead(prefix, name, after) && (last === undefined || name > last),
    );
    for (const name of names) {
      if (!name.endsWith('/')) yield { key: prefix + name, path: join(folder, name) };
      else yield* walkFiles(join(folder, name), prefix + name, { after, pass });
    }
    if (names.length < pass) return;
    last = names.at(-1);
  }
}

/** Whether a file comes after the key, or a folder (its name ends in `/`) may hold one that does. */
const isAhead = (prefix: string, name: string, after: string): boolean =>
  prefix + name > after || (name.endsWith('/') && after.startsWith(prefix + name));

/** The first `count` names in order that `wanted` lets pass; folders' end in `/`, which is how keys sort. */
async function nextNames(folder: string, count: number, wanted: (name: string) => boolean): Promise<readonly string[]> {
  let names: string[] = [];
  let bound: string | undefined;
  for await (const entry of (await openIfThere(folder)) ?? []) {
    const name = entry.isDirectory() ? `${entry.name}/` : entry.name;
    if (bound !== undefined && name > bound) continue;
    if (!wanted(name) || !mayBeListed(entry)) continue;
    names.push(name);
    if (names.length < 2 * count) continue;
    names = names.sort(byBytes).slice(0, count);
    bound = names.at(-1);
  }
  return names.sort(byBytes).slice(0, count);
}

const byBytes = (a: string, b: string): number => (a < b ? -1 : 1);

/** Not other programs' files, and not the folder of temporary ones: they cannot be part of a key. */
const mayBeListed = (entry: Dirent): boolean => isSegment(entry.name) && (entry.isFile() || entry.isDirectory());

/** Undefined for a folder that was removed while we were on the way to it. */
async function openIfThere(folder: string): Promise<Dir | undefined> {
  try {
    return await opendir(folder, { bufferSize: 1024 });
  } catch (error) {
    if (errorCode(error) === 'EACCES' && basename(folder) === FILE_SYSTEMS_OWN) return undefined;
    if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR') throw error;
    return undefined;
  }
}

/** Where the store is the root of a file system, root has a folder there that nobody else may read. */
const FILE_SYSTEMS_OWN = 'lost+found';
