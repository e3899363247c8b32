/** The files of a package as they will lie on the machine, all but the runtime. */
import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ProgramName } from './build.ts';
import { ROOT } from './project.ts';

const GUIDES: Readonly<Record<ProgramName, readonly string[]>> = {
  hub: ['VPS.md', 'FROM-QMAIL.md', 'CARRIERS.md', 'REPAIR.md'],
  agent: ['LAPTOP.md', 'CARRIERS.md', 'REPAIR.md'],
};

const EXAMPLES: Readonly<Record<ProgramName, readonly string[]>> = {
  hub: ['kabul/hub.toml', 'grafana/fieldpost.json'],
  agent: ['mazar/agent.toml', 'herat/agent.toml', 'farah/agent.toml'],
};

/** Told by other programs, the agent looks at once. */
const HOOKS = ['network-manager', 'ppp-ip-up', 'wpa-action'];

export type Fill = Readonly<Record<string, string>>;

/** `@NAME@` in a template of infra/ becomes its value. */
export async function fill(template: string, values: Fill): Promise<string> {
  const text = await readFile(`${ROOT}infra/${template}`, 'utf8');
  return text.replace(/@([A-Z]+)@/g, (_, name: string) => values[name] ?? '');
}

export async function put(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await chmod(path, mode);
}

async function copy(from: string, to: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, mode);
}

/** `tree` stands for `/`. */
export async function fillTree(program: ProgramName, tree: string, values: Fill): Promise<void> {
  const doc = `${tree}/usr/share/doc/fieldpost-${program}`;
  const unit = `${ROOT}infra/systemd/fieldpost-${program}`;
  const bundle = `${ROOT}dist/${program}.cjs`;
  const says = (option: string): Buffer => execFileSync(process.execPath, [bundle, option]);
  await copy(bundle, `${tree}/usr/lib/fieldpost-${program}/${program}.cjs`, 0o755);
  await put(`${tree}/usr/bin/${program}`, await fill('deb/program', values), 0o755);
  await copy(`${unit}.service`, `${tree}/usr/lib/systemd/system/fieldpost-${program}.service`);
  await copy(`${unit}.sysusers`, `${tree}/usr/lib/sysusers.d/fieldpost-${program}.conf`);
  await copy(`${unit}.tmpfiles`, `${tree}/usr/lib/tmpfiles.d/fieldpost-${program}.conf`);
  await put(`${tree}/usr/share/man/man1/${program}.1.gz`, gzipSync(says('--man'), { level: 9 }));
  await put(`${tree}/usr/share/bash-completion/completions/${program}`, says('--completion'));
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
