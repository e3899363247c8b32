/** The licences of the packages whose files went into a bundle: their authors ask that these go along. */
import { readdir, readFile } from 'node:fs/promises';
import { packageFolders } from './contents.ts';
import { ROOT } from './project.ts';

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

/** `inputs`: paths of source files as esbuild names them. One text, a section for each package. */
export async function licencesOf(inputs: readonly string[]): Promise<string> {
  const sections = await Promise.all(packageFolders(inputs).map(sectionOf));
  return sections.join(`\n${'-'.repeat(78)}\n`);
}

async function sectionOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(`${ROOT}${folder}/package.json`, 'utf8')) as PackageFile;
  const files = (await readdir(`${ROOT}${folder}`)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const texts = await Promise.all(files.sort().map((file) => readFile(`${ROOT}${folder}/${file}`, 'utf8')));
  return [`${name} ${version}: ${license ?? 'see below'}`, ...texts.map((text) => text.trim())].join('\n\n');
}
