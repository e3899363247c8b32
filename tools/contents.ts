/** What a bundle is made of: the packages whose files went into it, with their versions. The lists in infra/contents are under review. */
import { readFile } from 'node:fs/promises';
import { ROOT } from './project.ts';

/** `inputs`: paths of source files as esbuild names them. The folders of packages, sorted. */
export const packageFolders = (inputs: readonly string[]): readonly string[] =>
  [...new Set(inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []))].sort();

/** One line for each package: `undici 8.13.1`. */
export async function contentsOf(inputs: readonly string[]): Promise<string> {
  const lines = await Promise.all(
    packageFolders(inputs).map(async (folder) => {
      const text = await readFile(`${ROOT}${folder}/package.json`, 'utf8');
      const { name, version } = JSON.parse(text) as { readonly name: string; readonly version: string };
      return `${name} ${version}\n`;
    }),
  );
  return [...new Set(lines)].sort().join('');
}
