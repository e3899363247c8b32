/**
 * Puts the simulation in the place of the system: clock, timers, chance, files, and the compressors' threads. Named imports of
 * Node's modules follow, wherever they are. To be done once, before a world begins.
 */
import crypto from 'node:crypto';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { Transform } from 'node:stream';
import timers from 'node:timers/promises';
import zlib from 'node:zlib';
import { isSimulated, simulatedFiles } from './sim-files.ts';
import { currentProcess, type Event, simulation } from './simulation.ts';

export function replaceSystem(): void {
  replaceTime();
  replaceChance();
  replaceFiles();
  replaceCodecs();
  syncBuiltinESMExports();
}

class Timer {
  event: Event;
  readonly #ms: number;
  readonly #act: () => void;

  constructor(act: () => void, ms: number) {
    this.#ms = ms;
    this.#act = act;
    this.event = simulation().after(ms, act);
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  refresh(): this {
    this.event.cancelled = true;
    this.event = simulation().after(this.#ms, this.#act);
    return this;
  }

  [Symbol.toPrimitive](): number {
    return this.event.order;
  }
}

function clear(timer: unknown): void {
  if (timer instanceof Timer) timer.event.cancelled = true;
}

type Act = (...args: unknown[]) => void;

function every(act: Act, ms = 0, ...args: unknown[]): Timer {
  const timer: Timer = new Timer(
    () => {
      timer.event = simulation().after(Math.max(1, ms), () => again());
      act(...args);
    },
    Math.max(1, ms),
  );
  const again = (): void => {
    timer.event = simulation().after(Math.max(1, ms), () => again());
    act(...args);
  };
  return timer;
}

function replaceTime(): void {
  Object.assign(globalThis, {
    setTimeout: (act: Act, ms = 0, ...args: unknown[]) => new Timer(() => act(...args), Math.max(1, ms)),
    setInterval: every,
    setImmediate: (act: Act, ...args: unknown[]) => new Timer(() => act(...args), 0),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  });
  Date.now = () => simulation().clock();
  performance.now = () => simulation().now;
  const wait = (ms = 0): Promise<void> => simulation().wait(ms);
  Object.assign(timers, { setTimeout: wait, setImmediate: () => wait(0) });
}

function replaceChance(): void {
  Math.random = () => simulation().drawn.next();
  const randomBytes = (count: number): Buffer => simulation().drawn.bytes(count);
  Object.assign(crypto, {
    randomBytes,
    randomUUID: () =>
      randomBytes(16)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    randomInt: (end: number) => simulation().drawn.below(end),
  });
}

function replaceFiles(): void {
  const system = files as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  for (const [name, simulated] of Object.entries(simulatedFiles)) {
    const real = system[name];
    system[name] = (...args) => {
      if (isSimulated(args[0])) return (simulated as (...args: unknown[]) => Promise<unknown>)(...args);
      // It would take real time, and the order of things would not be the seed's any more.
      if (currentProcess()) throw new Error(`a program of the world touches ${String(args[0])}`);
      return real?.(...args) as never;
    };
  }
}

/** As hard as is quick: what a world is about does not depend on it. */
const QUALITY = 1;
const LEVEL = 1;
/** Bytes in a millisecond. */
const CODEC_SPEED = 2_000;

type Done = (error: Error | null, bytes?: Buffer) => void;

/** The work at once, its end a while later. */
function later(size: number, work: () => Buffer, done: Done): void {
  let bytes: Buffer | undefined;
  let failure: Error | null = null;
  try {
    bytes = work();
  } catch (error) {
    failure = error as Error;
  }
  simulation().after(0.1 + size / CODEC_SPEED, () => done(failure, bytes));
}

function replaceCodecs(): void {
  const { brotliCompressSync, brotliDecompressSync, zstdCompressSync, zstdDecompressSync, constants } = zlib;
  const quick = (options: zlib.BrotliOptions = {}): zlib.BrotliOptions => ({
    ...options,
    params: { ...options.params, [constants.BROTLI_PARAM_QUALITY]: QUALITY },
  });
  const codecs = {
    brotliCompress: (bytes: Buffer, options: zlib.BrotliOptions, done: Done) =>
      later(bytes.length, () => brotliCompressSync(bytes, quick(options)), done),
    brotliDecompress: (bytes: Buffer, options: zlib.BrotliOptions, done: Done) =>
      later(bytes.length, () => brotliDecompressSync(bytes, options), done),
    createZstdCompress: () =>
      gathering((bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } })),
    createZstdDecompress: () => gathering((bytes) => zstdDecompressSync(bytes)),
  };
  for (const [name, value] of Object.entries(codecs))
    Object.defineProperty(zlib, name, { value, configurable: true, enumerable: true });
}

function gathering(work: (bytes: Buffer) => Buffer): Transform {
  const chunks: Buffer[] = [];
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
    flush(done) {
      const bytes = Buffer.concat(chunks);
      later(bytes.length, () => work(bytes), done as Done);
    },
  });
}
