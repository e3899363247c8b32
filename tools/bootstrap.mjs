/**
 * Runs a task of package.json on the Node that the project brings (devDependency `node`), whatever Node npm itself runs
 * on. Packages are installed first when they are missing or differ from package-lock.json, so that each
 * `npm run …` works in a fresh clone. Plain JavaScript without packages: it must run before there is anything.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE = join(ROOT, 'node_modules/.bin/node');

const TASKS = {
  build: ['tools/build.ts'],
  check: ['node_modules/vitest/vitest.mjs', 'run', 'test/house'],
  test: ['tools/test.ts'],
  demo: ['test/demo/main.ts'],
  corpus: ['test/corpus-run/main.ts'],
  bench: ['--import', './test/support/jsx.mjs', 'test/bench/main.ts'],
  bulk: ['test/bulk/main.ts'],
  fuzz: ['test/fuzz/main.ts'],
  sim: ['test/sim/main.ts'],
  mutants: ['test/sim/mutants/main.ts'],
  flood: ['test/flood/main.ts'],
  advisories: ['tools/advisories.ts'],
  torture: ['--import', './test/support/jsx.mjs', 'test/torture/main.ts'],
  package: ['tools/package.ts'],
  power: ['test/power/main.ts'],
};

function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(join(ROOT, lockFile), 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw error;
  }
}

/** Packages for other platforms are optional and not installed here; all others must be there in the very version. */
function isInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json');
  return Object.entries(packagesOf('package-lock.json')).every(
    ([path, { version, optional }]) => path === '' || (installed[path]?.version ?? (optional && version)) === version,
  );
}

function run(command, args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  if (error) throw error;
  if (signal) process.kill(process.pid, signal);
  return status ?? 1;
}

function main([task, ...args]) {
  if (!(task in TASKS)) {
    console.error(`tasks: ${Object.keys(TASKS).join(', ')}`);
    return 64;
  }
  if (!isInstalled()) {
    console.error('installing the packages of package-lock.json (npm ci)');
    // Install scripts must run: the package `node` fetches its program there, from the same registry.
    const status = run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts=false']);
    if (status !== 0) return status;
  }
  return run(NODE, [...TASKS[task], ...args]);
}

process.exitCode = main(process.argv.slice(2));
