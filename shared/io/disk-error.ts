/** What a disk's error means, and what to do about it. */
import { StoreError } from './store.ts';

const MEANINGS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space on it',
  EDQUOT: "this user's disk quota is used up; free some space or raise it",
  EROFS: 'the file system is read-only; see dmesg for disk errors, then mount it writable',
  EACCES: 'this user has no right to it; see owner and mode of the folder',
  EPERM: 'this user has no right to it; see owner and mode of the folder',
  EIO: 'the disk fails; see dmesg, and save what it holds',
  EMFILE: 'this program has too many files open; raise its limit (LimitNOFILE)',
  ENFILE: 'this machine has too many files open; raise fs.file-max',
  ENAMETOOLONG: 'the name is too long for this file system',
  EXDEV: 'it lies on another file system than the folder of the store; keep both on one',
  ENOENT: 'it is not there; somebody removed the file or its folder',
  EEXIST: 'a file stands where a folder should be; move it away',
  ENOTDIR: 'a file stands where a folder should be; move it away',
  EISDIR: 'a folder stands where a file should be; move it away',
  ESTALE: 'the network file system lost it; mount it again',
};

/** The code of a system call's error; undefined for any other error. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** Does `work`; a system call's error becomes a StoreError that says what could not be done, why, and the remedy. */
export async function onDisk<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    const meaning = MEANINGS[code] ?? 'the system refuses it';
    throw new StoreError(`cannot ${what}: ${meaning} (${code})`, { cause: error });
  }
}
