/** What the programs are made of comes from where we think, is what was looked at, and runs nothing when it is installed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { answerOf } from '../../tools/advisories.ts';
import { build, PROGRAMS } from '../../tools/build.ts';
import { ROOT } from '../../tools/project.ts';
import { readTracked } from './sources.ts';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
}
const { packages } = JSON.parse(readTracked('package-lock.json')) as { packages: Record<string, Locked> };
const locked = Object.entries(packages).filter(([path]) => path !== '');

describe('the lock file', () => {
  test('names no address: npm knows its own registry', () => {
    expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  test('says of each package which bytes it has', () => {
    const without = locked.filter(
      ([, { integrity, inBundle }]) => !inBundle && !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''),
    );
    expect(without.map(([path]) => path)).toEqual([]);
  });

  test('takes each package from the registry by its version', () => {
    expect(
      locked.filter(([, { version, link }]) => link || !/^\d+\.\d+\.\d+/.test(version ?? '')).map(([path]) => path),
    ).toEqual([]);
  });
});

test("no package runs anything when it is installed, but npm's own `node`, which fetches the Node that it is", () => {
  const { allowScripts } = JSON.parse(readTracked('package.json')) as { allowScripts: object };
  // esbuild's only saves a few milliseconds of each start.
  expect(allowScripts).toEqual({ node: true, esbuild: false });
  const scripts = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  expect(scripts.filter((path) => !/(?:^|\/)node_modules\/fsevents$/.test(path)).sort()).toEqual([
    'node_modules/esbuild',
    'node_modules/node',
  ]);
});

test('each program contains the packages that were looked at, and no other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldpost-contents-'));
  try {
    await build(folder);
    // What is new has been looked at when it stands there: cp dist/NAME.contents.txt infra/contents/NAME.txt
    for (const name of PROGRAMS)
      expect(readFileSync(join(folder, `${name}.contents.txt`), 'utf8')).toBe(
        readTracked(`infra/contents/${name}.txt`),
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('advisories', () => {
  const counts = { dependencies: { prod: 60, total: 300 } };
  test.each([
    [{ vulnerabilities: {}, metadata: counts }, 0, '60 packages, none with an advisory'],
    [{ vulnerabilities: { x: { severity: 'high', range: '<2' } }, metadata: counts }, 1, 'x <2: high'],
    [{ message: 'request to … failed', error: { code: 'ECONNREFUSED' } }, 75, 'nothing is known'],
    [{ vulnerabilities: {} }, 75, 'nothing is known'],
  ])('%j: exit code %i', (said, code, text) => {
    expect(answerOf(JSON.stringify(said))).toEqual({ code, text: expect.stringContaining(text) });
  });

  test('no answer is said, and is no good news', () => {
    const args = [`${ROOT}tools/advisories.ts`, '--registry=http://127.0.0.1:1/'];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 75, stdout: expect.stringContaining('nothing is known') });
    expect(answerOf('')).toMatchObject({ code: 75 });
  });
});
