/**
 * `npm test [-- vitest's arguments]`: brings the test peers where that is possible, then runs vitest. What cannot be
 * installed is said, and its tests are skipped by name.
 */
import { spawnSync } from 'node:child_process';
import { installPeers } from '../test/support/peers.ts';
import { ROOT } from './project.ts';

const args = process.argv.slice(2);
installPeers();
const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], {
  cwd: ROOT,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
