/** What is particular to a folder as a store: mail programs beside us, kills, full disks, other owners. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Body, bytesBody, readBody, textBody } from '../../shared/io/body.ts';
import { openFsStore } from '../../shared/io/fs-store.ts';
import { StoreError } from '../../shared/io/store.ts';
import { canMount, mountDisk, remountDisk, unmountDisk } from '../support/small-disk.ts';
import { hashOf, longBody } from './bodies.ts';

const isRoot = process.getuid?.() === 0;

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fieldpost-store-'));
});
afterEach(() => rm(root, { recursive: true }));

const keysOf = async (prefix: string) => (await (await openFsStore(root)).list(prefix)).map(({ key }) => key);

/** Every file below the folder, by its path. */
async function allFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('the folder', () => {
  test('is made with all above it, closed to others, marked, and opened again', async () => {
    const deep = join(root, 'a/b/c');
    const store = await openFsStore(deep, { owner: 'agent' });
    await store.put('k/v', textBody('x'));
    expect((await stat(deep)).mode & 0o777).toBe(0o700);
    expect((await stat(join(deep, 'k'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(deep, 'k/v'))).mode & 0o777).toBe(0o600);
    const again = await openFsStore(deep, { owner: 'agent' });
    expect((await again.list('')).map(({ key }) => key)).toEqual(['k/v']);
  });

  test('of another program is refused in one sentence, and nothing in it is touched', async () => {
    await openFsStore(root, { owner: 'hub' });
    const before = await allFiles(root);
    const error = await openFsStore(root, { owner: 'agent' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreError);
    expect((error as Error).message).toBe(
      `${root} belongs to "fieldpost hub" (its file .owner says so); give the agent a folder of its own`,
    );
    expect(await allFiles(root)).toEqual(before);
  });

  test('is marked by one of two that come at once', async () => {
    const both = await Promise.allSettled([openFsStore(root, { owner: 'hub' }), openFsStore(root, { owner: 'agent' })]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('that an operator opened to a group stays so', async () => {
    await openFsStore(root);
    await chmod(root, 0o750);
    await openFsStore(root);
    expect((await stat(root)).mode & 0o777).toBe(0o750);
  });

  test('may be removed in parts while we run', async () => {
    const store = await openFsStore(root);
    await store.stage('office/herat/new/1', textBody('mail'));
    await store.put('note/1', textBody('x'));
    await rm(join(root, 'note'), { recursive: true });
    await rm(join(root, 'tmp/put'), { recursive: true });
    await store.put('note/1', textBody('y'));
    await store.publish('office/herat/new/1');
    await rm(join(root, 'office'), { recursive: true });
    await store.stage('office/herat/new/2', textBody('mail'));
    await store.publish('office/herat/new/2');
    expect(await keysOf('')).toEqual(['note/1', 'office/herat/new/2']);
  });

  test('a file where a folder should be is named, with the remedy', async () => {
    const store = await openFsStore(root);
    await store.put('a', textBody('x'));
    await expect(store.put('a/b', textBody('x'))).rejects.toThrow(StoreError);
    await expect(store.put('a/b', textBody('x'))).rejects.toThrow(/move it away/);
    expect(await store.get('a/b')).toBeUndefined();
  });
});

describe('a Maildir', () => {
  test('has tmp, new and cur, and the published mail byte for byte in new', async () => {
    const store = await openFsStore(root);
    await store.stage('users/holly/new/1.2.host', textBody('Subject: a\n\nb\n'));
    expect(await readdir(root)).not.toContain('users');
    await store.publish('users/holly/new/1.2.host');
    expect((await readdir(join(root, 'users/holly'))).sort()).toEqual(['cur', 'new', 'tmp']);
    expect(await readFile(join(root, 'users/holly/new/1.2.host'), 'utf8')).toBe('Subject: a\n\nb\n');
    expect(await readdir(join(root, 'users/holly/tmp'))).toEqual([]);
  });

  test('a mail that a mail program moves to cur, and flags, is read on', async () => {
    const store = await openFsStore(root);
    const mail = longBody(700_000);
    await store.put('users/holly/new/1.2.host', mail);
    const body = (await store.get('users/holly/new/1.2.host')) as Body;
    const cur = join(root, 'users/holly/cur');
    await rename(join(root, 'users/holly/new/1.2.host'), join(cur, '1.2.host:2,'));
    expect(await hashOf(body)).toBe(await hashOf(mail));
    const seen = (await store.get('users/holly/cur/1.2.host:2,')) as Body;
    await rename(join(cur, '1.2.host:2,'), join(cur, '1.2.host:2,FS'));
    expect(await hashOf(body)).toBe(await hashOf(mail));
    expect(await hashOf(seen)).toBe(await hashOf(mail));
    await rm(join(cur, '1.2.host:2,FS'));
    await expect(hashOf(body)).rejects.toThrow(StoreError);
  });

  test("other programs' files and half-written mails are passed over", async () => {
    const store = await openFsStore(root);
    await store.put('users/holly/new/1.2.host', textBody('mail'));
    const box = join(root, 'users/holly');
    await mkdir(join(box, '.Sent/cur'), { recursive: true });
    for (const name of ['tmp/9.9.host', 'new/.nfs0001', 'new/a b', 'new/ä', 'cur/x~', '.Sent/cur/1', 'new/sub\\x'])
      await writeFile(join(box, name), 'x');
    await mkdir(join(box, 'new/tmp'));
    await writeFile(join(box, 'new/tmp/1'), 'x');
    await writeFile(join(box, 'dovecot-uidlist'), 'x');
    expect(await keysOf('users/holly/new/')).toEqual(['users/holly/new/1.2.host']);
    expect(await keysOf('users/holly/cur/')).toEqual([]);
    expect(await keysOf('users/')).toEqual(['users/holly/dovecot-uidlist', 'users/holly/new/1.2.host']);
  });

  test('of 20,000 mails is listed in pages, in order, each mail once', async () => {
    const store = await openFsStore(root);
    const folder = join(root, 'out/new');
    await mkdir(folder, { recursive: true });
    const names = Array.from({ length: 20_000 }, (_, n) => ((n * 7_919) % 20_011).toString(36).padStart(4, '0'));
    for (let at = 0; at < names.length; at += 500)
      await Promise.all(names.slice(at, at + 500).map((name) => writeFile(join(folder, name), '')));
    const listed: string[] = [];
    for (let after = ''; ; ) {
      const page = await store.list('out/', { after });
      listed.push(...page.map(({ key }) => key));
      if (page.length < 1000) break;
      after = listed.at(-1) ?? '';
    }
    expect(listed).toEqual(names.sort().map((name) => `out/new/${name}`));
  });
});

describe('a process that is killed', () => {
  const WRITER = fileURLToPath(new URL('writer-process.ts', import.meta.url));

  test('in the middle of writing leaves whole values only, and the next start clears its rest away', async () => {
    const child = spawn(process.execPath, [WRITER, 'put', root], { stdio: ['ignore', 'pipe', 'inherit'] });
    const temps = join(root, 'tmp/put');
    let acknowledged = -1;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      if (acknowledged === 3) break;
    }
    // Kill it while a temporary file is there, so that there is something to clear away.
    while ((await readdir(temps)).length === 0) await new Promise(setImmediate);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const store = await openFsStore(root);
    expect(await readdir(temps)).toEqual([]);
    const listed = await store.list('w/');
    expect(listed.length).toBeGreaterThan(acknowledged);
    for (const { key, size } of listed) {
      expect(size).toBe(8_000_000);
      const body = (await store.get(key)) as Body;
      expect((await readBody(body, 9_000_000)).equals(Buffer.alloc(8_000_000, Number(key.slice(2))))).toBe(true);
    }
  });

  test('does not take the files of a living one along', async () => {
    const store = await openFsStore(root);
    let goOn = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let begun = (): void => {};
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const slow: Body = {
      size: 2,
      async *read() {
        yield Buffer.from('a');
        begun();
        await waiting;
        yield Buffer.from('b');
      },
    };
    const writing = store.put('a/slow', slow);
    await started;
    await store.stage('a/new/1', textBody('mail'));
    await openFsStore(root);
    goOn();
    await writing;
    await store.publish('a/new/1');
    expect(await keysOf('a/')).toEqual(['a/new/1', 'a/slow']);
  });
});

describe.skipIf(!canMount)('a disk (needs root, to mount one)', () => {
  let disk = '';
  beforeEach(async () => {
    disk = join(root, 'disk');
    await mkdir(disk);
    mountDisk(disk, '1m');
  });
  afterEach(() => unmountDisk(disk));

  test('that is full: one clear sentence, what was there stays, and it goes on once there is room', async () => {
    const store = await openFsStore(join(disk, 'data'));
    await store.put('a/b', textBody('before'));
    await store.put('a/room', bytesBody(Buffer.alloc(600_000)));
    for (const write of ['put', 'stage', 'create'] as const) {
      const error = await store[write]?.('a/b', longBody(2_000_000)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StoreError);
      expect((error as Error).message).toMatch(
        /^cannot (?:write|create) \S+: the disk is full; free some space on it \(ENOSPC\)$/,
      );
    }
    expect(await readdir(join(disk, 'data/tmp/put'))).toEqual([]);
    expect((await readBody((await store.get('a/b')) as Body)).toString()).toBe('before');
    await store.remove('a/room');
    await store.put('a/b', longBody(500_000));
    expect((await store.get('a/b'))?.size).toBe(500_000);
  });

  test('that became read-only: reading goes on, writing is refused with the remedy', async () => {
    const store = await openFsStore(join(disk, 'data'));
    await store.put('a/b', textBody('before'));
    remountDisk(disk, 'ro');
    await expect(store.put('a/b', textBody('x'))).rejects.toThrow(/the file system is read-only; see dmesg/);
    await expect(store.remove('a/b')).rejects.toThrow(StoreError);
    expect((await readBody((await store.get('a/b')) as Body)).toString()).toBe('before');
  });

  test('that holds a part of the folder only is refused: a rename cannot cross to it', async () => {
    const store = await openFsStore(root);
    await expect(store.put('disk/a', textBody('x'))).rejects.toThrow(/another file system .*keep both on one/);
    expect(existsSync(join(disk, 'a'))).toBe(false);
  });
});

describe('a folder that this user may not enter', () => {
  /** Root may do everything, so it becomes nobody for a while. */
  async function asSomebodyElse<T>(work: () => Promise<T>): Promise<T> {
    if (isRoot) process.seteuid?.(65_534);
    try {
      return await work();
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  }

  test('one clear sentence at the start, and for each write', async () => {
    const store = await openFsStore(root);
    await store.put('a/b', textBody('x'));
    if (!isRoot) await chmod(root, 0o500);
    await asSomebodyElse(async () => {
      await expect(store.put('c/d', textBody('x'))).rejects.toThrow(StoreError);
      await expect(store.put('c/d', textBody('x'))).rejects.toThrow(/this user has no right to it; see owner and mode/);
      await expect(openFsStore(join(root, 'deeper'))).rejects.toThrow(/no right to it/);
    });
    await chmod(root, 0o700);
    expect(await keysOf('')).toEqual(['a/b']);
  });
});
