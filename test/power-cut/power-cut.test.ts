/** The short form of `npm run torture -- power`. */
import { expect, test } from 'vitest';
import { Disk } from './disk.ts';
import { removeSite } from './scene.ts';
import { type CutAt, cutPower, firstCut, record, type Whose } from './sweep.ts';

const CUTS = 24;

test('after a power cut at any moment nothing that was promised is missing, and nothing is there twice', {
  timeout: 300_000,
}, async () => {
  const recorded = await record();
  const first = firstCut(recorded);
  const step = Math.max(1, Math.floor((recorded.operations.length - first) / CUTS));
  const wrong: Record<string, readonly string[]> = {};
  let cuts = 0;
  for (let count = first; count <= recorded.operations.length; count += step) {
    const whose: Whose = cuts % 2 === 0 ? 'hub' : 'agent';
    const cut: CutAt = { count, whose, seed: cuts % 3 };
    const found = await cutPower(recorded, cut);
    if (found.length > 0) wrong[JSON.stringify(cut)] = found;
    cuts += 1;
  }
  expect(wrong).toEqual({});
  expect(cuts).toBeGreaterThanOrEqual(CUTS);
  await removeSite(recorded.site);
});

test('the disk forgets what was not synced', async () => {
  const { mkdtemp, readdir, rm } = await import('node:fs/promises');
  const folder = await mkdtemp('/tmp/fieldpost-disk-');
  const make = { do: 'make', path: '/d/a', file: 1 } as const;
  const rename = { do: 'rename', from: '/d/a', to: '/d/b' } as const;
  const left = async (...operations: ConstructorParameters<typeof Disk>[0]): Promise<readonly string[]> => {
    await rm(folder, { recursive: true, force: true });
    await new Disk(operations, operations.length).leave('/d', folder, { isCut: true, text: (bytes) => bytes });
    return (await readdir(folder)).sort();
  };
  expect(await left(make)).toEqual([]);
  expect(await left(make, { do: 'sync folder', path: '/d', begun: 0 })).toEqual([]);
  expect(await left(make, { do: 'sync folder', path: '/d', begun: 1 })).toEqual(['a']);
  expect(await left(make, { do: 'sync folder', path: '/d', begun: 1 }, rename)).toEqual(['a']);
  expect(await left(make, rename, { do: 'sync folder', path: '/d', begun: 2 })).toEqual(['b']);
  await rm(folder, { recursive: true, force: true });
});
