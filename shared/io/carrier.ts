/**
 * Programs that carry files (UUCP, NNCP, a modem's file transfer, `cp` to a share): how one is given a file, and how what
 * such a program has left in a folder is taken. No shell is in between: a command is a list of words.
 */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TripError } from '../core/trip-record.ts';
import { BatchError } from './batch-file.ts';
import type { Imported } from './batch-import.ts';
import { Exit } from './command-line.ts';
import { removeDurably } from './durable.ts';
import type { Log } from './log.ts';
import { StoreError } from './store.ts';
import { TripRefused } from './trip-side.ts';

/** The program did not take the file. The message says why, in its own words. */
export class CarrierError extends Error {}

export interface CarrierProgram {
  /** Program and arguments; `{file}` stands for the path of the file. Without it the file is standard input. */
  readonly command: readonly string[];
  /** It is stopped after that. */
  readonly seconds: number;
  readonly log: Log;
  readonly signal?: AbortSignal;
}

const PLACE = '{file}';
/** How long a program that was told to stop may take. */
const GRACE_MS = 5_000;
/** What it says may still come after it has ended; a program that it left behind may hold the line for ever. */
const LAST_WORDS_MS = 200;

/** Gives a file to a program; returns when that has ended with 0. Throws CarrierError otherwise. */
export async function giveToCarrier(file: string, { command, seconds, log, signal }: CarrierProgram): Promise<void> {
  const [program = '', ...words] = command.map((word) => word.replaceAll(PLACE, file));
  const asInput = command.some((word) => word.includes(PLACE)) ? undefined : await open(file, 'r');
  try {
    const { ended, said } = await run({ program, words, seconds, ...(signal ? { signal } : {}) }, asInput);
    if (ended !== 'exit code 0') throw new CarrierError(`${program}: ${ended}${said && `; it said: ${said}`}`);
    if (said) log.info('a carrier has said something', { program, said });
  } finally {
    await asInput?.close();
  }
}

export interface Run {
  readonly program: string;
  readonly words: readonly string[];
  readonly seconds: number;
  readonly signal?: AbortSignal;
}

/** Runs a program in bounded time, and what it has started with it; answers how it ended, and its last words. */
export function run(
  { program, words, seconds, signal }: Run,
  input: FileHandle | undefined,
): Promise<{ readonly ended: string; readonly said: string }> {
  return new Promise((resolve) => {
    // A group of its own, so that what it has started can be stopped with it.
    const child = spawn(program, words, { stdio: [input?.fd ?? 'ignore', 'pipe', 'pipe'], detached: true });
    const lastWords = new LastWords();
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => lastWords.add(chunk));
    let stopped: string | undefined;
    const stop = (why: string): void => {
      stopped ??= why;
      kill(child.pid, 'SIGTERM');
      setTimeout(() => kill(child.pid, 'SIGKILL'), GRACE_MS).unref();
    };
    const late = setTimeout(() => stop(`did not end within ${seconds} s, and was stopped`), seconds * 1_000);
    const aborted = (): void => stop('was stopped, as all of this is being stopped');
    signal?.addEventListener('abort', aborted);
    const end = (ended: string): void => {
      clearTimeout(late);
      signal?.removeEventListener('abort', aborted);
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
      resolve({ ended: stopped ?? ended, said: lastWords.text });
    };
    child.once('error', (error: NodeJS.ErrnoException) => end(`cannot be run (${error.code})`));
    child.once('exit', (code, by) => {
      const ended = code === null ? `ended by ${by}` : `exit code ${code}`;
      const timer = setTimeout(() => end(ended), LAST_WORDS_MS);
      child.once('close', () => {
        clearTimeout(timer);
        end(ended);
      });
    });
    if (signal?.aborted) aborted();
  });
}

function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has gone meanwhile.
  }
}

const WORDS_BYTES_MAX = 2_000;

/** The end of what a program says, as one line. */
class LastWords {
  #bytes = Buffer.alloc(0);

  add(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-WORDS_BYTES_MAX);
  }

  get text(): string {
    return this.#bytes
      .toString()
      .replace(/[\u0000-\u001f\u007f]+/g, ' ')
      .trim();
  }
}

/** What was taken from a folder. */
export interface Taken {
  mails: number;
  bytesRaw: number;
  /** Bytes of the files. */
  bytesWire: number;
  files: number;
}

/**
 * Takes every file of a folder, and removes each that was taken whole, durably. One that cannot be read stays, for it may still be
 * growing, and holds up no other; the log says so each time. Hidden files are not looked at.
 */
export async function takeInbox(
  folder: string,
  { take, log }: { take(file: AsyncIterable<Uint8Array>): Promise<Imported>; readonly log: Log },
): Promise<Taken> {
  const taken: Taken = { mails: 0, bytesRaw: 0, bytesWire: 0, files: 0 };
  for (const name of await namesIn(folder, log)) {
    const file = join(folder, name);
    const reason = await takeFile(file, take, taken);
    if (reason !== undefined) log.warn('a file of a carrier was not taken whole, and stays', { file, reason });
  }
  return taken;
}

/** Why the file stays; undefined when it has been taken and is gone. */
async function takeFile(
  file: string,
  take: (file: AsyncIterable<Uint8Array>) => Promise<Imported>,
  taken: Taken,
): Promise<string | undefined> {
  try {
    const { size } = await stat(file);
    const { mails, bytesRaw, later, fault } = await take(createReadStream(file, { highWaterMark: 262_144 }));
    taken.mails += mails;
    taken.bytesRaw += bytesRaw;
    taken.bytesWire += size;
    taken.files += 1;
    if (fault !== undefined) return fault;
    if (later > 0) return 'not all of it could be taken now';
    await removeDurably(file);
    return undefined;
  } catch (error) {
    if (isForeseen(error)) return (error as Error).message;
    throw error;
  }
}

const isForeseen = (error: unknown): boolean =>
  [BatchError, TripError, TripRefused, Exit, StoreError].some((kind) => error instanceof kind) ||
  (error as NodeJS.ErrnoException).code !== undefined;

async function namesIn(folder: string, log: Log): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    log.warn('the inbox of a carrier cannot be read: make it, and let this user read and remove what is in it', {
      folder,
      reason: String((error as NodeJS.ErrnoException).code),
    });
    return [];
  }
}
