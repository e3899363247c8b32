/** What servers and networks do to a store in a bucket. The server is the real one; a proxy does the mischief. */
import { afterEach, describe, expect, inject, test } from 'vitest';
import { probeStore } from '../../hub/s3-probe.ts';
import { openS3Store } from '../../hub/s3-store.ts';
import { bytesBody, readBody, textBody } from '../../shared/io/body.ts';
import { type Store, StoreError } from '../../shared/io/store.ts';
import { makeBucket, s3Options, startCeph } from '../support/ceph.ts';
import { type Mischief, startS3Proxy } from '../support/s3-proxy.ts';
import { hashOf, longBody } from './bodies.ts';

const server = inject('s3');
const options = async () => s3Options(server, await makeBucket(server));

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Choose = Parameters<typeof startS3Proxy>[1];

async function storeBehind(choose: Choose): Promise<Store> {
  const { open } = await behind(choose);
  return open();
}

async function behind(choose: Choose) {
  const proxy = await startS3Proxy(server.endpoint, choose);
  closing.push(proxy.close);
  const opened = { ...(await options()), endpoint: proxy.endpoint };
  return { proxy, open: () => openS3Store(opened) };
}

/** The first `count` requests that fit get the mischief. */
function first(count: number, fits: Choose, mischief: Mischief): Choose {
  let left = count;
  return (request) => (fits(request) && left-- > 0 ? mischief : undefined);
}

const isCreate: Choose = ({ headers }) => (headers['if-none-match'] ? { status: 0 } : undefined);
const isGet =
  (key: string): Choose =>
  ({ method, url }) =>
    method === 'GET' && url?.includes(key) ? { status: 0 } : undefined;

describe('a bucket that does not work is named, with the remedy', () => {
  test.each([
    [
      'no such bucket',
      { bucket: 'not-there' },
      /^bucket not-there at 127\.0\.0\.1:\d+: there is no such bucket; make it/,
    ],
    [
      'an unknown access key',
      { credentials: { accessKeyId: 'nobody', secretAccessKey: 'sesame' } },
      /access key is not known/,
    ],
    [
      'a wrong secret',
      { credentials: { accessKeyId: server.accessKey, secretAccessKey: 'sesame' } },
      /secret key does not fit/,
    ],
    ['a dead endpoint', { endpoint: 'http://127.0.0.1:1' }, /at 127\.0\.0\.1:1: nothing listens there/],
    ['TLS where there is none', { endpoint: server.endpoint.replace('http:', 'https:') }, /does not speak TLS/],
  ])('%s', async (_, change, expected) => {
    const error = await openS3Store({ ...(await options()), ...change }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreError);
    expect((error as Error).message).toMatch(expected);
    expect((error as Error).message).not.toContain('sesame');
    expect((error as Error).message).not.toContain('\n');
  });

  test.each([
    [403, '', /access is denied; allow this access key to get, put, delete and list/],
    [500, '', /the server has trouble or too much to do; try again later/],
    [503, '<html>busy</html>', /the server has trouble or too much to do/],
    [404, '<html>nothing here</html>', /knows no such bucket; correct \[store\] bucket and endpoint/],
  ])('every request is answered %i %s', async (status, text, expected) => {
    const { open } = await behind(() => ({ status, text }));
    await expect(open()).rejects.toThrow(StoreError);
    await expect(open()).rejects.toThrow(expected);
  });

  test('reading and listing say so, too, and do not take it for an empty bucket', async () => {
    let status: number | undefined;
    const store = await storeBehind(() => (status ? { status } : undefined));
    await store.put('a/b', textBody('x'));
    for (status of [403, 500, 404]) {
      await expect(store.get('a/b')).rejects.toThrow(StoreError);
      await expect(store.list('a/')).rejects.toThrow(StoreError);
      await expect(store.remove('a/b')).rejects.toThrow(StoreError);
      await expect(store.create?.('a/c', textBody('x'))).rejects.toThrow(StoreError);
    }
    status = undefined;
    expect((await store.list('a/')).map(({ key }) => key)).toEqual(['a/b']);
  });
});

describe('create', () => {
  test('a server that refuses the condition: create is absent, all else works', async () => {
    const store = await storeBehind((request) => (isCreate(request) ? { status: 501 } : undefined));
    expect(store.create).toBeUndefined();
    await store.put('a/b', textBody('x'));
    expect((await store.list('a/')).map(({ key }) => key)).toEqual(['a/b']);
  });

  test('a server in trouble is not taken for one that refuses the condition', async () => {
    await expect(storeBehind((request) => (isCreate(request) ? { status: 500 } : undefined))).rejects.toThrow(
      StoreError,
    );
  });

  test.each([
    [
      'overwrites',
      async (store: Store, key: string, body: ReturnType<typeof textBody>) => {
        await store.put(key, body);
        return true;
      },
    ],
    [
      'takes the second for a new one when many come at once',
      async (store: Store, key: string, body: ReturnType<typeof textBody>) => {
        if (key.endsWith('race')) return true;
        return (await store.create?.(key, body)) ?? false;
      },
    ],
  ])('a server that ignores the condition (%s) is found out', async (_, create) => {
    const store = await openS3Store(await options());
    expect(await probeStore(store, (key, body) => create(store, key, body))).toBe(false);
    expect(await store.list('')).toEqual([]);
  });

  test('the answer is lost, and asking again finds our own: true', async () => {
    let armed = false;
    const lose = first(1, isCreate, 'lose the answer');
    const store = await storeBehind((request) => (armed ? lose(request) : undefined));
    armed = true;
    expect(await store.create?.('a/lease', textBody('mine'))).toBe(true);
    expect(await store.create?.('a/lease', textBody('mine'))).toBe(false);
  });

  test('the probe leaves nothing behind', async () => {
    const store = await openS3Store(await options());
    expect(await store.list('')).toEqual([]);
  });
});

describe('a bad network', () => {
  test('answers lost now and then: every write is there once', async () => {
    let turn = 0;
    const store = await storeBehind(() => (++turn % 7 === 0 ? 'lose the answer' : undefined));
    const keys = Array.from({ length: 40 }, (_, n) => `a/${n}`).sort();
    for (const key of keys) await store.put(key, textBody(key));
    expect((await store.list('a/')).map(({ key }) => key)).toEqual(keys);
    for (const key of keys) await store.remove(key);
    expect(await store.list('a/')).toEqual([]);
  });

  test('a part that breaks off is fetched again', async () => {
    const cut = first(2, isGet('a/large'), 'cut the answer');
    const store = await storeBehind(cut);
    await store.put('a/large', longBody(300_000));
    const body = await store.get('a/large');
    expect(body && (await hashOf(body))).toBe(await hashOf(longBody(300_000)));
  });

  test('parts that always break off: a StoreError, no torn value', async () => {
    let cutting = false;
    const store = await storeBehind((request) => (cutting && isGet('a/large')(request) ? 'cut the answer' : undefined));
    await store.put('a/large', longBody(300_000));
    const body = await store.get('a/large');
    cutting = true;
    await expect(body && hashOf(body)).rejects.toThrow(/bucket .* broke in the middle of an answer/);
  });
});

test('keys of others in the same bucket are passed over, and pages stay full', async () => {
  const opened = await options();
  const all = await openS3Store(opened);
  const store = await openS3Store({ ...opened, prefix: 'mine' });
  await all.put('mine2/a', textBody('x'));
  const { PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({ ...opened, forcePathStyle: true });
  for (const key of ['mine/', 'mine/a/', 'mine/a/0 blank', 'mine/a/.dot', 'mine/a//b', 'mine/a/~'])
    await client.send(new PutObjectCommand({ Bucket: opened.bucket, Key: key, Body: Buffer.from('x') }));
  client.destroy();
  for (const n of [1, 2, 3, 4, 5]) await store.put(`a/${n}`, textBody(''));
  expect((await store.list('')).map(({ key }) => key)).toEqual(['a/1', 'a/2', 'a/3', 'a/4', 'a/5']);
  expect((await store.list('a/', { limit: 3 })).map(({ key }) => key)).toEqual(['a/1', 'a/2', 'a/3']);
});

test('the server is killed in the middle of writes: what was acknowledged is there whole, all else throws', async () => {
  const ceph = await startCeph({ store: 'bluestore' });
  closing.push(ceph.stop);
  const store = await openS3Store(s3Options(ceph, await ceph.makeBucket()));
  const done: string[] = [];
  const outcomes = Array.from({ length: 40 }, async (_, n) => {
    await store.put(`w/${n}`, n % 2 ? bytesBody(Buffer.alloc(100_000, n)) : longBody(2_000_000, n));
    done.push(`w/${n}`);
    if (done.length === 8) await ceph.kill9();
  });
  const failed = (await Promise.allSettled(outcomes)).filter((outcome) => outcome.status === 'rejected');
  expect(failed.length).toBeGreaterThan(0);
  for (const { reason } of failed) expect(reason).toBeInstanceOf(StoreError);
  await ceph.restart();
  for (const key of done) {
    const n = Number(key.slice(2));
    const body = await store.get(key);
    if (n % 2) expect(body && (await readBody(body)).equals(Buffer.alloc(100_000, n))).toBe(true);
    else expect(body && (await hashOf(body))).toBe(await hashOf(longBody(2_000_000, n)));
  }
  const sizes = (await store.list('w/')).map(({ size }) => size);
  expect(sizes.every((size) => size === 100_000 || size === 2_000_000)).toBe(true);
}, 180_000);
