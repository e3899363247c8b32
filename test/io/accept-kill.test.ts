import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFsStore } from '../../shared/io/fs-store.ts';
import { listEntries, openEntry, removeEntry } from '../../shared/io/maildir.ts';
import type { Store } from '../../shared/io/store.ts';

const PROGRAM = fileURLToPath(new URL('../support/accept-child.ts', import.meta.url));
const MAILS = 300;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs the program over all mails; kills it once it has accepted `killAfter` of them. */
async function run(killAfter: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, [PROGRAM, folder, '0', `${MAILS}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.split('\n').length > killAfter) child.kill('SIGKILL');
  }
  await closed;
  return said.split('\n').slice(0, -1).map(Number);
}

async function takeAll(store: Store, taken: string[]): Promise<void> {
  for (const maildir of ['internet', 'office/herat'])
    for (const { key } of await listEntries(store, maildir)) {
      const entry = await openEntry(store, key);
      if (!entry) continue;
      taken.push(...entry.head.recipients.map((recipient) => `${entry.head.sender} ${recipient}`));
      await removeEntry(store, entry);
    }
}

test('killed again and again in the middle of its work, and read in between: every mail once', async () => {
  const taken: string[] = [];
  const accepted = new Set<number>();
  for (const killAfter of [1, 7, 40, 90, 180, Number.POSITIVE_INFINITY]) {
    for (const number of await run(killAfter)) accepted.add(number);
    await takeAll(await openFsStore(join(folder, 'store'), { owner: 'hub' }), taken);
  }
  expect(accepted.size).toBe(MAILS);
  expect(taken.length).toBe(2 * MAILS);
  expect(new Set(taken).size).toBe(2 * MAILS);
  expect(await readdir(join(folder, 'spool'))).toEqual([]);
});
