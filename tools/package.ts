/**
 * `npm run package [-- [--here] FOLDER]`: Debian packages of both programs for each machine type that there is a Node for, with
 * that Node inside, so that an office's laptop needs nothing else; and a tar file of the programs without it, for a machine
 * that has Node. `--here`: for this machine's type alone. Default folder: dist/.
 */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build, PROGRAMS, type ProgramName } from './build.ts';
import { fill, fillTree, put } from './package-tree.ts';
import { ROOT, version } from './project.ts';
import { putRuntime, RUNTIMES } from './runtime.ts';

const DESCRIPTION: Readonly<Record<ProgramName, string>> = {
  hub: 'Fieldpost hub: carries mail between field offices and the Internet',
  agent: 'Fieldpost agent: mail for an office that the Internet does not reach',
};

/** Debian has another program called `hub` (for GitHub). */
const CONFLICTS: Readonly<Record<ProgramName, string>> = { hub: 'Conflicts: hub\n', agent: '' };

async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = files.filter((file) => file.isFile()).map((file) => stat(join(file.parentPath, file.name)));
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
}

/** Works in a folder that is gone afterwards. */
async function inTree<T>(work: (tree: string) => Promise<T>): Promise<T> {
  const tree = await mkdtemp(join(tmpdir(), 'fieldpost-package-'));
  try {
    await chmod(tree, 0o755);
    return await work(tree);
  } finally {
    await rm(tree, { recursive: true });
  }
}

interface Packed {
  readonly file: string;
  /** Bytes on the disk, installed. */
  readonly installed: number;
}

function packProgram(program: ProgramName, architecture: string, folder: string): Promise<Packed> {
  return inTree(async (tree) => {
    const values = { PROGRAM: program, VERSION: await version(), ARCHITECTURE: architecture };
    await putRuntime(architecture, `${tree}/usr/lib/fieldpost-${program}/node`);
    await fillTree(program, tree, values);
    const installed = await sizeOf(tree);
    const more = {
      KILOBYTES: String(Math.ceil(installed / 1024)),
      CONFLICTS: CONFLICTS[program],
      DESCRIPTION: DESCRIPTION[program],
    };
    await put(`${tree}/DEBIAN/control`, await fill('deb/control', { ...values, ...more }));
    for (const script of ['postinst', 'prerm', 'postrm'])
      await put(`${tree}/DEBIAN/${script}`, await fill(`deb/${script}`, values), 0o755);
    const file = join(folder, `fieldpost-${program}_${values.VERSION}_${architecture}.deb`);
    execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '-z6', '--build', tree, file], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return { file, installed };
  });
}

/** Both programs without a runtime: `usr/` as it lies in the packages. */
function packTar(folder: string): Promise<Packed> {
  return inTree(async (tree) => {
    for (const program of PROGRAMS) await fillTree(program, tree, { PROGRAM: program, VERSION: await version() });
    const file = join(folder, `fieldpost_${await version()}.tar.gz`);
    const owner = ['--owner=0', '--group=0', '--sort=name', '--mtime=@0'];
    execFileSync('tar', ['-czf', file, ...owner, '-C', tree, 'usr']);
    return { file, installed: await sizeOf(tree) };
  });
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

async function tell({ file, installed }: Packed): Promise<void> {
  const { size } = await stat(file);
  console.log(`${file}  ${megabytes(size)}, installed ${megabytes(installed)}`);
}

const here = process.argv.includes('--here');
const folder = resolve(process.argv.slice(2).find((word) => !word.startsWith('--')) ?? `${ROOT}dist`);
await mkdir(folder, { recursive: true });
const bundles = await build();
for (const name of PROGRAMS) console.log(`${name}.cjs  ${megabytes(bundles[name])} before compression`);
for (const [architecture, { node }] of Object.entries(RUNTIMES))
  if (!here || node === process.arch)
    for (const program of PROGRAMS) await tell(await packProgram(program, architecture, folder));
await tell(await packTar(folder));
