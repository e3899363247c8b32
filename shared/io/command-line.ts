/**
 * Command lines: a table of commands gives parsing, `--help`, usage errors and exit codes, the same for hub and
 * agent. What a command prints for people and scripts goes to `out` (stdout); errors go to stderr with the
 * program's name, in one line, with the remedy.
 */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { ConfigError } from './config.ts';
import { writeStreamDurably } from './durable.ts';
import { completion, manualPage } from './manual.ts';
import { StoreError } from './store.ts';
import { VERSION } from './version.ts';

export const EXIT = { ok: 0, usage: 64, data: 65, unavailable: 69, later: 75, refused: 77, config: 78 } as const;

/** Ends a command with an exit code and one sentence for stderr. */
export class Exit extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Call {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly json: boolean;
  /** Prints one line on stdout. */
  out(line: string): void;
  /** Reads a file named on the command line; `-` is standard input. Throws Exit 65 when it cannot be read. */
  readFile(path: string): Promise<Buffer>;
  /** The same in pieces, however long it is. */
  readChunks(path: string): AsyncIterable<Uint8Array>;
  /** Writes a file, durably, all of it or nothing; `-` is standard output. */
  writeChunks(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

export interface Command<Context> {
  /** `office add`. */
  readonly words: string;
  /** `NAME [--domain DOMAIN]`: what follows the words. */
  readonly usage: string;
  readonly summary: string;
  /** More lines for `--help`, with a real example. */
  readonly help?: string;
  readonly options?: NonNullable<ParseArgsConfig['options']>;
  /** How many positionals it takes: [least, most]. */
  readonly takes: readonly [number, number];
  /** Whether it reports, so that `--json` has a meaning. */
  readonly reports?: boolean;
  run(context: Context, call: Call): Promise<number | undefined>;
}

export interface Program<Context> {
  readonly name: string;
  readonly summary: string;
  readonly defaultConfig: string;
  readonly commands: readonly Command<Context>[];
  /** Makes what commands work with; called after the command line has been understood. */
  open(config: string, command: Command<Context>): Promise<Context>;
}

interface Parsed<Context> {
  readonly command: Command<Context>;
  readonly config: string;
  readonly call: Omit<Call, 'out' | 'readFile' | 'readChunks' | 'writeChunks'>;
}

/** Understands a command line. Throws Exit: code 64 with the usage, or code 0 with the help text to print. */
function parseCommandLine<Context>(program: Program<Context>, argv: readonly string[]): Parsed<Context> {
  const page = argv.length === 1 ? PAGES.get(argv[0] ?? '') : undefined;
  if (page) throw new Exit(0, page(program as Program<unknown>));
  const words = argv.filter((arg) => !arg.startsWith('-'));
  if (argv.length === 0 || (words.length === 0 && argv.some(isHelp)))
    throw new Exit(argv.length ? 0 : 64, overview(program));
  const command = program.commands
    .toSorted((a, b) => b.words.length - a.words.length)
    .find(({ words: name }) => name.split(' ').every((word, index) => argv[index] === word));
  if (!command) throw new Exit(EXIT.usage, unknownCommand(program, argv));
  const rest = argv.slice(command.words.split(' ').length);
  if (rest.slice(0, rest.includes('--') ? rest.indexOf('--') : undefined).some(isHelp))
    throw new Exit(0, helpOf(program, command));
  return { command, ...understand(program, command, rest) };
}

/** What else is made of the table. */
const PAGES: ReadonlyMap<string, (program: Program<unknown>) => string> = new Map([
  ['--version', ({ name }) => `${name} ${VERSION || 'from its sources'}`],
  ['--man', (program) => manualPage(program, VERSION)],
  ['--completion', completion],
]);

function understand<Context>(program: Program<Context>, command: Command<Context>, rest: readonly string[]) {
  const options = {
    ...command.options,
    config: { type: 'string' },
    ...(command.reports ? { json: { type: 'boolean' } } : {}),
  } as const satisfies ParseArgsConfig['options'];
  try {
    const { values, positionals } = parseArgs({ args: [...rest], options, allowPositionals: true });
    const [least, most] = command.takes;
    if (positionals.length < least || positionals.length > most)
      throw new Error(`${count(least, most)} expected, got ${positionals.length}`);
    const config = (values as { config?: string }).config ?? program.defaultConfig;
    const json = (values as { json?: boolean }).json === true;
    return { config, call: { positionals, options: values as Call['options'], json } };
  } catch (error) {
    const [reason] = (error as Error).message.split('. To specify');
    throw new Exit(EXIT.usage, `${reason}\nusage: ${program.name} ${command.words} ${command.usage}`.trimEnd());
  }
}

const count = (least: number, most: number): string =>
  `${least === most ? least : most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`} argument${most === 1 ? '' : 's'}`;

const isHelp = (arg: string): boolean => arg === '--help' || arg === '-h';

function overview<Context>({ name, summary, commands, defaultConfig }: Program<Context>): string {
  const rows = commands.map(
    ({ words, usage, summary: what }) => [`  ${name} ${words} ${usage}`.trimEnd(), what] as const,
  );
  const lines = rows.map(([left, right]) => `${left}\n      ${right}`);
  return `${name}: ${summary}\n\n${lines.join('\n')}\n\nEvery command takes --config FILE (default ${defaultConfig}) and --help; those that report take --json.\n${name} --version; ${name} --man: this as a manual page; ${name} --completion: for bash.\nExit codes: 0 done, 64 usage, 65 bad input, 69 unavailable, 75 try later, 77 refused, 78 bad configuration.`;
}

function helpOf<Context>(
  { name, defaultConfig }: Program<Context>,
  { words, usage, summary, help, reports }: Command<Context>,
): string {
  const common = `  --config FILE  the configuration (default ${defaultConfig})${reports ? '\n  --json         one JSON object on stdout' : ''}`;
  const first = `usage: ${name} ${words} ${usage}`.trimEnd();
  return `${first}\n\n${summary}.${help ? `\n\n${help}` : ''}\n\n${common}`;
}

function unknownCommand<Context>(program: Program<Context>, argv: readonly string[]): string {
  const near = program.commands.filter(({ words }) => words.split(' ')[0] === argv[0]).map(({ words }) => words);
  const hint = near.length
    ? `after '${argv[0]}' comes one of: ${near.map((words) => words.split(' ').slice(1).join(' ')).join(', ')}`
    : `'${program.name} --help' lists them`;
  return `no command '${argv.slice(0, 2).join(' ')}'; ${hint}`;
}

/**
 * Runs one command line; answers the exit code. The only caller is each program's main.ts. `argv` may be a function, where
 * words in another program's style are put into ours, so that what it throws is told like the rest.
 */
export async function runProgram<Context>(
  program: Program<Context>,
  argv: readonly string[] | (() => readonly string[]),
): Promise<number> {
  process.stdout.on('error', readerGone);
  try {
    const { command, config, call } = parseCommandLine(program, typeof argv === 'function' ? argv() : argv);
    const context = await program.open(config, command);
    return (await command.run(context, terminalCall(call))) ?? EXIT.ok;
  } catch (error) {
    return report(program.name, error);
  }
}

/** `hub queue | head`: who reads has seen enough. */
function readerGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
}

const terminalCall = (call: Parsed<unknown>['call']): Call => ({
  ...call,
  out: (line) => process.stdout.write(`${line}\n`),
  readFile: readNamedFile,
  readChunks: readNamedChunks,
  writeChunks: async (path, chunks) => {
    if (path !== '-') return writeStreamDurably(path, chunks);
    for await (const chunk of chunks)
      await new Promise<void>((resolve, reject) =>
        process.stdout.write(chunk, (error) => (error ? reject(error) : resolve())),
      );
  },
});

async function* readNamedChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 262_144 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Exit(EXIT.data, `${path} cannot be read (${code})`);
  }
}

/** Bounded: what a command reads whole (alias tables, tokens) is small. */
const NAMED_FILE_BYTES_MAX = 50_000_000;

async function readNamedFile(path: string): Promise<Buffer> {
  try {
    if (path === '-') return await buffer(process.stdin);
    const { size } = await stat(path);
    if (size > NAMED_FILE_BYTES_MAX) throw new Exit(EXIT.data, `${path} is larger than 50 MB`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof Exit) throw error;
    throw new Exit(EXIT.data, `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function report(name: string, error: unknown): number {
  if (error instanceof Exit && error.code === 0) process.stdout.write(`${error.message}\n`);
  else process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof Exit) return error.code;
  if (error instanceof ConfigError) return EXIT.config;
  if (error instanceof StoreError) return EXIT.unavailable;
  // What nobody foresaw is a fault of the program: its place is what a report to the makers needs.
  process.stderr.write(`${error instanceof Error ? error.stack : ''}\n`);
  return 70;
}
