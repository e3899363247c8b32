/** Work on the data folder that only one agent process may do at a time. It is short, so the others wait. */
import { realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLock } from '../shared/io/lock.ts';
import type { Agent } from './agent.ts';

const WAIT_MS = 50;

/** `what` names the work; the kernel ends the lock with the process. */
export async function alone<T>({ config }: Agent, what: string, work: () => Promise<T>): Promise<T> {
  const name = `fieldpost-${what} ${await realpath(config.data)}`;
  for (;;) {
    const lock = await tryLock(name);
    if (lock) {
      try {
        return await work();
      } finally {
        await lock.release();
      }
    }
    await sleep(WAIT_MS);
  }
}
