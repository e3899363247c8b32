/** The contract of shared/io/store.ts, sentence by sentence. Every adapter's test runs it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Body, readBody, textBody } from '../../shared/io/body.ts';
import { type Store, StoreError } from '../../shared/io/store.ts';
import { brokenBody, hashOf, longBody } from './bodies.ts';
import { noStrays, type Subject, staging, strays, textOf } from './staging-contract.ts';

export function storeContract(name: string, staged: Store['staging'], open: () => Promise<Subject>): void {
  describe(`the store's contract: ${name}`, () => {
    let subject: Subject;
    let store: Store;
    beforeAll(async () => {
      subject = await open();
      store = subject.store;
    });
    afterAll(() => subject?.close());
    const now = (): Subject => subject;
    const proxy = (): Store => store;
    keys(proxy);
    values(proxy, () => subject.isMemory === true);
    listings(proxy);
    creation(proxy);
    staging(now);
    test('staging is as it says', () => expect(store.staging).toBe(staged));
    if (staged === 'apart') strays(now);
    else noStrays(proxy);
  });
}

const BAD_KEYS = [
  '',
  '/',
  'a/',
  '/a',
  'a//b',
  '.',
  '..',
  '../a',
  'a/../b',
  'a/./b',
  '.a',
  'a/.b',
  'tmp',
  'tmp/a',
  'a/tmp/b',
  'a b',
  'a\0b',
  'a\nb',
  'a\\b',
  'a%2Fb',
  'a~',
  'ä',
  'a'.repeat(201),
  `${'a/'.repeat(450)}aa`,
];

function keys(store: () => Store): void {
  test.each(BAD_KEYS.map((key) => [key]))('%j is refused as a key', async (key) => {
    const body = textBody('x');
    await expect(store().put(key, body)).rejects.toThrow(StoreError);
    await expect(store().get(key)).rejects.toThrow(StoreError);
    await expect(store().remove(key)).rejects.toThrow(StoreError);
    await expect(store().stage(key, body)).rejects.toThrow(StoreError);
    await expect(store().publish(key)).rejects.toThrow(StoreError);
    await expect((async () => store().create?.(key, body) ?? Promise.reject(new StoreError()))()).rejects.toThrow(
      StoreError,
    );
  });

  test.each([
    ['every sign that may be in one', 'k/ABCxyz0189._,:=@+-'],
    ['a mail that a mail program has seen', 'k/cur/1.2.host,S=12:2,FS'],
    ['the longest segment', `k/${'n'.repeat(200)}`],
    ['the longest key', `${'k/'.repeat(350)}${'n'.repeat(200)}`],
    ['names like those of the adapter', 'k/tmpx/xtmp/a.tmp'],
  ])('a key may be %s', async (_, key) => {
    await store().put(key, textBody(key));
    expect(await textOf(store(), key)).toBe(key);
    expect((await store().list('k/')).map((listed) => listed.key)).toContain(key);
    await store().remove(key);
    expect(await store().get(key)).toBeUndefined();
  });
}

function values(store: () => Store, isMemory: () => boolean): void {
  test('put writes, replaces, and may be done again', async () => {
    await store().put('v/a', textBody('one'));
    await store().put('v/a', textBody('one'));
    expect(await textOf(store(), 'v/a')).toBe('one');
    await store().put('v/a', textBody('number two'));
    expect(await textOf(store(), 'v/a')).toBe('number two');
  });

  test('an empty value is a value', async () => {
    await store().put('v/empty', textBody(''));
    const body = await store().get('v/empty');
    expect(body?.size).toBe(0);
    expect(await readBody(body as Body)).toHaveLength(0);
  });

  test('a key that is not there, and one that was removed twice', async () => {
    expect(await store().get('v/never')).toBeUndefined();
    expect(await store().get('v/never/below')).toBeUndefined();
    await store().put('v/gone', textBody('x'));
    await store().remove('v/gone');
    await store().remove('v/gone');
    await store().remove('v/never');
    await store().remove('v/never/below');
    expect(await store().get('v/gone')).toBeUndefined();
  });

  test.each([0, 1, 65_535, 65_536, 65_537, 1_048_576, 1_048_577, 3_000_000])(
    '%i bytes, whole and in part',
    async (size) => {
      const body = longBody(size);
      await store().put('v/sized', body);
      const got = (await store().get('v/sized')) as Body;
      expect(got.size).toBe(size);
      expect(await hashOf(got)).toBe(await hashOf(body));
      for (const [start, end] of parts(size)) {
        const part = await collect(got.read(start, end));
        expect(part.equals(await collect(body.read(start, end))), `${start} to ${end}`).toBe(true);
      }
    },
  );

  test('60 MB pass through a few', { timeout: 120_000 }, async () => {
    const size = 60_000_000;
    const held = heldBytes();
    const body = longBody(size);
    await store().put('v/huge', { size, read: () => held.watch(body.read()) });
    const got = (await store().get('v/huge')) as Body;
    expect(await hashOf({ size, read: () => held.watch(got.read()) })).toBe(await hashOf(body));
    await store().remove('v/huge');
    expect(held.most).toBeLessThan(isMemory() ? 3 * size : 12_000_000);
  });

  test.each([10, 500_000, 5_000_000])('a body of %i bytes that breaks off leaves what was there', async (size) => {
    await store().put('v/broken', textBody('before'));
    await expect(store().put('v/broken', brokenBody(size))).rejects.toThrow();
    expect(await textOf(store(), 'v/broken')).toBe('before');
    await expect(store().put('v/broken-new', brokenBody(size))).rejects.toThrow();
    expect(await store().get('v/broken-new')).toBeUndefined();
  });

  test('a body that is not as long as it says is refused', async () => {
    await expect(store().put('v/short', { ...textBody('abc'), size: 5 })).rejects.toThrow(StoreError);
    expect(await store().get('v/short')).toBeUndefined();
  });

  test('readers see all of a value or nothing of it', async () => {
    const [long, short] = [longBody(400_000), longBody(200_000)];
    const whole = new Set([await hashOf(long), await hashOf(short)]);
    let writing = true;
    const seen: string[] = [];
    const writer = (async () => {
      for (let turn = 0; turn < 20; turn++) await store().put('v/turns', turn % 2 ? short : long);
      writing = false;
    })();
    while (writing) {
      const body = await store().get('v/turns');
      if (body) seen.push(await hashOf(body).catch((error) => (error instanceof StoreError ? 'thrown' : 'torn')));
    }
    await writer;
    expect(seen.filter((hash) => !whole.has(hash) && hash !== 'thrown')).toEqual([]);
  });

  test('a body reads what was there when it was asked for, or throws', async () => {
    const old = longBody(200_000, 1);
    await store().put('v/old', old);
    const body = (await store().get('v/old')) as Body;
    await store().put('v/old', longBody(200_000, 2));
    const got = await hashOf(body).catch((error: Error) => error);
    if (got instanceof Error) expect(got).toBeInstanceOf(StoreError);
    else expect(got).toBe(await hashOf(old));
  });
}

function parts(size: number): readonly (readonly [number, number])[] {
  const ends = [0, 1, 65_535, 65_536, 65_540, 1_048_575, 1_048_580, size - 1, size].filter(
    (at) => at >= 0 && at <= size,
  );
  return ends.flatMap((start) => ends.filter((end) => end >= start).map((end) => [start, end] as const));
}

/** The most memory that buffers hold while chunks pass, garbage not counted. */
function heldBytes() {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const held = () => {
    collectGarbage();
    return process.memoryUsage().arrayBuffers;
  };
  const before = held();
  const watched = {
    most: 0,
    async *watch(chunks: AsyncIterable<Uint8Array>) {
      let passed = 0;
      for await (const chunk of chunks) {
        yield chunk;
        passed += chunk.length;
        if (passed < 2_000_000) continue;
        passed = 0;
        watched.most = Math.max(watched.most, held() - before);
      }
    },
  };
  return watched;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** Signs below and above `/` in names next to folders, so that only sorting whole keys by bytes gives the order. */
const MIXED = [
  'l/a',
  'l/a-b/c',
  'l/a.b',
  'l/a+/x',
  'l/a,b/y',
  'l/a0',
  'l/b/2/1',
  'l/b/10',
  'l/b-/1',
  'l/B/1',
  'l/z:2,S',
  'l/_',
];

function listings(store: () => Store): void {
  test('keys at any depth, sorted by bytes, with size and time', async () => {
    await Promise.all([...MIXED, 'la/no', 'l-/no', 'k0/no'].map((key) => store().put(key, textBody(key))));
    const listed = await store().list('l/');
    expect(listed.map(({ key }) => key)).toEqual([...MIXED].sort());
    expect(listed.map(({ size }) => size)).toEqual(listed.map(({ key }) => key.length));
    for (const { time } of listed) expect(Number.isInteger(time)).toBe(true);
    expect((await store().list('l/b/')).map(({ key }) => key)).toEqual(['l/b/10', 'l/b/2/1']);
    expect(await store().list('l/nothing/')).toEqual([]);
    expect(await store().list('l/a/')).toEqual([]);
    const all = (await store().list('')).map(({ key }) => key);
    expect(all).toEqual(expect.arrayContaining([...MIXED, 'la/no', 'l-/no', 'k0/no']));
    expect(all).toEqual([...all].sort());
  });

  test('the time is that of the last writing', async () => {
    await store().put('t/a', textBody('1'));
    const time = async () => (await store().list('t/'))[0]?.time ?? Number.NaN;
    const first = await time();
    await store().put('t/a', textBody('2'));
    expect(await time()).toBeGreaterThanOrEqual(first);
  });

  test('pages go on after any key, there or not', async () => {
    const sorted = [...MIXED].sort();
    for (const after of [...sorted, 'l/', 'l/a-', 'l/b/', 'l/zz', 'a', 'z']) {
      const rest = sorted.filter((key) => key > after);
      expect((await store().list('l/', { after })).map(({ key }) => key)).toEqual(rest);
      expect((await store().list('l/', { after, limit: 2 })).map(({ key }) => key)).toEqual(rest.slice(0, 2));
    }
  });

  test('more keys than a page holds', { timeout: 120_000 }, async () => {
    const keys = Array.from({ length: 1_203 }, (_, n) => `p/${n % 3}/${n.toString(36)}`).sort();
    for (let at = 0; at < keys.length; at += 50)
      await Promise.all(keys.slice(at, at + 50).map((key) => store().put(key, textBody(''))));
    expect((await store().list('p/')).map(({ key }) => key)).toEqual(keys.slice(0, 1000));
    expect((await store().list('p/', { after: keys[999] as string })).map(({ key }) => key)).toEqual(keys.slice(1000));
    const paged: string[] = [];
    for (let after = ''; ; ) {
      const page = await store().list('p/', { after, limit: 400 });
      paged.push(...page.map(({ key }) => key));
      if (page.length < 400) break;
      after = paged.at(-1) ?? '';
    }
    expect(paged).toEqual(keys);
  });

  test.each([['l'], ['/'], ['l//'], ['../'], ['tmp/'], ['l/ /']])('%j is refused as a prefix', async (prefix) => {
    await expect(store().list(prefix)).rejects.toThrow(StoreError);
  });

  test.each([0, -1, 1.5, 1001, Number.NaN])('a page of %s keys is refused', async (limit) => {
    await expect(store().list('l/', { limit })).rejects.toThrow(StoreError);
  });

  test('keys that come and go meanwhile do no harm, and those that stay are listed', async () => {
    const stay = Array.from({ length: 20 }, (_, n) => `m/${n}/stay`).sort();
    await Promise.all(stay.map((key) => store().put(key, textBody(''))));
    let busy = true;
    const others = (async () => {
      for (let n = 0; n < 60; n++) {
        await store().put(`m/${n % 20}/go`, textBody(''));
        await store().remove(`m/${n % 20}/go`);
      }
      busy = false;
    })();
    while (busy)
      expect((await store().list('m/')).map(({ key }) => key).filter((key) => key.endsWith('stay'))).toEqual(stay);
    await others;
  });
}

function creation(store: () => Store): void {
  test('create: of many at once exactly one hears true, even with the same bytes', async () => {
    for (const value of ['different', 'the same']) {
      const key = `c/${value === 'different' ? 'd' : 's'}`;
      const body = (n: number) => textBody(value === 'different' ? String(n) : value);
      const told = await Promise.all(Array.from({ length: 24 }, (_, n) => store().create?.(key, body(n))));
      expect(told.filter((made) => made === true)).toHaveLength(1);
      expect(told.filter((made) => made === false)).toHaveLength(23);
      expect(await textOf(store(), key)).toBe(value === 'different' ? String(told.indexOf(true)) : value);
    }
  });

  test('create leaves what is there alone, and makes what was removed', async () => {
    await store().put('c/there', textBody('first'));
    expect(await store().create?.('c/there', textBody('second'))).toBe(false);
    expect(await textOf(store(), 'c/there')).toBe('first');
    await store().remove('c/there');
    expect(await store().create?.('c/there', textBody('second'))).toBe(true);
    expect(await textOf(store(), 'c/there')).toBe('second');
  });
}
