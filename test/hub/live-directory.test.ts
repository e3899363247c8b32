/** The directory in the store: hubs that edit at once, snapshots, what offices may still have. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDirectory } from '../../hub/live-directory.ts';
import { EditError } from '../../shared/core/directory-words.ts';
import { directoryHash, publicDirectory } from '../../shared/core/public-directory.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { openFsStore } from '../../shared/io/fs-store.ts';
import { type Store, StoreError } from '../../shared/io/store.ts';
import { alias, full, move, office, user } from '../support/directory.ts';

const NAMES = { domain: 'Example.org', hostname: 'Kabul.example.org' };

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-directory-'));
  store = await openFsStore(folder, { owner: 'hub' });
});
afterEach(() => rm(folder, { recursive: true }));

const open = (from: Store = store) => openDirectory(from, NAMES);
const hashOf = async (from: Store = store): Promise<string> =>
  directoryHash(publicDirectory((await open(from)).current));

test('what was edited is there after a restart', async () => {
  const directory = await open();
  await directory.edit(office('herat', 'herat.example.org', '.west.example.org'));
  await directory.edit(user('farid', 'herat'));
  await directory.edit(alias('staff', 'farid', 'tom@example.com', '?it@example.com'));
  await directory.edit({ do: 'office.limits', office: 'herat', limits: { mailBytesMax: 5 } });
  const again = await open();
  expect(again.current).toEqual(directory.current);
  expect(again.current).toMatchObject({ domain: 'example.org', hubDomains: ['kabul.example.org'], version: 4 });
  expect(again.office('herat')?.limits.mailBytesMax).toBe(5);
  expect(again.officeOfKey(again.office('herat')?.keyId ?? '')?.name).toBe('herat');
});

test('of two hubs that edit at once, none loses an edit', async () => {
  const [one, other] = [await open(), await open(await openFsStore(folder, { owner: 'hub' }))];
  await one.edit(office('herat'));
  const names = (prefix: string) => Array.from({ length: 20 }, (_, index) => `${prefix}${index}`);
  await Promise.all([
    ...names('a').map((name) => one.edit(user(name, 'herat'))),
    ...names('b').map((name) => other.edit(user(name, 'herat'))),
  ]);
  await Promise.all([one.refresh(), other.refresh()]);
  expect(one.current.users.size).toBe(40);
  expect(other.current.users).toEqual(one.current.users);
  expect(one.current.version).toBe(41);
});

test('the second of two that contradict each other is refused', async () => {
  const [one, other] = [await open(), await open()];
  await one.edit(office('herat'));
  await one.edit(office('mazar'));
  const both = await Promise.allSettled([one.edit(user('x', 'herat')), other.edit(user('x', 'mazar'))]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: expect.any(EditError) });
});

test('an edit that is refused or changes nothing leaves nothing in the log', async () => {
  const directory = await open();
  await directory.edit(office('herat'));
  await directory.edit(user('x', 'herat'));
  await directory.edit(user('x', 'herat'));
  await expect(directory.edit(user('x', 'nix'))).rejects.toThrow(EditError);
  await directory.edit(user('y', 'herat'));
  expect((await store.list('directory/')).map(({ key }) => key.slice(-2))).toEqual(['01', '02', '03']);
});

test('a store that cannot create: edits wait for one another', async () => {
  const { create: _, ...plain } = Object.fromEntries(
    ['put', 'get', 'list', 'remove', 'stage', 'publish', 'strays', 'create'].map((name) => [
      name,
      (store[name as keyof Store] as (...args: never[]) => unknown).bind(store),
    ]),
  );
  const without = { ...plain, staging: store.staging } as unknown as Store;
  const directory = await open(without);
  await directory.edit(office('herat'));
  await Promise.all(Array.from({ length: 30 }, (__, index) => directory.edit(user(`p${index}`, 'herat'))));
  expect((await open(without)).current.users.size).toBe(30);
});

describe('snapshots', () => {
  test('opening reads one, and the few edits after it', async () => {
    const directory = await open();
    await directory.edit(office('herat'));
    for (let index = 0; index < 200; index++) await directory.edit(user(`p${index}`, 'herat'));
    expect((await store.list('directory-snapshot/')).length).toBe(2);
    let reads = 0;
    const counting = new Proxy(store, {
      get: (target, name) => {
        if (name === 'get') reads += 1;
        return Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name);
      },
    });
    expect((await open(counting)).current).toEqual(directory.current);
    expect(reads).toBeLessThan(70);
  });

  test('a stop before one is written does no harm', async () => {
    const directory = await open();
    await directory.edit(office('herat'));
    for (let index = 0; index < 70; index++) await directory.edit(user(`p${index}`, 'herat'));
    const hash = await hashOf();
    for (const { key } of await store.list('directory-snapshot/')) await store.remove(key);
    expect(await hashOf()).toBe(hash);
  });
});

test('an office that has one of the last versions is told the difference', async () => {
  const directory = await open();
  await directory.edit(office('herat'));
  await directory.edit(office('mazar'));
  await directory.edit(user('holly', 'herat'));
  const before = publicDirectory(directory.current);
  await directory.edit(move('holly', 'mazar'));
  expect(directory.publicAt(directoryHash(before))?.users.get(full('holly'))).toBe('herat');
  expect(directory.publicAt('0'.repeat(32))).toBeUndefined();
  expect((await open()).publicAt(directoryHash(before))?.users.get(full('holly'))).toBe('herat');
});

test('a record that cannot be read is named', async () => {
  const directory = await open();
  await directory.edit(office('herat'));
  await store.put('directory/0000000002', bytesBody(Buffer.from('{"do":"office.add"}')));
  await expect(directory.refresh()).rejects.toThrow(StoreError);
  await expect(directory.refresh()).rejects.toThrow(/directory\/0000000002 is damaged/);
  await expect(open()).rejects.toThrow(/directory\/0000000002/);
});
