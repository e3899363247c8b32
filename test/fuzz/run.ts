/** Runs parsers in threads, watches that none hangs, and keeps what was found. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Finding, type FuzzResult, findingName } from './engine.ts';
import { NOW_BYTES, NOW_HEAD_BYTES, type ParserTask, type WorkerTask } from './worker-task.ts';

const FINDINGS = join(import.meta.dirname, 'findings');
/** One input; on a busy machine too. */
const HANG_MS = 60_000;

/** Findings of before: inputs that once broke the parser. */
export async function knownFindings(parser: string): Promise<readonly Uint8Array[]> {
  const names = await readdir(join(FINDINGS, parser)).catch(() => []);
  return Promise.all(names.sort().map((name) => readFile(join(FINDINGS, parser, name))));
}

export async function keepFinding(parser: string, finding: Finding): Promise<string> {
  const path = join(FINDINGS, parser, findingName(finding));
  await mkdir(join(FINDINGS, parser), { recursive: true });
  await writeFile(path, finding.input);
  return path;
}

export interface RunOptions {
  readonly cases: number;
  readonly seed: number;
  /** Threads. */
  readonly workers: number;
}

/** So many cases of one parser, parted among the threads; each has its own seed. */
export async function runParser(parser: string, { cases, seed, workers }: RunOptions): Promise<FuzzResult> {
  const known = await knownFindings(parser);
  const threads = Array.from({ length: workers }, (_, index) =>
    runThread([{ parser, cases: Math.ceil(cases / workers), seed: seed + index, known }]),
  );
  return (await Promise.all(threads)).flat().reduce(together);
}

function together(one: FuzzResult, other: FuzzResult): FuzzResult {
  return {
    cases: one.cases + other.cases,
    seconds: Math.max(one.seconds, other.seconds),
    findings: [...one.findings, ...other.findings],
    kinds: Math.max(one.kinds, other.kinds),
    slowestMs: Math.max(one.slowestMs, other.slowestMs),
    grownBytes: Math.max(one.grownBytes, other.grownBytes),
  };
}

/** Parsers one after another in one thread; a result for each. One that hangs ends the thread, and has the last result. */
export function runThread(tasks: readonly ParserTask[]): Promise<readonly FuzzResult[]> {
  const now = new SharedArrayBuffer(NOW_BYTES);
  const numbers = new Int32Array(now, 0, 3);
  const workerData: WorkerTask = { tasks, now };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData });
  const results: FuzzResult[] = [];
  return new Promise((resolve, reject) => {
    let last = '';
    let since = performance.now();
    const watch = setInterval(() => {
      const at = `${numbers[0]} ${Atomics.load(numbers, 1)}`;
      if (at !== last) since = performance.now();
      else if (performance.now() - since > HANG_MS) ended(() => resolve([...results, hung(now)]));
      last = at;
    }, 1_000);
    const ended = (act: () => void): void => {
      clearInterval(watch);
      void worker.terminate();
      act();
    };
    worker.on('message', (result: FuzzResult) => {
      results.push({
        ...result,
        findings: result.findings.map((one) => ({ ...one, input: Buffer.from(one.input) })),
      });
      if (results.length === tasks.length) ended(() => resolve(results));
    });
    worker.once('error', (error) => ended(() => reject(error)));
  });
}

function hung(now: SharedArrayBuffer): FuzzResult {
  const [, cases = 0, length = 0] = new Int32Array(now, 0, 3);
  const input = Buffer.from(new Uint8Array(now, NOW_HEAD_BYTES, length));
  const findings = [{ kind: 'hang', error: `no end after ${HANG_MS / 1_000} s`, input }];
  return { cases, seconds: HANG_MS / 1_000, findings, kinds: 0, slowestMs: HANG_MS, grownBytes: 0 };
}
