/** The short form of `npm run torture`: two hubs on a folder, killed under load. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { torture } from '../torture/torture.ts';

test('hubs and agents that are killed under load lose nothing and double nothing', { timeout: 400_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-torture-'));
  const result = await torture({
    folder,
    store: 'folder',
    hubs: 2,
    offices: 2,
    seed: 7,
    seconds: 20,
    mailPauseMs: 1_000,
    mishapPauseMs: 1_500,
    stillMsMax: 0,
    drainSeconds: 240,
    say: () => undefined,
  });
  expect(result).toMatchObject({ lost: [], doubled: [], foreign: [], unforeseen: [] });
  expect(result.promised).toBeGreaterThan(20);
  expect(result.mishaps['hub killed'] ?? 0).toBeGreaterThan(0);
  await rm(folder, { recursive: true, force: true });
});
