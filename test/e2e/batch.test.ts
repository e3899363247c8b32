/** A stick between a hub and an office: real files, a real link beside them. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Agent, Desk } from '../../agent/agent.ts';
import { batchCommands as agentCommands } from '../../agent/batch-commands.ts';
import { queueCommand } from '../../agent/queue.ts';
import { sync } from '../../agent/sync.ts';
import { batchCommands as hubCommands } from '../../hub/commands/batch.ts';
import { onSticks } from '../../hub/instance.ts';
import { EXIT } from '../../shared/io/command-line.ts';
import { writeStreamDurably } from '../../shared/io/durable.ts';
import { listEntries } from '../../shared/io/maildir.ts';
import { postDown, postUp, type SyncPair, syncPair } from '../support/sync-office.ts';

let pair: SyncPair;
let folder: string;

beforeEach(async () => {
  pair = await syncPair();
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-stick-'));
});
afterEach(async () => {
  await pair.close();
  await rm(folder, { recursive: true, force: true });
});

const mail = (name: string, bytes = 0): Buffer =>
  Buffer.from(`Message-ID: <${name}@x>\nSubject: ${name}\n\n${name} ${randomBytes(bytes).toString('base64')}\n`);
const stick = (name: string): string => join(folder, name);
const options = (more: Record<string, string | boolean>) => ({ json: false, options: more });
type More = Record<string, string | boolean>;

async function command<T>(
  run: { run(context: T, call: never): Promise<number | undefined> } | undefined,
  context: T,
  positionals: readonly string[],
  more: More = {},
): Promise<{ readonly code: number; readonly said: string }> {
  const said: string[] = [];
  const call = {
    ...options(more),
    positionals,
    out: (line: string) => void said.push(line),
    readFile: (path: string) => readFile(path),
    readChunks: (path: string) => createReadStream(path),
    writeChunks: writeStreamDurably,
  };
  try {
    const code = (await run?.run(context, call as never)) ?? EXIT.ok;
    return { code, said: said.join('\n') };
  } catch (error) {
    const { code } = error as { code?: number };
    if (code === undefined) throw error;
    return { code, said: [...said, (error as Error).message].join('\n') };
  }
}

const desk = (agent: Agent): Desk => ({ open: async () => agent }) as Desk;
const [agentExport, agentImport] = agentCommands;
const [hubExport, hubImport] = hubCommands;
const up = (file: string, more?: More, agent = pair.agent) => command(agentExport, desk(agent), [stick(file)], more);
const atHub = (file: string) => command(hubImport, pair.hub, [stick(file)]);
const down = (file: string, more?: More) => command(hubExport, pair.hub, ['herat', stick(file)], more);
const atOffice = (file: string, agent = pair.agent) => command(agentImport, desk(agent), [stick(file)]);
const arrived = async (): Promise<number> => (await pair.hub.entries('internet')).length;
const waits = async (agent = pair.agent): Promise<number> => (await listEntries(agent.store, 'out')).length;

test('mail goes up on a stick, once however often; the answer comes back on one, and the queue is empty', async () => {
  await postUp(pair.agent, mail('one'));
  await postUp(pair.agent, mail('two'));
  expect(await up('a')).toMatchObject({ code: 0, said: expect.stringContaining('2 mails') });
  expect(await atHub('a')).toMatchObject({ code: 0, said: expect.stringContaining('2 mails taken') });
  expect(await atHub('a')).toMatchObject({ code: 0, said: expect.stringContaining('0 mails taken') });
  expect([await arrived(), await waits()]).toEqual([2, 2]);
  await postDown(pair.hub, mail('three'));
  expect((await down('b')).code).toBe(0);
  expect(await onSticks(pair.hub, 'herat')).toHaveProperty('size', 1);
  expect(await atOffice('b')).toMatchObject({ code: 0, said: expect.stringContaining('1 mails taken, 1 frames') });
  expect(await waits()).toBe(0);
  expect(await up('c')).toMatchObject({ code: 0, said: expect.stringContaining('0 mails') });
  expect(await atHub('c')).toMatchObject({ said: expect.stringContaining('1 frames of ours answered') });
  expect(await pair.hub.entries('office/herat')).toHaveLength(0);
});

test('a laptop from a backup gives a number to another mail: the old stick does not answer that', async () => {
  await sync(pair.agent);
  const backup = await mkdtemp(join(folder, 'backup-'));
  const { data, file } = pair.agent.config;
  await cp(dirname(file), backup, { recursive: true });
  await postUp(pair.agent, mail('one'));
  await up('a');
  await atHub('a');
  await down('answer');
  const restored = await pair.another({ folder: backup });
  expect(restored.config.data).not.toBe(data);
  await postUp(restored, mail('two'));
  await up('b', {}, restored);
  expect(await atOffice('answer', restored)).toMatchObject({ code: 0 });
  expect(await waits(restored)).toBe(1);
  expect((await atOffice('answer')).code).toBe(0);
  expect(await waits()).toBe(0);
});

test('a laptop from a backup that has only sticks: the hub says which numbers were used, and new mail goes behind them', async () => {
  await up('first');
  await atHub('first');
  const backup = await mkdtemp(join(folder, 'backup-'));
  await cp(dirname(pair.agent.config.file), backup, { recursive: true });
  for (const name of ['one', 'two']) {
    await postUp(pair.agent, mail(name));
    await up(name);
    await atHub(name);
    await down(`${name} answered`);
    await atOffice(`${name} answered`);
  }
  await up('last');
  await atHub('last');
  const restored = await pair.another({ folder: backup });
  await postUp(restored, mail('three'));
  await up('three', {}, restored);
  expect(await atHub('three')).toMatchObject({ code: 0, said: expect.stringContaining('0 mails taken') });
  await down('settled');
  expect((await atOffice('settled', restored)).code).toBe(0);
  expect(await up('again', {}, restored)).toMatchObject({ said: expect.stringContaining('1 mails') });
  expect(await atHub('again')).toMatchObject({ code: 0, said: expect.stringContaining('1 mails taken') });
  await down('answer');
  expect((await atOffice('answer', restored)).code).toBe(0);
  expect([await arrived(), await waits(restored)]).toEqual([3, 0]);
});

test('what is on a stick waits for it, and goes by link when the wait is over: once, though both come', async () => {
  await postUp(pair.agent, mail('one'));
  await up('a');
  expect(await command(queueCommand, desk(pair.agent), [])).toMatchObject({
    said: expect.stringContaining('on a stick for'),
  });
  expect(await up('empty')).toMatchObject({ said: expect.stringContaining('0 mails') });
  expect(await up('again', { again: true })).toMatchObject({ said: expect.stringContaining('1 mails') });
  expect(await sync(pair.agent)).toMatchObject({ ok: true, up: { mails: 0 }, waiting: { up: { mails: 1 } } });
  expect(await arrived()).toBe(0);
  pair.hub.wait(8 * 86_400);
  await sync(pair.agent);
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  expect([await arrived(), await waits()]).toEqual([1, 0]);
  expect((await atHub('a')).code).toBe(0);
  expect((await atHub('again')).code).toBe(0);
  expect(await arrived()).toBe(1);
});

test('a stick that is late by months, after newer ones and after the floor has moved', async () => {
  await postUp(pair.agent, mail('one'));
  await up('a');
  await postUp(pair.agent, mail('two'));
  await up('b');
  await atHub('b');
  expect(await arrived()).toBe(1);
  pair.hub.wait(90 * 86_400);
  await sync(pair.agent);
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  await postUp(pair.agent, mail('three'));
  expect(await sync(pair.agent)).toMatchObject({ ok: true, up: { mails: 1 } });
  expect(await atHub('a')).toMatchObject({ code: 0, said: expect.stringContaining('0 mails taken') });
  expect([await arrived(), await waits()]).toEqual([3, 0]);
});

test('half of a mail by stick, the rest by link, at the very byte', async () => {
  await postUp(pair.agent, mail('large', 200_000));
  expect((await up('a', { max: '100 KB' })).code).toBe(0);
  expect((await stat(stick('a'))).size).toBeLessThanOrEqual(100_000);
  expect(await atHub('a')).toMatchObject({ code: 0, said: expect.stringContaining('part of a mail is kept') });
  const { resumed, ok, up: sent } = await sync(pair.agent);
  expect({ resumed, ok }).toEqual({ resumed: 1, ok: true });
  expect(sent.bytesWire).toBeLessThan(130_000);
  expect([await arrived(), await waits()]).toEqual([1, 0]);
});

test('half of a mail by link, the rest by stick', async () => {
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  await postUp(pair.agent, mail('large', 300_000));
  pair.proxy.every = 150_000;
  expect(await sync(pair.agent)).toMatchObject({ ok: false });
  pair.proxy.up();
  await up('a');
  expect(await atHub('a')).toMatchObject({ code: 0, said: expect.stringContaining('1 mails taken') });
  expect(await sync(pair.agent)).toMatchObject({ ok: true, up: { mails: 0 } });
  expect([await arrived(), await waits()]).toEqual([1, 0]);
});

test('a stick that was altered anywhere, cut short, for another office, or the other way round', async () => {
  await postUp(pair.agent, mail('one', 1_000));
  await up('a');
  const bytes = await readFile(stick('a'));
  for (const at of [3, 20, 28, 40, 47, 60, 900, bytes.length - 1]) {
    const altered = Buffer.from(bytes);
    altered[at] = (altered[at] ?? 0) ^ 1;
    await writeFile(stick('altered'), altered);
    expect([EXIT.data, EXIT.refused], `byte ${at}`).toContain((await atHub('altered')).code);
  }
  await writeFile(stick('short'), bytes.subarray(0, -7));
  expect((await atHub('short')).code).toBe(EXIT.data);
  expect(await atOffice('a')).toMatchObject({ code: EXIT.data, said: expect.stringContaining('goes to the hub') });
  const other = await pair.another({ identity: '00000000000000ff.1' });
  await down('b');
  expect((await atOffice('b', other)).code).toBe(EXIT.refused);
  expect((await atHub('b')).code).toBe(EXIT.data);
  pair.change({ revoked: true });
  expect(await atHub('a')).toMatchObject({ code: EXIT.refused, said: expect.stringContaining('revoked') });
  pair.change({ revoked: false, generation: 2 });
  expect((await atHub('a')).code).toBe(EXIT.refused);
  expect(await arrived()).toBe(0);
});

test('the stick of a laptop that was replaced: its mail comes, once, and its numbers touch nothing', async () => {
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  const before = await pair.another();
  await postUp(before, mail('old'));
  await up('a', {}, before);
  expect(await atHub('a')).toMatchObject({ code: 0, said: expect.stringContaining('1 mails taken') });
  await atHub('a');
  await postUp(pair.agent, mail('new'));
  expect(await sync(pair.agent)).toMatchObject({ ok: true, up: { mails: 1 } });
  expect([await arrived(), await waits()]).toEqual([2, 0]);
});
