/**
 * The admin listener: `/healthz` for supervisors, `/metrics` for Prometheus, and `/command`, by which the command line has its commands run inside
 * the serving hub, so that two writers of one store never meet. Loopback only; a command needs the token that
 * whoever can read the master secret can derive.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Server } from 'node:http';
import { type ServerType, serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { stream } from 'hono/streaming';
import * as z from 'zod/mini';
import { type Call, EXIT, Exit } from '../shared/io/command-line.ts';
import { ConfigError, splitHostAddress } from '../shared/io/config.ts';
import { StoreError } from '../shared/io/store.ts';
import type { Hub, HubCommand, Service } from './hub.ts';
import { makeMetrics, metricsAnswer } from './metrics.ts';
import { deriveAdminToken } from './office-key.ts';

/** A command line on its way into the hub. `files`: what the caller has read for it, base64 by path. */
const REQUEST = z.strictObject({
  words: z.string(),
  positionals: z.array(z.string()),
  options: z.record(z.string(), z.union([z.string(), z.boolean(), z.array(z.string())])),
  json: z.boolean(),
  files: z.record(z.string(), z.string()),
});
export type CommandRequest = z.infer<typeof REQUEST>;

/** One JSON line of the answer: output, a file that is wanted (the caller sends the command again with it), or the end. */
export type CommandLine =
  | { out: string }
  /** Bytes for a file of the caller, base64; without them the file is whole. */
  | { file: string; bytes?: string }
  | { need: string }
  | { exit: number; error?: string };

const REQUEST_BYTES_MAX = 80_000_000;

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

function adminApp(hub: Hub, commands: readonly HubCommand[]): Hono {
  const app = new Hono();
  const token = Buffer.from(`Bearer ${deriveAdminToken(hub.secret)}`);
  app.get('/healthz', (c) => health(hub, c));
  const metrics = makeMetrics(hub);
  app.get('/metrics', () => metricsAnswer(metrics));
  app.post('/command', async (c) => {
    const shown = Buffer.from(c.req.header('authorization') ?? '');
    if (shown.length !== token.length || !timingSafeEqual(shown, token)) return c.text('not yours', 401);
    if (Number(c.req.header('content-length') ?? 0) > REQUEST_BYTES_MAX) return c.text('too large', 413);
    const request = REQUEST.safeParse(await c.req.json());
    const command = request.success ? commands.find(({ words }) => words === request.data.words) : undefined;
    if (!request.success || !command)
      return c.text('not a command of this version of the hub: use the same version of both', 400);
    return stream(c, async (body) => {
      const line = (value: CommandLine) => body.write(`${JSON.stringify(value)}\n`);
      await line(await runInside(hub, command, request.data, line));
    });
  });
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

class NeedFile extends Error {}

async function runInside(
  hub: Hub,
  command: HubCommand,
  { positionals, options, json, files }: CommandRequest,
  line: (value: CommandLine) => Promise<unknown>,
): Promise<CommandLine> {
  let written: Promise<unknown> = Promise.resolve();
  const call: Call = {
    positionals,
    options,
    json,
    out: (text) => {
      written = written.then(() => line({ out: text }));
    },
    readFile: async (path) => {
      const content = files[path];
      if (content === undefined) throw new NeedFile(path);
      return Buffer.from(content, 'base64');
    },
    readChunks: async function* (path) {
      yield await call.readFile(path);
    },
    writeChunks: async (path, chunks) => {
      await written;
      for await (const chunk of chunks) await line({ file: path, bytes: Buffer.from(chunk).toString('base64') });
      await line({ file: path });
    },
  };
  const end = await ended(hub, command, call);
  await written;
  return end;
}

async function ended(hub: Hub, command: HubCommand, call: Call): Promise<CommandLine> {
  try {
    return { exit: (await command.run(hub, call)) ?? EXIT.ok };
  } catch (error) {
    if (error instanceof NeedFile) return { need: error.message };
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
