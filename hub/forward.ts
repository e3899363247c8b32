/** The command line's side of hub/admin.ts: has a command run inside the hub that serves this store. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as sendRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Call, EXIT, Exit } from '../shared/io/command-line.ts';
import type { CommandLine, CommandReply, CommandRequest } from './admin.ts';
import { encodeSaid, readSaid, type Said } from './command-stream.ts';

/** Answers the exit code, or undefined when nobody listens there. */
export async function forward(
  address: string,
  token: string,
  { words, call }: { readonly words: string; readonly call: Call },
): Promise<number | undefined> {
  const { positionals, options, json } = call;
  // Without a time-out: a push over a slow line takes hours.
  const outgoing = sendRequest(`http://${address}/command`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  });
  const request = { words, positionals, options, json } as CommandRequest;
  const answer = await answerTo(outgoing, request);
  if (!answer) return undefined;
  try {
    return finish(await follow(answer, new Sending(outgoing), call));
  } finally {
    outgoing.destroy();
  }
}

async function answerTo(outgoing: ClientRequest, request: CommandRequest): Promise<IncomingMessage | undefined> {
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  outgoing.write(encodeSaid(request));
  let answer: IncomingMessage;
  try {
    [answer] = await answered;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
  outgoing.on('error', () => undefined);
  if (answer.statusCode === 200) return answer;
  outgoing.end();
  // Another program has the port since, or another hub with another secret: not the hub of this configuration.
  if (answer.statusCode === 401 || answer.statusCode === 404) return undefined;
  throw new Exit(70, `the serving hub would not take the command: ${await text(answer)}`);
}

type CommandEnd = Extract<CommandLine, { exit: number }>;

type Lines = AsyncIterator<Said<CommandLine>>;

async function follow(answer: IncomingMessage, sending: Sending, call: Call): Promise<CommandEnd> {
  const lines: Lines = readSaid<CommandLine>(answer);
  try {
    for (let said = await lines.next(); !said.done; said = await lines.next()) {
      const { line, bytes } = said.value;
      if ('out' in line) call.out(line.out);
      else if ('exit' in line) return line;
      // Not waited for: the hub may have seen enough of it before its end.
      else if ('read' in line) void sending.file(call, line.read);
      else {
        await call.writeChunks(line.file, fileOf(bytes, lines));
        await sending.reply({ done: true });
      }
    }
  } catch (error) {
    if (error instanceof Exit || !isCut(error)) throw error;
  }
  throw new Exit(EXIT.later, STOPPED);
}

const STOPPED = 'the serving hub stopped before the command was done: run it again, doing it twice is harmless';

const isCut = (error: unknown): boolean =>
  ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');

/** A file that the hub fills; one that cannot be written ends the command here, and the hub hears that the caller is gone. */
async function* fileOf(first: Uint8Array, lines: Lines): AsyncGenerator<Uint8Array> {
  yield first;
  for (let said = await lines.next(); !said.done; said = await lines.next()) {
    const { line, bytes } = said.value;
    if ('exit' in line) throw new Exit(line.exit, line.error ?? STOPPED);
    if (!('file' in line)) throw new Exit(EXIT.later, STOPPED);
    if (line.bytes === undefined) return;
    yield bytes;
  }
  throw new Exit(EXIT.later, 'the serving hub stopped before the file was whole');
}

/** What the hub is told while the command runs. */
class Sending {
  readonly #outgoing: ClientRequest;

  constructor(outgoing: ClientRequest) {
    this.#outgoing = outgoing;
  }

  /** Resolves when there is room for more, or nobody to take it. */
  async reply(reply: CommandReply, bytes?: Uint8Array): Promise<void> {
    const outgoing = this.#outgoing;
    if (outgoing.destroyed || outgoing.write(encodeSaid(reply, bytes))) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        for (const event of ['drain', 'close']) outgoing.off(event, go);
        resolve();
      };
      for (const event of ['drain', 'close']) outgoing.on(event, go);
    });
  }

  async file(call: Call, path: string): Promise<void> {
    try {
      for await (const chunk of call.readChunks(path)) {
        if (this.#outgoing.destroyed) return;
        await this.reply({ bytes: chunk.length }, chunk);
      }
      await this.reply({ done: true });
    } catch (error) {
      const { message, code } = error as { message: string; code?: unknown };
      await this.reply({ error: message, exit: typeof code === 'number' ? code : EXIT.data });
    }
  }
}

function finish({ exit, error }: CommandEnd): number {
  if (error !== undefined) throw new Exit(exit, error);
  return exit;
}
