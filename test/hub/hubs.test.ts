/** Hubs on one store: who may do what, when one is killed, stands still, or loses sight of the store. */
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Hubs, StoreHubs, type Voice } from '../../hub/hubs.ts';
import { HeldElsewhere } from '../../hub/leases.ts';
import { anotherBeats } from '../../hub/other-hubs.ts';
import { type Store, StoreError } from '../../shared/io/store.ts';
import { Disk, Session } from '../support/faulty-store.ts';

const SILENT = { info: () => {}, warn: () => {}, error: () => {} };

interface TestHub {
  readonly hubs: Hubs;
  readonly store: Session;
  readonly heard: string[];
  readonly wanted: string[];
  directory: number;
}

let all: TestHub[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
  all = [];
});

afterEach(async () => {
  for (const { hubs, store } of all) if (store.alive) await within(hubs.leave());
  vi.useRealTimers();
});

/** Waits while time goes on. */
async function within<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const settled = work.finally(() => (isOver = true));
  settled.catch(() => undefined);
  for (let seconds = 0; !isOver && seconds < 3_600; seconds++) await vi.advanceTimersByTimeAsync(500);
  return settled;
}

const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1_000);

function hubOn(disk: Disk, change: (store: Session) => Store = (store) => store): TestHub {
  const store = new Session(disk);
  const heard: string[] = [];
  const wanted: string[] = [];
  const voice: Voice = {
    directory: () => hub.directory,
    onLine: () => [],
    refresh: async () => undefined,
    published: (maildir, key) => heard.push(`${maildir} ${key ?? 'any'}`),
    wanted: (what) => wanted.push(what),
  };
  const hub: TestHub = { hubs: new StoreHubs(change(store), SILENT, voice), store, heard, wanted, directory: 0 };
  all.push(hub);
  return hub;
}

async function two(): Promise<readonly [TestHub, TestHub, Disk]> {
  const disk = new Disk('in place');
  const [one, other] = [hubOn(disk), hubOn(disk)];
  await within(one.hubs.join());
  await within(other.hubs.join());
  await pass(10);
  return [one, other, disk];
}

describe('a lease', () => {
  test('is held by one hub; the other gets it when it is given back', async () => {
    const [one, other] = await two();
    const lease = await within(one.hubs.take('lead'));
    await expect(within(other.hubs.take('lead'))).rejects.toThrow(HeldElsewhere);
    await within(lease.release());
    const next = await within(other.hubs.take('lead'));
    expect(next.isSure()).toBe(true);
    expect(lease.isSure()).toBe(false);
  });

  test('of many that want it at once, one gets it', async () => {
    const disk = new Disk('in place');
    const many = Array.from({ length: 8 }, () => hubOn(disk));
    await within(Promise.all(many.map(({ hubs }) => hubs.join())));
    const taken = await within(Promise.allSettled(many.map(({ hubs }) => hubs.take('lead'))));
    expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('of a hub that was killed is free when it is seen to be dead, and not before its own time is over', async () => {
    const [one, other] = await two();
    const lease = await within(one.hubs.take('lead'));
    one.store.kill();
    const started = performance.now();
    const next = await within(other.hubs.take('lead', { patienceMs: 60_000 }));
    expect(next.isSure()).toBe(true);
    expect(lease.isSure()).toBe(false);
    expect(performance.now() - started).toBeGreaterThan(20_000);
  });

  test('goes at once when its hub ends', async () => {
    const [one, other] = await two();
    await within(one.hubs.take('lead'));
    await within(one.hubs.leave());
    await pass(3);
    expect((await within(other.hubs.take('lead'))).isSure()).toBe(true);
  });

  test('is asked for, and its hub hears that', async () => {
    const [one, other] = await two();
    const lease = await within(one.hubs.take('office/herat'));
    const waiting = other.hubs.take('office/herat', { patienceMs: 20_000 });
    await pass(4);
    expect(one.wanted).toContain('office/herat');
    await within(lease.release());
    expect((await within(waiting)).isSure()).toBe(true);
  });

  test('of a hub that does not reach the store is lost to it before another gets it', async () => {
    const disk = new Disk('in place');
    const link = { isUp: true };
    const one = hubOn(disk, (store) => behind(store, link));
    const other = hubOn(disk);
    await within(one.hubs.join());
    await within(other.hubs.join());
    await pass(10);
    const lease = await within(one.hubs.take('lead'));
    link.isUp = false;
    onTestFinished(() => {
      link.isUp = true;
    });
    const next = other.hubs.take('lead', { patienceMs: 90_000 });
    let sureOfBoth = 0;
    let isTaken = false;
    void next.then(() => (isTaken = true));
    for (let seconds = 0; seconds < 70; seconds++) {
      await pass(1);
      if (isTaken && lease.isSure()) sureOfBoth += 1;
    }
    expect(isTaken).toBe(true);
    expect(sureOfBoth).toBe(0);
    expect(lease.lost.aborted).toBe(true);
    link.isUp = true;
    await pass(20);
    // It is there again, under another id, and without the lease.
    await expect(within(one.hubs.take('lead'))).rejects.toThrow(HeldElsewhere);
    expect(one.hubs.seen()).toHaveLength(2);
  });

  test('whose taking or giving back went unanswered is free for who waits for it', async () => {
    const disk = new Disk('in place');
    let isLost = false;
    const one = hubOn(disk, (store) => ({
      ...bound(store),
      create: async (key, body) => {
        const made = await store.create(key, body);
        if (isLost && key.startsWith('lease/')) throw new StoreError('the answer was lost');
        return made;
      },
    }));
    const other = hubOn(disk);
    await within(one.hubs.join());
    await within(other.hubs.join());
    await pass(10);
    isLost = true;
    await expect(within(one.hubs.take('office/herat'))).rejects.toThrow('the answer was lost');
    isLost = false;
    const next = await within(other.hubs.take('office/herat', { patienceMs: 20_000 }));
    expect(next.isSure()).toBe(true);
  });

  test('is not sure any more where the machine was suspended', async () => {
    const [one] = await two();
    const lease = await within(one.hubs.take('lead'));
    expect(lease.isSure()).toBe(true);
    vi.setSystemTime(Date.now() + 60_000);
    expect(lease.isSure()).toBe(false);
  });

  test('holds whatever the time of day is: a clock that is set back changes nothing', async () => {
    const [one, other] = await two();
    const lease = await within(one.hubs.take('lead'));
    vi.setSystemTime(0);
    await pass(100);
    expect(lease.isSure()).toBe(true);
    await expect(within(other.hubs.take('lead'))).rejects.toThrow(HeldElsewhere);
  });
});

describe('hubs hear of each other', () => {
  test('what is published at one, the other is told', async () => {
    const [one, other] = await two();
    one.hubs.tell('internet', 'internet/new/1');
    one.hubs.tell('office/herat', 'office/herat/new/2');
    await pass(4);
    expect(other.heard).toEqual(['internet internet/new/1', 'office/herat office/herat/new/2']);
    for (let n = 0; n < 100; n++) one.hubs.tell('internet', `internet/new/${n}`);
    await pass(4);
    expect(other.heard).toContain('internet any');
  });

  test('a directory that all have seen', async () => {
    const [one, other] = await two();
    const seen = one.hubs.haveSeen(5);
    await pass(2);
    other.directory = 5;
    expect(await within(seen)).toBe(true);
    expect(await within(one.hubs.haveSeen(6))).toBe(false);
  });
});

describe('a store that cannot create exclusively', () => {
  const without = (store: Session): Store => {
    const { create: _, ...rest } = bound(store);
    return rest;
  };

  test('holds one hub: the second is refused in words', async () => {
    const disk = new Disk('in place');
    const [one, other] = [hubOn(disk, without), hubOn(disk, without)];
    await within(one.hubs.join());
    await expect(within(other.hubs.join())).rejects.toThrow(/another hub, .*If-None-Match.*: stop that one first/);
    expect((await within(one.hubs.take('lead'))).isSure()).toBe(true);
  });

  test('what a hub that was killed has left stops nobody', async () => {
    const disk = new Disk('in place');
    const [one, other] = [hubOn(disk, without), hubOn(disk, without)];
    await within(one.hubs.join());
    one.store.kill();
    await within(other.hubs.join());
    expect((await within(other.hubs.take('lead'))).isSure()).toBe(true);
  });
});

const bound = (store: Session): Store & { create: Session['create'] } => ({
  staging: store.staging,
  put: (key, body) => store.put(key, body),
  get: (key) => store.get(key),
  list: (prefix, page) => store.list(prefix, page),
  remove: (key) => store.remove(key),
  create: (key, body) => store.create(key, body),
  stage: (key, body) => store.stage(key, body),
  publish: (key) => store.publish(key),
  strays: (prefix) => store.strays(prefix),
});

/** Calls wait as long as the link is down, and then fail. */
function behind(store: Session, link: { readonly isUp: boolean }): Store {
  const real = bound(store);
  const ask = async <T>(work: () => Promise<T>): Promise<T> => {
    while (!link.isUp) await new Promise((resolve) => setTimeout(resolve, 1_000));
    return work();
  };
  return {
    ...real,
    put: (key, body) => ask(() => real.put(key, body)),
    get: (key) => ask(() => real.get(key)),
    list: (prefix, page) => ask(() => real.list(prefix, page)),
    remove: (key) => ask(() => real.remove(key)),
    create: (key, body) => ask(() => real.create(key, body)),
  };
}

test('whether another hub works on a store is seen by its beats', async () => {
  const disk = new Disk('in place');
  const looker = new Session(disk);
  expect(await within(anotherBeats(looker))).toBe(false);
  const one = hubOn(disk);
  await within(one.hubs.join());
  expect(await within(anotherBeats(looker))).toBe(true);
  one.store.kill();
  expect(await within(anotherBeats(looker))).toBe(false);
});
