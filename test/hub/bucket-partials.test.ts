import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fetchPartials, keepPartials } from '../../hub/bucket-partials.ts';
import { Partials } from '../../shared/io/partials.ts';
import { Disk, Session } from '../support/faulty-store.ts';

const NAME = '7-aabbccddeeff0011';

test('a frame that was cut goes on at a hub on another machine, and leaves the bucket when it is whole', async () => {
  const store = new Session(new Disk('in place'));
  const [here, there] = [
    await mkdtemp(join(tmpdir(), 'fieldpost-partial-')),
    await mkdtemp(join(tmpdir(), 'fieldpost-partial-')),
  ];
  const first = { store, office: 'herat', folder: here, partials: new Partials(here) };
  const second = { store, office: 'herat', folder: there, partials: new Partials(there) };
  await writeFile(join(here, NAME), 'the beginning');

  const kept = await keepPartials(first, []);
  expect(kept).toEqual([{ seq: 7, hash: 'aabbccddeeff0011', held: 13 }]);
  await fetchPartials(second, kept);
  expect(await readFile(join(there, NAME), 'utf8')).toBe('the beginning');
  await fetchPartials(second, kept);
  expect(await second.partials.list()).toEqual(kept);

  await rm(join(there, NAME));
  expect(await keepPartials(second, kept)).toEqual([]);
  expect(await store.list('office/herat/')).toEqual([]);
  await Promise.all([here, there].map((folder) => rm(folder, { recursive: true })));
});
