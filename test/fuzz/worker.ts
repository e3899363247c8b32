/** One thread of a fuzzing run. What it is at stands in shared memory, in case it never comes back. */
import { parentPort, workerData } from 'node:worker_threads';
import { fuzz, SIZE_MAX } from './engine.ts';
import { targetNamed } from './targets.ts';
import { NOW_HEAD_BYTES, type WorkerTask } from './worker-task.ts';

const { tasks, now } = workerData as WorkerTask;
const numbers = new Int32Array(now, 0, 3);
const bytes = new Uint8Array(now, NOW_HEAD_BYTES);

for (const [index, { parser, cases, seed, known }] of tasks.entries()) {
  const target = targetNamed(parser);
  if ((target.sizeMax ?? SIZE_MAX) > bytes.length) throw new Error(`${parser}: its inputs are too large to be watched`);
  numbers[0] = index;
  const result = await fuzz(target, {
    cases,
    seed,
    known,
    now: (count, input) => {
      bytes.set(input);
      numbers[2] = input.length;
      Atomics.store(numbers, 1, count);
    },
  });
  parentPort?.postMessage(result);
}
