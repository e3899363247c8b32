import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { ROOT } from '../../tools/project.ts';

/** Each prints what it finds; nothing found is exit code 0. */
const CHECKS = [
  { what: 'types (tsc)', command: 'tsc', args: ['--noEmit'] },
  { what: 'format and lint (biome)', command: 'biome', args: ['ci', '--colors=off', '--max-diagnostics=40'] },
  { what: 'dead code and unused packages (knip)', command: 'knip', args: ['--no-progress'] },
] as const;

test.each(CHECKS)('$what', ({ command, args }) => {
  const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${command}`, args, { cwd: ROOT, encoding: 'utf8' });
  expect({ status, found: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, found: '' });
});
