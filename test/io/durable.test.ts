import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  appendDurably,
  createDurably,
  makeFolder,
  openSpoolFile,
  removeDurably,
  renameDurably,
  syncFolder,
  writeDurably,
} from '../../shared/io/durable.ts';
import { StoreError } from '../../shared/io/store.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-durable-'));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const bytes = (text: string): Buffer => Buffer.from(text);
const modeOf = async (name: string): Promise<number> => (await stat(at(name))).mode & 0o777;

test('a file is written, replaced, and nothing else is left', async () => {
  await writeDurably(at('a'), bytes('one'));
  expect(await modeOf('a')).toBe(0o600);
  await writeDurably(at('a'), bytes('two'), { mode: 0o640 });
  expect(await modeOf('a')).toBe(0o640);
  expect(await readFile(at('a'), 'utf8')).toBe('two');
  expect(await readdir(folder)).toEqual(['a']);
});

test('missing folders are made', async () => {
  await writeDurably(at('x/y/z'), bytes('one'));
  await makeFolder(at('p/q/r'));
  await makeFolder(at('p/q/r'));
  await appendDurably(at('s/t'), bytes('one'));
  await (await openSpoolFile(at('u/v'))).close();
  expect((await readdir(folder)).sort()).toEqual(['p', 's', 'u', 'x']);
  expect(await modeOf('x/y')).toBe(0o700);
});

test('writing that breaks off leaves the old file, and nothing else', async () => {
  await writeDurably(at('a'), bytes('old'));
  const broken = {
    size: 6,
    async *read() {
      yield bytes('new');
      throw new Error('broken');
    },
  };
  await expect(writeDurably(at('a'), broken)).rejects.toThrow('broken');
  await expect(createDurably(at('b'), broken)).rejects.toThrow('broken');
  expect(await readFile(at('a'), 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['a']);
});

test('of many writers at once the file is one of theirs, of many creators one hears true', async () => {
  const texts = Array.from({ length: 20 }, (_, n) => `writer ${n}`);
  await Promise.all(texts.map((text) => writeDurably(at('w'), bytes(text))));
  expect(texts).toContain(await readFile(at('w'), 'utf8'));
  const made = await Promise.all(texts.map((text) => createDurably(at('c'), bytes(text))));
  expect(made.filter(Boolean)).toHaveLength(1);
  expect(await readFile(at('c'), 'utf8')).toBe(texts[made.indexOf(true)]);
  expect((await readdir(folder)).sort()).toEqual(['c', 'w']);
});

test('what is appended stands after what was there', async () => {
  await appendDurably(at('part'), bytes('one '));
  await appendDurably(at('part'), bytes('two'));
  expect(await readFile(at('part'), 'utf8')).toBe('one two');
  expect(await modeOf('part')).toBe(0o600);
});

test('a spool file is new', async () => {
  const file = await openSpoolFile(at('spool'));
  await file.write(bytes('a'));
  await file.write(bytes(''));
  await file.write(bytes('b'));
  await file.close();
  expect(await readFile(at('spool'), 'utf8')).toBe('ab');
  await expect(openSpoolFile(at('spool'))).rejects.toThrow(StoreError);
});

test('rename and remove; what is not there is fine to remove, not to rename', async () => {
  await writeFile(at('from'), 'x');
  await makeFolder(at('other'));
  await renameDurably(at('from'), at('other/to'));
  expect(await readFile(at('other/to'), 'utf8')).toBe('x');
  await removeDurably(at('other/to'));
  await removeDurably(at('other/to'));
  await removeDurably(at('nowhere/to'));
  await expect(renameDurably(at('from'), at('to'))).rejects.toThrow(/cannot rename .*it is not there/);
});

test('a folder that many sync at once; one that cannot be synced fails for each caller, and not for ever', async () => {
  await Promise.all(Array.from({ length: 50 }, () => syncFolder(folder)));
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => syncFolder(at('later'))));
  expect(outcomes.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
  await makeFolder(at('later'));
  await syncFolder(at('later'));
});
