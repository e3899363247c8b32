import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { tryLock } from '../../shared/io/lock.ts';
import { writerIsGone, writerState, writerToken } from '../../shared/io/writer.ts';

const HOUR_MS = 3_600_000;
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) if (child.kill('SIGKILL')) await once(child, 'exit');
});

/** A process that prints what `expression` (of the module) comes to, and waits. */
async function otherProcess(module: string, expression: string): Promise<{ child: ChildProcess; said: string }> {
  const url = new URL(`../../shared/io/${module}.ts`, import.meta.url);
  const script = `const m = await import(${JSON.stringify(url.href)}); console.log(await ${expression}); process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  return { child, said: String(value) };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('this process is alive, however old its files are', () => {
  expect(writerToken()).toMatch(/^[0-9a-f.]+$/);
  expect(writerState(writerToken())).toBe('alive');
  expect(writerIsGone(writerToken(), 1_000 * HOUR_MS)).toBe(false);
});

test('another process is alive until it is killed, then gone at once', async () => {
  const { child, said } = await otherProcess('writer', 'm.writerToken()');
  expect(writerState(said)).toBe('alive');
  await kill(child);
  expect(writerState(said)).toBe('gone');
  expect(writerIsGone(said)).toBe(true);
});

test('a pid that was given to somebody else, and another boot: gone', () => {
  const [boot, namespace, pid, start] = writerToken().split('.');
  expect(writerState([boot, namespace, pid, Number(start) + 1].join('.'))).toBe('gone');
  expect(writerState(['0123456789ab', namespace, pid, start].join('.'))).toBe('gone');
});

test('what cannot be proved counts as gone after 36 hours', () => {
  const [boot, , pid, start] = writerToken().split('.');
  for (const token of [[boot, '1', pid, start].join('.'), 'nonsense', '']) {
    expect(writerState(token)).toBe('unknown');
    expect(writerIsGone(token)).toBe(false);
    expect(writerIsGone(token, 35 * HOUR_MS)).toBe(false);
    expect(writerIsGone(token, 37 * HOUR_MS)).toBe(true);
  }
});

test('a lock is held by one, and given on', async () => {
  const name = `a folder ${'with a long path '.repeat(20)} ${process.pid}`;
  const lock = await tryLock(name);
  expect(await tryLock(name)).toBeUndefined();
  const other = await tryLock(`${name} and more`);
  expect(other?.release).toBeTypeOf('function');
  await lock?.release();
  const again = await tryLock(name);
  expect(again?.release).toBeTypeOf('function');
  await again?.release();
  await other?.release();
});

test('a lock goes with its process, killed or not', async () => {
  const name = `a lock of another process ${process.pid}`;
  const { child } = await otherProcess('lock', `m.tryLock(${JSON.stringify(name)})`);
  expect(await tryLock(name)).toBeUndefined();
  await kill(child);
  const lock = await tryLock(name);
  expect(lock?.release).toBeTypeOf('function');
  await lock?.release();
});
