/**
 * What comes back from a backup: a hub that is older than its offices, a laptop of last week, and copies that were made with
 * `cp -r` in the middle of the work. Each syncs again, loses nothing that its copy or the other side holds, and brings no mail twice.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { done } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

let folder: string;
let sink: SmtpSink;
let hub: HubSite;
let herat: OfficeSite;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-restored-'));
  sink = await startSmtpSink();
  hub = await HubSite.make({ folder: join(folder, 'kabul'), smarthost: sink.address });
  await hub.start();
  const token = await hub.addOffice('herat', '--domain', 'herat.example.org');
  done(await hub.command(['user', 'add', 'farid@example.org', 'herat']));
  herat = await OfficeSite.make({ folder: join(folder, 'herat'), name: 'herat', token });
});

afterEach(async () => {
  await herat.stop();
  await hub.stop();
  await sink.close();
  await rm(folder, { recursive: true, force: true });
});

const mail = (name: string): string =>
  `From: <a@b.example>\nMessage-ID: <${name}@x>\nSubject: ${name}\n\n${name} at four\n`;

async function down(...names: readonly string[]): Promise<void> {
  const session = await SmtpSession.open(hub.daemon.address('smtp'));
  for (const name of names) {
    const wire = Buffer.from(mail(name).replaceAll('\n', '\r\n'));
    expect((await session.send({ from: 'friend@example.com', to: ['farid@example.org'], wire })).code).toBe(250);
  }
  await session.close();
}

async function up(...names: readonly string[]): Promise<void> {
  for (const name of names)
    done(await herat.command(['send', '-f', 'farid@example.org', 'friend@example.com'], { input: mail(name) }));
}

/** Syncs until nothing is left to do on either side. */
async function synced(): Promise<void> {
  for (let tries = 0; tries < 10; tries += 1) {
    const { code, line, err } = await herat.sync();
    expect(code, err).toBe(0);
    if (line?.up.mails === 0 && line.down.mails === 0) return;
  }
  throw new Error('ten syncs, and still mail travels');
}

const subjects = (texts: readonly string[]): readonly string[] =>
  texts.map((text) => /^Subject: (.*?)\r?$/m.exec(text)?.[1] ?? '').sort();
const read = async (): Promise<readonly string[]> =>
  subjects((await herat.mailbox('farid')).map(({ bytes }) => bytes.toString()));
const sent = (): readonly string[] => subjects(sink.mails.map(({ wire }) => wire.toString()));
const names = (word: string, count: number, from = 1): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${word} ${String(n + from).padStart(3, '0')}`);

/** `cp -r` as somebody types it: modes and times are not kept. */
async function copied(from: string, to: string): Promise<void> {
  const child = spawn('cp', ['-r', from, to], { stdio: 'inherit' });
  await once(child, 'close');
}

async function restore(backup: string, to: string): Promise<void> {
  await rm(to, { recursive: true });
  execFileSync('cp', ['-a', backup, to]);
}

const fsck = async (site: HubSite | OfficeSite, ...words: readonly string[]): Promise<void> =>
  void done(await site.command(['fsck', '--repair', ...words]));

test('a hub that is older than its offices: numbers, answers and histories heal, and no new mail is taken for an old one', async () => {
  await down(...names('before', 3));
  await up(...names('up', 2));
  await synced();
  await hub.stop();
  await cp(join(hub.folder, 'store'), join(folder, 'backup'), { recursive: true });
  await hub.start();
  // One mail a sync: each has a number, and the last answers are still remembered.
  for (const name of names('since', 5)) {
    await down(name);
    await herat.sync();
  }
  await up(...names('up', 2, 3));
  await herat.sync();
  await sink.until(4);
  await hub.stop();
  await restore(join(folder, 'backup'), join(hub.folder, 'store'));
  await hub.start();
  await down(...names('after', 8));
  await up(...names('up', 3, 5));
  await synced();
  await down(...names('later', 2));
  await synced();
  expect(await read()).toEqual(
    [...names('after', 8), ...names('before', 3), ...names('later', 2), ...names('since', 5)].sort(),
  );
  await sink.until(7);
  expect(sent()).toEqual(names('up', 7));
}, 120_000);

test('the laptop of last week: stopped, readmitted, and given what it lacks; what it sends again goes once', async () => {
  await down(...names('before', 3));
  await up(...names('up', 2));
  await synced();
  await up('waiting 001');
  await cp(herat.data, join(folder, 'backup'), { recursive: true });
  await down(...names('since', 4));
  await up(...names('up', 2, 3));
  await synced();
  await sink.until(5);
  await restore(join(folder, 'backup'), herat.data);
  await down(...names('after', 3));
  const { code, err } = await herat.sync();
  expect([code, err]).toEqual([77, expect.stringContaining("'hub office readmit herat'")]);
  done(await hub.command(['office', 'readmit', 'herat']));
  await up('up 005');
  await synced();
  expect(await read()).toEqual([...names('after', 3), ...names('before', 3), ...names('since', 4)].sort());
  await sink.until(6);
  expect(sent()).toEqual([...names('up', 5), 'waiting 001']);
}, 120_000);

/** Mail both ways and syncs, until `stop` is called; answers how many mails were handed in each way. */
function load(start: number): { stop(): Promise<number> } {
  let count = start;
  let stopped = false;
  const working = (async () => {
    while (!stopped) {
      count += 1;
      const [name = ''] = names('load', 1, count);
      await Promise.all([down(name), up(name), herat.sync()]);
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await working;
      return count;
    },
  };
}

test('a data folder copied in the middle of the work: readmitted, it has all that came, and all that it sends goes once', async () => {
  await synced();
  const first = load(0);
  await sink.until(3);
  for (const copy of [1, 2, 3]) await copied(herat.data, join(folder, `copy-${copy}`));
  const count = await first.stop();
  await synced();
  await sink.until(count);
  for (const copy of [1, 2, 3]) {
    await restore(join(folder, `copy-${copy}`), herat.data);
    await fsck(herat, '--copied');
    done(await hub.command(['office', 'readmit', 'herat']));
    await synced();
    expect(await read()).toEqual(names('load', count));
    expect(sent()).toEqual(names('load', count));
  }
}, 180_000);

test('a hub copied in the middle of the work: what was taken before the copy arrives, and all that comes after', async () => {
  await down(...names('waits', 4));
  const first = load(0);
  await sink.until(3);
  const before = (await read()).length;
  await copied(join(hub.folder, 'store'), join(folder, 'copy'));
  const count = await first.stop();
  await synced();
  await sink.until(count);
  await hub.stop();
  await restore(join(folder, 'copy'), join(hub.folder, 'store'));
  await fsck(hub, '--copied');
  expect((await readFile(join(hub.folder, 'store/.owner'), 'utf8')).trim()).toBe('fieldpost hub');
  await hub.start();
  await down(...names('after', 6));
  await up(...names('after', 3));
  await synced();
  const mailbox = await read();
  expect(mailbox).toEqual([...names('after', 6), ...names('load', count), ...names('waits', 4)].sort());
  expect(before).toBeLessThan(mailbox.length);
  await sink.until(count + 3);
  expect(sent().filter((name) => name.startsWith('after'))).toEqual(names('after', 3));
  expect(new Set(sent())).toEqual(new Set([...names('after', 3), ...names('load', count)]));
}, 180_000);
