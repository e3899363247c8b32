/** Runs the two programs as processes, as they are shipped: dist/hub.cjs and dist/agent.cjs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { ProgramName } from '../../tools/build.ts';
import { ROOT } from '../../tools/project.ts';

const bundle = (program: ProgramName): string => `${ROOT}dist/${program}.cjs`;

export interface Outcome {
  /** Exit code; -1 when a signal ended it. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  /** For standard input, which ends after it. */
  readonly input?: string | Uint8Array;
  /** Standard input does not end, as at a terminal. */
  readonly isTerminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the process while it runs, so that a test can kill it. */
  readonly started?: (child: ChildProcess) => void;
}

/** Runs any command to its end. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(command, args, { env: { ...process.env, ...options.env }, stdio: 'pipe' });
  options.started?.(child);
  // A command that ends without reading its input closes the pipe; its exit code says what it thought.
  child.stdin.on('error', () => child.stdin.destroy());
  if (!options.isTerminal) child.stdin.end(options.input ?? '');
  const [out, err] = [collect(child.stdout), collect(child.stderr)];
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? -1));
  });
  return { code, out: await out, err: await err };
}

/** Runs one command line of a program to its end. */
export const runProgram = (program: ProgramName, args: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  run(process.execPath, [bundle(program), ...args], options);

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** What a command must have done; its own words are the error. */
export function done(outcome: Outcome): Outcome {
  if (outcome.code === 0) return outcome;
  throw new Error(`exit code ${outcome.code}: ${outcome.err || outcome.out}`);
}

/** Highest resident memory of a process so far; 0 once it has ended. */
export async function memoryPeakBytes(pid: number): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return 0;
    throw error;
  }
}

/** No program outlives the test or the demo that started it. */
const serving = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of serving) child.kill('SIGKILL');
});

/** A program that serves: `hub serve`, `agent run`. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  /** Address by listener, from the ready line. */
  readonly listen: Readonly<Record<string, string>>;

  private constructor(child: ChildProcess, ended: Promise<number>, listen: Readonly<Record<string, string>>) {
    this.#child = child;
    this.#ended = ended;
    this.listen = listen;
  }

  /** Starts it and waits for the ready line. Its log goes to `logFile`. */
  static async start(program: ProgramName, args: readonly string[], logFile: string, env = {}): Promise<Daemon> {
    const child = spawn(process.execPath, [bundle(program), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    serving.add(child);
    child.once('close', () => serving.delete(child));
    child.stderr.pipe(createWriteStream(logFile, { flags: 'a' }));
    const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith('{"event":"ready"')) continue;
      child.stdout.resume();
      return new Daemon(child, ended, (JSON.parse(line) as { listen: Record<string, string> }).listen);
    }
    throw new Error(
      `${program} did not get ready (exit code ${await ended}): ${(await readFile(logFile, 'utf8')).slice(-2000)}`,
    );
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** SIGTERM; answers the exit code. */
  stop(): Promise<number> {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }

  async kill9(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Highest resident memory so far, bytes. */
  memoryPeakBytes(): Promise<number> {
    return memoryPeakBytes(this.pid);
  }

  /** Address of a listener, in parts. */
  address(name: string): { readonly host: string; readonly port: number } {
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(this.listen[name] ?? '') ?? [];
    if (port === '') throw new Error(`no listener ${name} in ${JSON.stringify(this.listen)}`);
    return { host, port: Number(port) };
  }
}
