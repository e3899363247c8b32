/**
 * `npm run package [-- FOLDER]`: a Debian package for each program, with the Node that it needs inside, so that an office's
 * laptop needs nothing else. Default folder: dist/.
 */
import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { build, PROGRAMS, type ProgramName } from './build.ts';
import { ROOT, version } from './project.ts';

/** Debian's words for the machines that Node calls otherwise. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const DESCRIPTION: Readonly<Record<ProgramName, string>> = {
  hub: 'Fieldpost hub: carries mail between field offices and the Internet',
  agent: 'Fieldpost agent: mail for an office that the Internet does not reach',
};

/** Debian has another program called `hub` (for GitHub). */
const CONFLICTS: Readonly<Record<ProgramName, string>> = { hub: 'Conflicts: hub\n', agent: '' };

const GUIDES: Readonly<Record<ProgramName, readonly string[]>> = {
  hub: ['VPS.md', 'CARRIERS.md', 'REPAIR.md'],
  agent: ['LAPTOP.md', 'CARRIERS.md', 'REPAIR.md'],
};

const EXAMPLES: Readonly<Record<ProgramName, readonly string[]>> = {
  hub: ['kabul/hub.toml', 'grafana/fieldpost.json'],
  agent: ['mazar/agent.toml', 'herat/agent.toml', 'farah/agent.toml'],
};

/** Told by other programs, the agent looks at once. */
const HOOKS = ['network-manager', 'ppp-ip-up', 'wpa-action'];

type Fill = Readonly<Record<string, string>>;

/** `@NAME@` in a template becomes its value. */
async function fill(template: string, values: Fill): Promise<string> {
  const text = await readFile(`${ROOT}infra/${template}`, 'utf8');
  return text.replace(/@([A-Z]+)@/g, (_, name: string) => values[name] ?? '');
}

async function put(path: string, content: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await chmod(path, mode);
}

async function copy(from: string, to: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, mode);
}

/** The runtime without its symbols: a seventh smaller. */
async function copyRuntime(to: string): Promise<void> {
  await copy(await realpath(process.execPath), to, 0o755);
  try {
    execFileSync('strip', ['--strip-unneeded', to]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    console.error('strip (package binutils) is not here: the runtime goes in with its symbols, 18 MB larger');
  }
}

async function fillTree(program: ProgramName, tree: string, values: Fill): Promise<void> {
  const lib = `${tree}/usr/lib/fieldpost-${program}`;
  const doc = `${tree}/usr/share/doc/fieldpost-${program}`;
  const systemd = `${tree}/usr/lib`;
  const unit = `${ROOT}infra/systemd/fieldpost-${program}`;
  await copyRuntime(`${lib}/node`);
  await copy(`${ROOT}dist/${program}.cjs`, `${lib}/${program}.cjs`, 0o755);
  await put(`${tree}/usr/bin/${program}`, await fill('deb/program', values), 0o755);
  await copy(`${unit}.service`, `${systemd}/systemd/system/fieldpost-${program}.service`);
  await copy(`${unit}.sysusers`, `${systemd}/sysusers.d/fieldpost-${program}.conf`);
  await copy(`${unit}.tmpfiles`, `${systemd}/tmpfiles.d/fieldpost-${program}.conf`);
  await put(`${doc}/copyright`, await copyright(program));
  for (const guide of GUIDES[program]) await copy(`${ROOT}infra/${guide}`, `${doc}/${guide}`);
  await copy(`${ROOT}CHANGELOG.md`, `${doc}/CHANGELOG.md`);
  if (program === 'agent')
    for (const hook of HOOKS) await copy(`${ROOT}infra/hooks/${hook}`, `${doc}/hooks/${hook}`, 0o755);
  for (const example of EXAMPLES[program]) await copy(`${ROOT}infra/examples/${example}`, `${doc}/examples/${example}`);
}

/** Ours, that of the runtime, and those of the libraries in the bundle. */
async function copyright(program: ProgramName): Promise<string> {
  const texts = [`${ROOT}LICENSE`, `${ROOT}infra/deb/node.LICENSE`, `${ROOT}dist/${program}.licences.txt`].map((file) =>
    readFile(file, 'utf8'),
  );
  const [ours, runtime, libraries] = await Promise.all(texts);
  return `Fieldpost ${program}\n\n${ours}\nNode.js, in /usr/lib/fieldpost-${program}/node\n\n${runtime}\n${libraries}`;
}

async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = files.filter((file) => file.isFile()).map((file) => stat(join(file.parentPath, file.name)));
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
}

/** Answers the path of the package. */
async function packProgram(program: ProgramName, folder: string): Promise<string> {
  const architecture = ARCHITECTURES[process.arch];
  if (!architecture) throw new Error(`no Debian name known for the machine type ${process.arch}`);
  const values = { PROGRAM: program, VERSION: await version(), ARCHITECTURE: architecture };
  const tree = await mkdtemp(join(tmpdir(), `fieldpost-${program}-`));
  try {
    await chmod(tree, 0o755);
    await fillTree(program, tree, values);
    const more = {
      KILOBYTES: String(Math.ceil((await sizeOf(tree)) / 1024)),
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
    return file;
  } finally {
    await rm(tree, { recursive: true });
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const folder = resolve(process.argv[2] ?? `${ROOT}dist`);
await mkdir(folder, { recursive: true });
const bundles = await build();
for (const program of PROGRAMS) {
  const file = await packProgram(program, folder);
  const { size } = await stat(file);
  console.log(`${file}  ${megabytes(size)}, of which the program is ${megabytes(bundles[program])} before compression`);
}
