/** The folder of a store as a whole: whose it is, and what processes that are gone have left in it. */
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, onDisk } from './disk-error.ts';
import { createDurably, makeFolder, removeDurably } from './durable.ts';
import { StoreError } from './store.ts';
import { writerIsGone } from './writer.ts';

export type Owner = 'hub' | 'agent';

/** Where files are written before they get their names. */
export const TEMPS = join('tmp', 'put');
const MARK = '.owner';

/** Makes and marks the folder, or makes sure that it is this owner's; then clears away what nobody writes any more. */
export async function prepareRoot(root: string, owner: Owner): Promise<void> {
  await makeFolder(root);
  await makeFolder(join(root, TEMPS));
  await claim(root, owner);
  await removeLeftOvers(root);
  await removeLeftOvers(join(root, TEMPS));
}

/** Mode 700 at first; an operator who opens it to a mail server's group later has his reasons. */
async function claim(root: string, owner: Owner): Promise<void> {
  const mark = join(root, MARK);
  const isNew = await createDurably(mark, Buffer.from(`fieldpost ${owner}\n`));
  if (isNew) return onDisk(`set the mode of ${root}`, () => chmod(root, 0o700));
  await checkOwner(root, owner);
}

/** Throws StoreError for a folder that is not there, not marked, or another's. */
export async function checkOwner(root: string, owner: Owner): Promise<void> {
  const mark = join(root, MARK);
  const found = (await onDisk(`read ${mark}`, () => readFile(mark, 'utf8'))).trim();
  if (found === `fieldpost ${owner}`) return;
  throw new StoreError(
    `${root} belongs to "${found}" (its file ${MARK} says so); give the ${owner} a folder of its own`,
  );
}

/** Temporary files: their names begin with a dot and end in their writer. */
async function removeLeftOvers(folder: string): Promise<void> {
  for (const name of await onDisk(`look through ${folder}`, () => readdir(folder))) {
    const [, writer] = /^\..*,([0-9a-f.]+)$/.exec(name) ?? [];
    if (writer !== undefined && (await isAbandoned(join(folder, name), writer)))
      await removeDurably(join(folder, name));
  }
}

/** Whether nobody is going to finish that file. */
export async function isAbandoned(path: string, writer: string): Promise<boolean> {
  return onDisk(`look at ${path}`, async () => {
    try {
      return writerIsGone(writer, Date.now() - (await stat(path)).mtimeMs);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    }
  });
}
