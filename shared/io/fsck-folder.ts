/** What the listing of a store does not show of a folder: names that are no keys, files of other users, what is no file. */
import { chmod, lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, onDisk } from './disk-error.ts';
import type { Fsck } from './fsck.ts';
import { isSegment } from './store-key.ts';

export interface FolderOptions {
  readonly root: string;
  /** Folders (from the root) in which other programs keep files of their own. */
  readonly others: RegExp;
}

/** Files of other users are told one by one up to this. */
const STRANGERS_TOLD = 20;

export async function checkFolder(fsck: Fsck, { root, others }: FolderOptions): Promise<void> {
  const { uid } = await onDisk(`look at ${root}`, () => lstat(root));
  let strangers = 0;
  for await (const { path, name, kind, owner } of walk(root, '', others)) {
    if (owner !== uid) strangers += 1;
    if (owner !== uid && strangers <= STRANGERS_TOLD)
      await fsck.found({
        weight: 'fault',
        key: path,
        text: `it belongs to user ${owner}, and the folder to user ${uid}: chown -R --reference=${root} ${root}`,
      });
    if (kind === 'other') await fsck.found({ weight: 'note', key: path, text: 'neither file nor folder: passed over' });
    else if (!isSegment(name))
      await fsck.found({ weight: 'note', key: path, text: 'no name of ours: nobody reads it' });
  }
  if (strangers > STRANGERS_TOLD)
    await fsck.found({ weight: 'fault', key: root, text: `${strangers - STRANGERS_TOLD} more belong to other users` });
}

interface Walked {
  readonly path: string;
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'other';
  readonly owner: number;
}

/** The store's own marks and temporary files, which its next opening clears away. */
const OWN = /^(?:\.owner|tmp|lost\+found|run\.json|spool)$|^\..*,[0-9a-f.]+$/;

async function* walk(root: string, inner: string, others: RegExp): AsyncGenerator<Walked> {
  for await (const { name } of await opendir(join(root, inner))) {
    const below = inner === '' ? name : `${inner}/${name}`;
    if (OWN.test(name) || others.test(below)) continue;
    const path = join(root, below);
    const stat = await looked(path);
    if (!stat) continue;
    const kind = stat.isDirectory() ? 'folder' : stat.isFile() ? 'file' : 'other';
    yield { path, name, kind, owner: stat.uid };
    if (kind === 'folder' && isSegment(name)) yield* walk(root, below, others);
  }
}

async function looked(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const OTHERS = 0o077;

/** A file that holds a secret. */
export async function checkSecretFile(fsck: Fsck, path: string, lostMeans: string): Promise<void> {
  const stat = await looked(path);
  if (!stat) return fsck.found({ weight: 'fault', key: path, text: `it is not there: ${lostMeans}` });
  if ((stat.mode & OTHERS) === 0) return;
  await fsck.found({
    weight: 'fault',
    key: path,
    text: `others can read it (mode ${(stat.mode & 0o777).toString(8)}): who has read it can speak in your name`,
    remedy: 'mode set to 600; if somebody may have read it, see "A key leaked" in REPAIR.md',
    repair: () => chmod(path, 0o600),
  });
}
