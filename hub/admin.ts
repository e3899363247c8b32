/**
 * The admin listener: `/healthz` for supervisors, `/metrics` for Prometheus, the page for a browser, and `/command`, by which the command line has its commands run inside
 * the serving hub, so that two writers of one store never meet. Loopback only; a command needs the token that
 * whoever can read the master secret can derive.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Server } from 'node:http';
import { type HttpBindings, type ServerType, serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { stream } from 'hono/streaming';
import * as z from 'zod/mini';
import { type Call, EXIT, Exit } from '../shared/io/command-line.ts';
import { ConfigError, splitHostAddress } from '../shared/io/config.ts';
import { limitConnections } from '../shared/io/connection-limits.ts';
import { StoreError } from '../shared/io/store.ts';
import { encodeSaid, readSaid, type Said } from './command-stream.ts';
import type { Hub, HubCommand, Service } from './hub.ts';
import { makeMetrics, metricsAnswer } from './metrics.ts';
import { deriveAdminToken } from './office-key.ts';
import { hubPage } from './page/app.tsx';

/** A command line on its way into the hub: the first thing that is said to it. */
const REQUEST = z.strictObject({
  words: z.string(),
  positionals: z.array(z.string()),
  options: z.record(z.string(), z.union([z.string(), z.boolean(), z.array(z.string())])),
  json: z.boolean(),
});
export type CommandRequest = z.infer<typeof REQUEST>;

/** What the hub says: output, a file that the caller is to read or to write, or the end. */
export type CommandLine =
  | { readonly out: string }
  | { readonly read: string }
  /** With bytes of a file for the caller; without them the file is whole, and the caller says when it is on its disk. */
  | { readonly file: string; readonly bytes?: number }
  | { readonly exit: number; readonly error?: string };

/** What the caller says later: a piece of the file that was wanted, its end, that a file has been written, or why not. */
const REPLY = z.union([
  z.strictObject({ bytes: z.int() }),
  z.strictObject({ done: z.literal(true) }),
  z.strictObject({ error: z.string(), exit: z.int() }),
]);
export type CommandReply = z.infer<typeof REPLY>;

/** What a command reads whole. */
const READ_BYTES_MAX = 80_000_000;

/** Of programs of this machine. */
const CONNECTIONS = { connectionsMax: 200, perAddressMax: 100 };

/** Starts the admin listener on `address` (host:port). */
export async function startAdmin(hub: Hub, commands: readonly HubCommand[], address: string): Promise<Service> {
  const where = splitHostAddress(address);
  if (!where || !/^(127\.|::1$|localhost$)/.test(where.host)) {
    throw new ConfigError(
      `listen.admin = "${address}": the admin port opens on loopback only, such as "127.0.0.1:8026"`,
    );
  }
  const app = adminApp(hub, commands);
  const server = await new Promise<ServerType>((resolve, reject) => {
    const started = serve({ fetch: app.fetch, hostname: where.host, port: where.port }, () => resolve(started));
    started.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Exit(EXIT.unavailable, `listen.admin = "${address}": cannot listen there (${error.code})`)),
    );
  });
  limitConnections(server as Server, { field: 'listen.admin', ...CONNECTIONS, log: hub.log });
  const bound = server.address() as { port: number };
  return {
    name: 'admin',
    address: `${where.host}:${bound.port}`,
    close: (seconds) => closeWithin(server as Server, seconds),
  };
}

/** A command in hand may end; one that takes longer is cut off at its caller, and goes on where it is safe to stop. */
async function closeWithin(server: Server, seconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), seconds * 1000);
  await closed;
  clearTimeout(late);
}

function adminApp(hub: Hub, commands: readonly HubCommand[]): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const token = Buffer.from(`Bearer ${deriveAdminToken(hub.secret)}`);
  app.get('/healthz', (c) => health(hub, c));
  const metrics = makeMetrics(hub);
  app.get('/metrics', () => metricsAnswer(metrics));
  app.post('/command', async (c) => {
    const shown = Buffer.from(c.req.header('authorization') ?? '');
    if (shown.length !== token.length || !timingSafeEqual(shown, token)) return c.text('not yours', 401);
    const lines = readSaid<object>(c.env.incoming);
    const request = REQUEST.safeParse((await lines.next()).value?.line);
    const command = request.success ? commands.find(({ words }) => words === request.data.words) : undefined;
    if (!request.success || !command)
      return c.text('not a command of this version of the hub: use the same version of both', 400);
    return stream(c, async (body) => {
      const say = (value: CommandLine, bytes?: Uint8Array) => body.write(encodeSaid(value, bytes));
      const caller = new Caller(lines, { say, isGone: () => body.aborted });
      await caller.say(await runInside(hub, command, request.data, caller));
    });
  });
  app.route('/', hubPage(hub, commands));
  return app;
}

async function health(hub: Hub, c: Context): Promise<Response> {
  try {
    await hub.directory.refresh();
    return c.text('ok');
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return c.text(`the store does not answer: ${error.message}`, 503);
  }
}

const GONE = 'whoever asked for this is gone';

interface Talk {
  say(line: CommandLine, bytes?: Uint8Array): Promise<unknown>;
  isGone(): boolean;
}

/** Who sent the command: it reads and writes files for it, one at a time. */
class Caller {
  readonly #lines: AsyncIterator<Said<object>>;
  readonly #talk: Talk;
  #said: Promise<unknown> = Promise.resolve();

  constructor(lines: AsyncIterator<Said<object>>, talk: Talk) {
    this.#lines = lines;
    this.#talk = talk;
  }

  say(line: CommandLine, bytes?: Uint8Array): Promise<unknown> {
    this.#said = this.#said.then(() => this.#talk.say(line, bytes));
    return this.#said;
  }

  async *read(path: string): AsyncGenerator<Uint8Array> {
    await this.say({ read: path });
    for (let said = await this.#reply(); 'bytes' in said.line; said = await this.#reply()) yield said.bytes;
  }

  async readWhole(path: string): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of this.read(path)) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > READ_BYTES_MAX) throw new Exit(EXIT.data, `${path} is larger than this command takes`);
    }
    return Buffer.concat(chunks);
  }

  /** Returns when the file is on the caller's disk. */
  async write(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) {
      if (this.#talk.isGone()) throw new Exit(EXIT.later, GONE);
      await this.say({ file: path }, chunk);
    }
    await this.say({ file: path });
    await this.#reply();
  }

  async #reply(): Promise<Said<CommandReply>> {
    const { value } = await this.#lines.next();
    const reply = REPLY.safeParse(value?.line);
    if (!reply.success) throw new Exit(EXIT.later, GONE);
    if ('error' in reply.data) throw new Exit(reply.data.exit, reply.data.error);
    return { line: reply.data, bytes: value?.bytes ?? new Uint8Array() };
  }
}

async function runInside(
  hub: Hub,
  command: HubCommand,
  { positionals, options, json }: CommandRequest,
  caller: Caller,
): Promise<CommandLine> {
  const call: Call = {
    positionals,
    options,
    json,
    out: (text) => void caller.say({ out: text }),
    readFile: (path) => caller.readWhole(path),
    readChunks: (path) => caller.read(path),
    writeChunks: (path, chunks) => caller.write(path, chunks),
  };
  return ended(hub, command, call);
}

async function ended(hub: Hub, command: HubCommand, call: Call): Promise<CommandLine> {
  try {
    return { exit: (await command.run(hub, call)) ?? EXIT.ok };
  } catch (error) {
    if (error instanceof Exit) return { exit: error.code, error: error.message };
    if (error instanceof ConfigError) return { exit: EXIT.config, error: error.message };
    if (error instanceof StoreError) return { exit: EXIT.unavailable, error: error.message };
    hub.log.error('a command failed in a way that nobody foresaw', {
      command: command.words,
      error: String((error as Error).stack),
    });
    return { exit: 70, error: String(error) };
  }
}
