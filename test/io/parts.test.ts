import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { TripError } from '../../shared/core/trip-record.ts';
import { bytesBody, textBody } from '../../shared/io/body.ts';
import { squeeze } from '../../shared/io/brotli.ts';
import { unsealGroup } from '../../shared/io/group-seal.ts';
import { HeldParts, KnownParts, partHash } from '../../shared/io/parts.ts';
import type { Store } from '../../shared/io/store.ts';
import { Disk, Session } from '../support/faulty-store.ts';

const store = () => new Session(new Disk('apart'));
const hashOf = (n: number): string => partHash(Buffer.from(String(n)));

test('parts are held by their hash, and one that is damaged is not', async () => {
  const options = { store: store(), prefix: 'parts/in' };
  const part = randomBytes(3_000);
  await new HeldParts(options).keep([part, part]);
  const held = new HeldParts(options);
  expect(await held.get(partHash(part))).toEqual(part);
  expect(await held.get(hashOf(1))).toBeUndefined();
  await options.store.put(`parts/in/${partHash(part)}`, bytesBody(randomBytes(3_000)));
  expect(await held.get(partHash(part))).toBeUndefined();
  await held.keep([part]);
  expect(await held.get(partHash(part))).toEqual(part);
});

/** A store in memory that knows when each key was written: its n-th write at second n. */
function timedStore(): Store {
  const inner = store();
  const times = new Map<string, number>();
  const put: Store['put'] = async (key, body) => {
    times.set(key, times.get(key) ?? times.size);
    await inner.put(key, body);
  };
  const list: Store['list'] = async (prefix, options) =>
    (await inner.list(prefix, options)).map((listed) => ({ ...listed, time: times.get(listed.key) ?? 0 }));
  return Object.assign(Object.create(inner) as Store, {
    put,
    list,
    get: inner.get.bind(inner),
    remove: inner.remove.bind(inner),
  });
}

test('the oldest parts make room for new ones: 10,000 of them, 200 MB', async () => {
  const held = new HeldParts({ store: timedStore(), prefix: 'parts/in' });
  const small = Array.from({ length: 10_002 }, (_, n) => Buffer.from(`part ${n}`));
  const isHeld = async (part: Buffer): Promise<boolean> => (await held.get(partHash(part))) !== undefined;
  await held.keep(small);
  expect(await Promise.all([0, 1, 2, 10_001].map((n) => isHeld(small[n] ?? Buffer.alloc(0))))).toEqual([
    false,
    false,
    true,
    true,
  ]);
  const large = Array.from({ length: 41 }, (_, n) => Buffer.alloc(5_000_000, n));
  await held.keep(large);
  expect(await Promise.all([0, 1, 40].map((n) => isHeld(large[n] ?? Buffer.alloc(0))))).toEqual([false, true, true]);
  expect(await isHeld(small[10_001] ?? Buffer.alloc(0))).toBe(false);
});

test('what the other side has is remembered from trip to trip, the newest of it', async () => {
  const options = { store: store(), prefix: 'parts/out' };
  const known = new KnownParts(options);
  await known.add(Array.from({ length: 10_001 }, (_, n) => hashOf(n)));
  await known.forget([hashOf(7)]);
  await known.save();
  const later = new KnownParts(options);
  expect(await Promise.all([0, 1, 7, 10_000].map((n) => later.has(hashOf(n))))).toEqual([false, true, false, true]);
});

test('a record that is rubbish names nothing', async () => {
  const options = { store: store(), prefix: 'parts/out' };
  await options.store.put('parts/out/known', textBody('rubbish\n\n../x'));
  expect(await new KnownParts(options).has('../x')).toBe(false);
});

test('a frame that builds on too many parts, on one that is not here, or on other bytes than it was made with', async () => {
  const held = new HeldParts({ store: store(), prefix: 'parts/in' });
  const [part, other] = [randomBytes(5_000), randomBytes(5_000)];
  await held.keep([part, other]);
  const content = Buffer.concat([Buffer.from('before '), part]);
  const dictionary = Buffer.from('what both have');
  const squeezed = await squeeze(content, { dictionary: Buffer.concat([part, dictionary]), quality: 11 });
  const unseal = (count: number, ...hashes: readonly string[]) =>
    unsealGroup(Buffer.concat([Buffer.from([count]), Buffer.from(hashes.join(''), 'hex'), squeezed]), {
      held,
      dictionary,
      size: content.length,
    });
  expect(await unseal(1, partHash(part))).toEqual(content);
  expect(await unseal(1, hashOf(1))).toBeUndefined();
  await expect(unseal(17, ...Array.from({ length: 17 }, () => partHash(part)))).rejects.toThrow(TripError);
  await expect(unseal(0)).rejects.toThrow(TripError);
  expect(await unseal(1, partHash(other))).not.toEqual(content);
});
