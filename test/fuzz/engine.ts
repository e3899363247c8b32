/**
 * Feeds a parser with hostile inputs, many thousands a second. A finding is an error that the parser has not declared, something
 * that does not hold (Broken), an input that takes long twice in a row, or memory that grows. What hangs for ever the runner sees
 * from outside (run.ts), by the input that stands in `now`.
 */
import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Mutator } from './mutate.ts';
import { Random } from './random.ts';
import { Broken, type FuzzTarget } from './target.ts';

export const SIZE_MAX = 4_096;
/** Inputs with which something new happened. */
const LEARNT_MAX = 600;
/** One input of a few KB. */
const SLOW_MS = 1_500;
const GROWTH_BYTES_MAX = 64_000_000;
const FINDINGS_MAX = 10;

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
  /** Findings of before. */
  readonly known?: readonly Uint8Array[];
  /** Called before each case. */
  readonly now?: (count: number, input: Buffer) => void;
}

export interface Finding {
  readonly kind: string;
  readonly error: string;
  readonly input: Buffer;
}

export interface FuzzResult {
  readonly cases: number;
  readonly seconds: number;
  readonly findings: readonly Finding[];
  /** Kinds of things that happened: a parser of which only one is seen is not tried at all. */
  readonly kinds: number;
  readonly slowestMs: number;
  readonly grownBytes: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzResult> {
  const run = new FuzzRun(target, options);
  try {
    return await run.all();
  } finally {
    await target.close?.();
  }
}

class FuzzRun {
  readonly #target: FuzzTarget;
  readonly #options: FuzzOptions;
  readonly #corpus: Uint8Array[];
  readonly #seeds: number;
  readonly #kinds = new Set<string>();
  readonly #findings = new Map<string, Finding>();
  #cases = 0;
  #slowestMs = 0;

  constructor(target: FuzzTarget, options: FuzzOptions) {
    this.#target = target;
    this.#options = options;
    this.#corpus = [...target.seeds(), ...(options.known ?? [])];
    this.#seeds = this.#corpus.length;
  }

  async all(): Promise<FuzzResult> {
    const { cases, seed } = this.#options;
    const { tokens = [], sizeMax = SIZE_MAX } = this.#target;
    const start = performance.now();
    for (const input of [...this.#corpus]) await this.#case(Buffer.from(input));
    const random = new Random(seed);
    const mutator = new Mutator(random, {
      corpus: this.#corpus,
      tokens: tokens.map((token) => Buffer.from(token)),
      sizeMax,
    });
    const warm = Math.min(Math.floor(cases / 4), 200_000);
    let before = 0;
    while (this.#cases < cases && this.#findings.size < FINDINGS_MAX) {
      if (this.#cases === warm) before = usedBytes();
      const done = this.#case(mutator.next());
      // To wait for what is there already would cost more than the case.
      if (done) await done;
    }
    const grownBytes = cases > warm ? usedBytes() - before : 0;
    if (grownBytes > GROWTH_BYTES_MAX && before > 0)
      this.#note('memory', new Error(`${grownBytes} bytes more than after ${warm} cases`), Buffer.alloc(0));
    return {
      cases: this.#cases,
      seconds: (performance.now() - start) / 1_000,
      findings: [...this.#findings.values()],
      kinds: this.#kinds.size,
      slowestMs: this.#slowestMs,
      grownBytes,
    };
  }

  #case(input: Buffer): Promise<void> | undefined {
    this.#cases += 1;
    this.#options.now?.(this.#cases, input);
    const start = performance.now();
    try {
      const kind = this.#target.run(input);
      if (typeof kind === 'string') this.#ended(kind, input, start);
      else return this.#later(kind, input, start);
    } catch (error) {
      this.#failed(error as Error, input, start);
    }
    return undefined;
  }

  async #later(kind: Promise<string>, input: Buffer, start: number): Promise<void> {
    try {
      this.#ended(await kind, input, start);
    } catch (error) {
      this.#failed(error as Error, input, start);
    }
  }

  #failed(error: Error, input: Buffer, start: number): void {
    if (error instanceof Broken || !this.#target.allows(error)) this.#note('error', error, input);
    else this.#ended(`! ${error.message}`, input, start);
  }

  #ended(kind: string, input: Buffer, start: number): void {
    const ms = performance.now() - start;
    if (ms > this.#slowestMs) this.#slowestMs = ms;
    if (ms > SLOW_MS && input.length > 0 && this.#isSlow(input))
      this.#note('slow', new Error(`${input.length} bytes take ${ms.toFixed(0)} ms`), input);
    // Numbers and names in a message are no news.
    const name = kind.replace(/\d+/g, '0').slice(0, 60);
    if (this.#kinds.has(name)) return;
    if (this.#kinds.size < 50_000) this.#kinds.add(name);
    if (this.#corpus.length < this.#seeds + LEARNT_MAX) this.#corpus.push(Uint8Array.from(input));
  }

  /** Once more: a busy machine is no fault of the parser. What is asynchronous is not asked again. */
  #isSlow(input: Buffer): boolean {
    const start = performance.now();
    try {
      if (typeof this.#target.run(input) !== 'string') return false;
    } catch {
      // It has said so before.
    }
    return performance.now() - start > SLOW_MS;
  }

  #note(kind: string, error: Error, input: Buffer): void {
    const [message = '', at = ''] = String(error.stack)
      .split('\n')
      .filter((line) => !line.includes('/test/fuzz/'));
    const name = `${kind} ${message.replace(/\d+/g, '0').slice(0, 60)} ${at}`;
    if (this.#findings.has(name)) return;
    this.#findings.set(name, { kind, error: `${message} ${at.trim()}`, input: Buffer.from(input) });
  }
}

/** The name of the file that a finding is kept in. */
export const findingName = ({ kind, input }: Pick<Finding, 'kind' | 'input'>): string =>
  `${kind}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`;
