/** A disk of a few megabytes, to be filled up by a test. Needs root, to mount one. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const mount = (...args: readonly string[]): boolean => spawnSync('/bin/mount', args).status === 0;

/** `size`: `1m`. */
export const mountDisk = (folder: string, size: string): boolean =>
  mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder);

/** `ro`, `size=64m`. */
export const remountDisk = (folder: string, options: string): boolean => mount('-o', `remount,${options}`, folder);

export const unmountDisk = (folder: string): void => void spawnSync('/bin/umount', ['-l', folder]);

export const canMount = ((): boolean => {
  if (process.getuid?.() !== 0) return false;
  const probe = join(tmpdir(), `fieldpost-mount-${process.pid}`);
  mkdirSync(probe);
  const works = mountDisk(probe, '1m');
  if (works) unmountDisk(probe);
  rmdirSync(probe);
  return works;
})();
