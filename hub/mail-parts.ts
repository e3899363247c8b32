/**
 * What a mail holds: its text, and its attachments in order; and pictures of it made small. The whole mail is in memory for
 * that, so a mail beyond the bounds is not taken apart, only one is at a time, and for so long.
 */
import { Worker } from 'node:worker_threads';
import { type Body, readBody } from '../shared/io/body.ts';
import { Turns } from '../shared/io/turns.ts';
import { type MailParts, PARTS_FILE, PARTS_THREAD, type PartsTask } from './parts-thread.ts';
import type { Shrunk } from './picture.ts';

/** Held in memory, and once more decoded. */
const PARSED_BYTES_MAX = 50_000_000;
/** Ten thousands of parts would cost seconds of the processor. */
const BOUNDARIES_MAX = 2_000;
const LOAD_MS_MAX = 60_000;
const PARSE_MS_MAX = 5_000;
const SHRINK_MS_MAX = 20_000;
const HEAP_MB_MAX = 400;

const turns = new Turns({ totalMax: 1 });
let thread: Worker | undefined;
/** Threads that have said that they are there. */
const loaded = new WeakSet<Worker>();

/** Undefined when the mail is beyond the bounds, or cannot be read as one. */
export async function readParts(body: Body): Promise<MailParts | undefined> {
  if (body.size > PARSED_BYTES_MAX) return undefined;
  const giveBack = await turns.take('parts', 1);
  try {
    const bytes = await readBody(body, PARSED_BYTES_MAX);
    return boundaries(bytes) > BOUNDARIES_MAX ? undefined : await inThread<MailParts>({ mail: bytes }, PARSE_MS_MAX);
  } finally {
    giveBack();
  }
}

/** A picture of a mail, made small. */
export async function smallPicture(picture: Uint8Array, millisecondsMax = SHRINK_MS_MAX): Promise<Shrunk> {
  const giveBack = await turns.take('parts', 1);
  try {
    const shrunk = await inThread<Shrunk>({ picture }, millisecondsMax);
    return shrunk ?? { why: 'it takes too long' };
  } finally {
    // What the pixels took is given back only with the thread.
    end(thread);
    giveBack();
  }
}

/** Lines that may begin a part. */
function boundaries(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf('\n--'); at >= 0 && count <= BOUNDARIES_MAX; at = bytes.indexOf('\n--', at + 1))
    count += 1;
  return count;
}

/** In the thread, which lives on for the next mail and keeps no program running. Undefined: it was given up. */
async function inThread<Result>(task: PartsTask, millisecondsMax: number): Promise<Result | undefined> {
  thread ??= new Worker(PARTS_FILE, {
    workerData: PARTS_THREAD,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  });
  const worker = thread;
  worker.ref();
  // That it is loaded on a busy machine is not the mail's doing.
  if (!loaded.has(worker) && (await said(worker, LOAD_MS_MAX)) !== undefined) loaded.add(worker);
  if (!loaded.has(worker)) return undefined;
  const result = said<Result>(worker, millisecondsMax);
  worker.postMessage(task);
  const answer = await result;
  worker.unref();
  return answer;
}

/** What the thread says next. Undefined, and the thread is ended, when it says nothing in time or has ended itself. */
function said<Result>(worker: Worker, millisecondsMax: number): Promise<Result | undefined> {
  return new Promise((resolve) => {
    const done = (result: Result | undefined): void => {
      clearTimeout(timer);
      worker.off('message', done).off('error', giveUp).off('exit', giveUp);
      resolve(result);
    };
    const giveUp = (): void => {
      end(worker);
      done(undefined);
    };
    const timer = setTimeout(giveUp, millisecondsMax);
    worker.on('message', done);
    worker.on('error', giveUp);
    worker.on('exit', giveUp);
  });
}

function end(worker: Worker | undefined): void {
  if (thread === worker) thread = undefined;
  worker?.on('error', () => undefined);
  worker?.terminate();
}
