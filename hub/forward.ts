/** The command line's side of hub/admin.ts: has a command run inside the hub that serves this store. */
import { once } from 'node:events';
import { type IncomingMessage, request as sendRequest } from 'node:http';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Call, EXIT, Exit } from '../shared/io/command-line.ts';
import type { CommandLine, CommandRequest } from './admin.ts';

/** Answers the exit code, or undefined when nobody listens there. */
export async function forward(
  address: string,
  token: string,
  { words, call }: { readonly words: string; readonly call: Call },
): Promise<number | undefined> {
  const files: Record<string, string> = {};
  for (;;) {
    const { positionals, options, json } = call;
    const request = { words, positionals, options, json, files };
    const answer = await post(address, token, request as CommandRequest);
    if (!answer) return undefined;
    const end = await printed(answer, call);
    if (!('need' in end)) return finish(end);
    files[end.need] = (await call.readFile(end.need)).toString('base64');
  }
}

/** Without a time-out: a push over a slow line takes hours. */
async function post(address: string, token: string, request: CommandRequest): Promise<IncomingMessage | undefined> {
  const outgoing = sendRequest(`http://${address}/command`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  });
  outgoing.end(JSON.stringify(request));
  let answer: IncomingMessage;
  try {
    [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
  if (answer.statusCode === 200) return answer;
  // Another program has the port since, or another hub with another secret: not the hub of this configuration.
  if (answer.statusCode === 401 || answer.statusCode === 404) return undefined;
  throw new Exit(70, `the serving hub would not take the command: ${await text(answer)}`);
}

type CommandEnd = Extract<CommandLine, { need: string } | { exit: number }>;

async function printed(answer: IncomingMessage, call: Call): Promise<CommandEnd> {
  let file: CallerFile | undefined;
  try {
    for await (const json of createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY })) {
      const line = JSON.parse(json) as CommandLine;
      if ('out' in line) call.out(line.out);
      else if (!('file' in line)) return line;
      else if (line.bytes === undefined) {
        file?.chunks.end();
        await file?.written;
      } else {
        file ??= openFile(call, line.file);
        await file.write(Buffer.from(line.bytes, 'base64'));
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
  file?.chunks.destroy(new Exit(EXIT.later, 'the serving hub stopped before the file was whole'));
  throw new Exit(
    EXIT.later,
    'the serving hub stopped before the command was done: run it again, doing it twice is harmless',
  );
}

interface CallerFile {
  readonly chunks: PassThrough;
  readonly written: Promise<void>;
  write(bytes: Uint8Array): Promise<void>;
}

/** A file of the caller that the hub fills; one that cannot be written ends the command here. */
function openFile(call: Call, path: string): CallerFile {
  const chunks = new PassThrough();
  const written = call.writeChunks(path, chunks);
  written.catch(() => undefined);
  return {
    chunks,
    written,
    write: (bytes) =>
      Promise.race([
        new Promise<void>((resolve) => void chunks.write(bytes, () => resolve())),
        written.then(() => {
          throw new Error(`${path} ended early`);
        }),
      ]),
  };
}

function finish({ exit, error }: { exit: number; error?: string }): number {
  if (error !== undefined) throw new Exit(exit, error);
  return exit;
}
