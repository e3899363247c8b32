import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The repository, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

export async function version(): Promise<string> {
  return (JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')) as { version: string }).version;
}
