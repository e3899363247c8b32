/** The law of `accept` on a real bucket, where a staged file is seen before it is vouched for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { openS3Store } from '../../hub/s3-store.ts';
import { accepted } from '../../shared/core/verdict.ts';
import { accept } from '../../shared/io/accept.ts';
import { type Body, readBody } from '../../shared/io/body.ts';
import { Intake } from '../../shared/io/intake.ts';
import type { Place } from '../../shared/io/mail.ts';
import { listEntries, openEntry, removeEntry, takeable } from '../../shared/io/maildir.ts';
import { type Store, StoreError } from '../../shared/io/store.ts';
import { arrivalOf, BODY, placeOf } from '../support/accept-world.ts';
import { makeBucket, s3Options } from '../support/ceph.ts';

const NOW = 1_795_471_464;

let open: () => Promise<Store>;
let store: Store;
beforeAll(async () => {
  const server = inject('s3');
  const bucket = await makeBucket(server);
  open = () => openS3Store(s3Options(server, bucket));
  store = await open();
});

const machine = (maildir: string, on: Store = store): Place =>
  placeOf(on, (_peer, sender, recipient) => ({
    verdict: accepted('ok'),
    deliveries: [{ maildir, form: 'entry', sender, recipient }],
  }));

/** The bucket as a process sees it that ends when it would write what vouches for its files. */
const endsBeforeSeen = (on: Store): Store => ({
  staging: on.staging,
  put: async () => {
    throw new StoreError('gone');
  },
  get: (key) => on.get(key),
  list: (prefix, page) => on.list(prefix, page),
  remove: (key) => on.remove(key),
  stage: (key, body) => on.stage(key, body),
  publish: (key) => on.publish(key),
  strays: (prefix) => on.strays(prefix),
});

describe('on a bucket', () => {
  test('what a stop left is taken by nobody; the retry is, once', async () => {
    const maildir = 'office/herat';
    const [first] = await accept(machine(maildir, endsBeforeSeen(store)), arrivalOf(['a@x']), NOW);
    expect(first?.letter).toBe('Z');
    const [stray] = await listEntries(store, maildir);
    expect(await openEntry(store, stray?.key ?? '')).toBeUndefined();
    const [second] = await accept(machine(maildir), arrivalOf(['a@x']), NOW);
    const [third] = await accept(machine(maildir), arrivalOf(['a@x']), NOW + 9);
    expect(second?.letter).toBe('K');
    expect(third).toEqual(second);
    const keys = (await listEntries(store, maildir)).map(({ key }) => key);
    expect(keys).toHaveLength(2);
    const opened = (await Promise.all(keys.map((key) => openEntry(store, key)))).flatMap((entry) => entry ?? []);
    expect(opened).toHaveLength(1);
    expect(await readBody(opened[0]?.body as Body)).toEqual(BODY);
  });

  test('two hubs that are given one mail at once keep it once', async () => {
    const places = await Promise.all([1, 2, 3].map(async () => machine('office/mazar', await open())));
    const verdicts = await Promise.all(places.map((place) => accept(place, arrivalOf(['b@x']), NOW)));
    expect(new Set(verdicts.map(([verdict]) => verdict?.text)).size).toBe(1);
    const keys = (await listEntries(store, 'office/mazar')).map(({ key }) => key);
    const takes = await Promise.all(keys.map((key) => takeable(store, key)));
    expect(takes.filter(Boolean)).toHaveLength(1);
  });

  test('large mail and small, many at once, come out as they went in', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fieldpost-'));
    const bodies = [5_000_000, 300_000, 0, 1, 10, 100, 1_000, 2_000].map((size) => Buffer.alloc(size, `${size}\r\0`));
    await Promise.all(
      bodies.map(async (bytes) => {
        const trace = { protocol: 'QMTP', hostname: 'kabul.example.org', now: NOW };
        const intake = new Intake({ spool: folder, bytesMax: 10_000_000, trace });
        await intake.write(bytes);
        const envelope = { peer: { name: 'qmtp', relays: true }, sender: '', recipients: ['c@x'] };
        const [verdict] = await accept(machine('internet'), await intake.finish(envelope), NOW);
        expect(verdict?.letter).toBe('K');
        await intake.discard();
      }),
    );
    await rm(folder, { recursive: true });
    const found: number[] = [];
    for (const { key } of await listEntries(store, 'internet')) {
      const entry = await openEntry(store, key);
      if (!entry) continue;
      const whole = await readBody(entry.body, 10_000_000);
      const bytes = whole.subarray(whole.indexOf(10) + 1);
      expect(bodies.some((body) => body.equals(bytes))).toBe(true);
      found.push(bytes.length);
      await removeEntry(store, entry);
    }
    expect(found.sort((a, b) => b - a)).toEqual(bodies.map(({ length }) => length).sort((a, b) => b - a));
    expect(await listEntries(store, 'internet')).toEqual([]);
  });
});
