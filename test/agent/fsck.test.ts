/** An office that has worked: each kind of damage, done by hand, is told in words and repaired without loss. */
import { chmod, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAgent } from '../../agent/open-agent.ts';
import { serveLockName } from '../../agent/status-report.ts';
import { sync } from '../../agent/sync.ts';
import { lastTrips, recordTrip } from '../../agent/trips.ts';
import { readmit } from '../../hub/instance.ts';
import { publicDirectory } from '../../shared/core/public-directory.ts';
import { tryLock } from '../../shared/io/lock.ts';
import { network } from '../support/directory.ts';
import { type Checked, fsckAgent } from '../support/fsck.ts';
import { postDown, postUp, type SyncPair, syncPair } from '../support/sync-office.ts';

let pair: SyncPair;
let data: string;

const mail = (name: string): Buffer => Buffer.from(`Message-ID: <${name}@x>\nSubject: ${name}\n\n${name}\n`);

beforeEach(async () => {
  pair = await syncPair();
  data = pair.agent.config.data;
  await postUp(pair.agent, mail('up'));
  await postDown(pair.hub, mail('down'));
  const result = await sync(pair.agent);
  await recordTrip(pair.agent, result);
  expect(result).toMatchObject({ ok: true });
  await pair.agent.setDirectory(publicDirectory(network()));
  await postUp(pair.agent, mail('waits'));
});
afterEach(() => pair.close());

const fsck = (options: Record<string, boolean> = {}): Promise<Checked> => fsckAgent(pair.agent.config.file, options);
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const restarted = () => openAgent(pair.agent.config, SILENT);
const mailbox = async (): Promise<readonly string[]> => (await readdir(join(data, 'users/farid/new'))).sort();
const arrivalsAtHub = async (): Promise<number> => (await pair.hub.entries('internet')).length;
const cutInHalf = async (file: string): Promise<void> => truncate(file, Math.floor((await stat(file)).size / 2));

async function repairs(key: string, text: RegExp): Promise<void> {
  const before = await fsck();
  expect(before.findings).toContainEqual(expect.objectContaining({ key, text: expect.stringMatching(text) }));
  await fsck({ repair: true });
  expect(await fsck()).toMatchObject({ code: 0, faults: 0 });
}

test('an office that has worked has no fault, and every object of it is of a known kind', async () => {
  const before = await readdir(data, { recursive: true });
  expect(await fsck()).toMatchObject({
    code: 0,
    faults: 0,
    notes: 0,
    findings: [],
    counts: { 'waiting mails': { objects: 1 } },
  });
  expect(await readdir(data, { recursive: true })).toEqual(before);
});

test('while the daemon or a sync works it looks, and does not repair', async () => {
  const lock = await tryLock(await serveLockName(pair.agent));
  expect(await fsck()).toMatchObject({ code: 0 });
  expect(await fsck({ repair: true })).toMatchObject({ code: 75, error: expect.stringContaining('systemctl stop') });
  await lock?.release();
});

test('a data folder that is not there is told, and not made', async () => {
  await rename(data, `${data}-away`);
  expect(await fsck({ repair: true })).toMatchObject({ code: 69, error: expect.stringContaining('not there') });
  await expect(stat(data)).rejects.toThrow('ENOENT');
  await rename(`${data}-away`, data);
});

test.each([
  ['trip', 'cut off', cutInHalf],
  ['trip', 'unreadable', (file: string) => writeFile(file, '?')],
  ['directory', 'cut off', cutInHalf],
  ['accounts', 'unreadable', (file: string) => writeFile(file, '[[')],
  ['trips', 'cut off', cutInHalf],
])('%s, %s, is repaired: what waits travels, once, and mail comes down, once', async (key, how, damage) => {
  await damage(join(data, key));
  await repairs(key, /damaged/);
  if (how === 'unreadable' && key === 'trip') await readmit(pair.hub, 'herat');
  const agent = await restarted();
  await postDown(pair.hub, mail('down 2'));
  expect(await sync(agent)).toMatchObject({ ok: true, up: { mails: 1 }, down: { mails: 1 } });
  await sync(agent);
  expect([await arrivalsAtHub(), (await mailbox()).length]).toEqual([2, 2]);
  expect(await lastTrips(agent)).toHaveLength(key === 'trips' ? 0 : 1);
});

test('answers that are gone are written anew from the mailbox: a readmitted laptop is not given its mail twice', async () => {
  await rm(join(data, 'seen'), { recursive: true });
  const { findings } = await fsck({ repair: true });
  expect(findings.filter(({ text }) => text.includes('taken twice'))).toHaveLength(2);
  await readmit(pair.hub, 'herat');
  expect(await sync(await restarted())).toMatchObject({ ok: true, down: { mails: 0 } });
  expect(await mailbox()).toHaveLength(1);
});

test('a waiting mail under a lost name travels; one that is cut off is kept in lost+found', async () => {
  await postUp(pair.agent, mail('second'));
  const [first = '', second = ''] = await readdir(join(data, 'out/new'));
  await rename(join(data, 'out/new', first), join(data, 'out/new', 'copy-of-mail'));
  await cutInHalf(join(data, 'out/new', second));
  await repairs('out/new/copy-of-mail', /under a name that nobody reads/);
  expect(await readFile(join(data, 'lost+found/out/new', `${second}.why`), 'utf8')).toContain('damaged');
  expect(await sync(await restarted())).toMatchObject({ ok: true, up: { mails: 1 } });
  expect(await arrivalsAtHub()).toBe(2);
});

test('a key that others can read is told and shut', async () => {
  await chmod(pair.agent.config.key_file, 0o640);
  await repairs(pair.agent.config.key_file, /others can read it/);
});
