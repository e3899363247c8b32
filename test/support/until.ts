import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 45_000;

/** Asks again until there is an answer; when patience ends, `explain` says what there was instead. */
export async function until<T>(ask: () => Promise<T | undefined>, explain: () => Promise<string>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`it did not come: ${await explain()}`);
    await sleep(100);
  }
}
