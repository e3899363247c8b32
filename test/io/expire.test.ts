import { describe, expect, test } from 'vitest';
import { accepted } from '../../shared/core/verdict.ts';
import { accept } from '../../shared/io/accept.ts';
import { textBody } from '../../shared/io/body.ts';
import { expire } from '../../shared/io/expire.ts';
import { listEntries } from '../../shared/io/maildir.ts';
import { writeNote } from '../../shared/io/note.ts';
import type { Store } from '../../shared/io/store.ts';
import { sweepStep } from '../../shared/io/sweep.ts';
import { arrivalOf, changed, placeOf } from '../support/accept-world.ts';
import { Disk, Session } from '../support/faulty-store.ts';

const DAY = 86_400;
const NOW = 1_795_471_464;

/** A machine whose store believes that everything was written at `written` (Unix seconds). */
function machine(staging: Store['staging'] = 'apart') {
  const disk = new Disk(staging);
  const session = new Session(disk);
  const clock = { written: NOW };
  const store = changed(session, {
    list: async (prefix, page) =>
      (await session.list(prefix, page)).map((listed) => ({ ...listed, time: clock.written * 1000 })),
  });
  const place = placeOf(store, (_peer, sender, recipient) => ({
    verdict: accepted('ok'),
    deliveries: [{ maildir: 'office/herat', form: 'entry', sender, recipient }],
  }));
  const records = (): number => [...disk.files.keys()].filter((key) => key.startsWith('seen/')).length;
  return { disk, store, clock, place, records, mail: () => accept(place, arrivalOf(['a@x']), NOW) };
}

describe('answers', () => {
  test('are remembered for 90 days at least, whatever clock wrote them', async () => {
    for (const written of [0, NOW, NOW + 40 * 365 * DAY]) {
      const { clock, place, records, mail } = machine();
      clock.written = written;
      await mail();
      for (let day = 0; day < 90; day += 10) {
        await expire(place, NOW + day * DAY);
        expect(records(), `written ${written}, day ${day}`).toBe(1);
      }
    }
  });

  test('end at last, by the time that the caller trusts', async () => {
    const { clock, place, records, mail } = machine();
    await mail();
    await expire(place, NOW + 91 * DAY);
    clock.written = NOW + 91 * DAY;
    await expire(place, NOW + 180 * DAY);
    expect(records()).toBe(1);
    await expire(place, NOW + 182 * DAY);
    expect(records()).toBe(0);
  });

  test('a record that waits to go answers as before', async () => {
    const { place, mail } = machine();
    const first = await mail();
    await expire(place, NOW + 91 * DAY);
    expect(await mail()).toEqual(first);
  });

  test('on a bucket, stay as long as a file that needs them', async () => {
    const { store, place, records, mail } = machine('in place');
    await mail();
    for (const days of [91, 182, 400]) await expire(place, NOW + days * DAY);
    expect(records()).toBe(1);
    for (const { key } of await listEntries(store, 'office/herat')) await store.remove(key);
    await expire(place, NOW + 401 * DAY);
    expect(records()).toBe(0);
  });
});

test('notes go when their entry is gone, and only then', async () => {
  const { store, place, mail, disk } = machine();
  await mail();
  const [entry] = await listEntries(store, 'office/herat');
  const note = { attempts: 1, nextTry: NOW, settled: {} };
  await writeNote(store, 'office/herat', entry?.name.id ?? '', note);
  await writeNote(store, 'office/herat', 'f'.repeat(64), note);
  await writeNote(store, 'office/herat-2', 'e'.repeat(64), note);
  await writeNote(store, 'internet', 'd'.repeat(64), note);
  await expire(place, NOW);
  expect([...disk.files.keys()].filter((key) => key.includes('/note/'))).toEqual([
    `office/herat/note/${entry?.name.id}`,
  ]);
});

test('on a bucket, a staged file that nothing vouches for goes after a day; mail and foreign files stay', async () => {
  const { disk, store, place, mail } = machine('in place');
  await mail();
  const [entry] = await listEntries(store, 'office/herat');
  const stray = entry?.key.replace(/\.[0-9a-f]{8}$/, '.00000000') ?? '';
  await store.put(stray, textBody('x'));
  await store.put('office/herat/new/foreign', textBody('x'));
  await expire(place, NOW + DAY - 1);
  expect(disk.files.has(stray)).toBe(true);
  await expire(place, NOW + DAY);
  expect(disk.files.has(stray)).toBe(false);
  expect(disk.files.has(entry?.key ?? '')).toBe(true);
  expect(disk.files.has('office/herat/new/foreign')).toBe(true);
});

test('a sweep goes on where it was, and begins anew after the end', async () => {
  const store = new Session(new Disk('apart'));
  const keys = Array.from({ length: 2500 }, (_, n) => `seen/${String(n).padStart(4, '0')}`);
  for (const key of keys) await store.put(key, textBody('x'));
  const found: string[] = [];
  const step = (): Promise<boolean> => sweepStep(store, 'seen/', async ({ key }) => void found.push(key));
  expect([await step(), await step(), await step()]).toEqual([false, false, true]);
  expect(found).toEqual(keys);
  expect(await step()).toBe(false);
  expect(found[2500]).toBe(keys[0]);
});
