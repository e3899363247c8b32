/** What the house rules look at: tracked files, and what each source imports. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { ROOT } from '../../tools/project.ts';

export interface Source {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  /** Paths from the root for our own files, else package or `node:` names. */
  readonly imports: readonly string[];
}

/** Files that git knows, and new ones that it does not ignore. */
export function trackedFiles(...patterns: readonly string[]): readonly string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const listed = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  return listed.split('\0').filter((path) => path !== '' && existsSync(join(ROOT, path)));
}

export const readTracked = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*'([^']+)'|(?:^|\n)\s*import\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g;

export function sources(...patterns: readonly string[]): readonly Source[] {
  return trackedFiles(...patterns).map((path) => {
    const text = readTracked(path);
    return { path, text, imports: importsOf(path, text) };
  });
}

export function importsOf(path: string, text: string): readonly string[] {
  const names = [...text.matchAll(IMPORT)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '');
  return names.map((name) => (name.startsWith('.') ? normalize(join(dirname(path), name)) : name));
}

/** Code without comments, so that a rule's own words in a comment do not break it. */
export const codeOf = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[\s;{}(,])\/\/[^\n]*/g, '$1');
