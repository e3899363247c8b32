/** The command line's side of hub/admin.ts: has a command run inside the hub that serves this store. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { type Call, Exit } from '../shared/io/command-line.ts';
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

async function post(address: string, token: string, request: CommandRequest): Promise<Response | undefined> {
  try {
    const answer = await fetch(`http://${address}/command`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    if (answer.ok) return answer;
    // Another program has the port since, or another hub with another secret: not the hub of this configuration.
    if (answer.status === 401 || answer.status === 404) return undefined;
    throw new Exit(70, `the serving hub would not take the command: ${await answer.text()}`);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

async function printed(answer: Response, call: Call): Promise<Exclude<CommandLine, { out: string }>> {
  const lines = createInterface({
    input: Readable.fromWeb(answer.body as ReadableStream<Uint8Array>),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  for await (const text of lines) {
    const line = JSON.parse(text) as CommandLine;
    if (!('out' in line)) return line;
    call.out(line.out);
  }
  throw new Exit(75, 'the serving hub stopped before the command was done: run it again, doing it twice is harmless');
}

function finish({ exit, error }: { exit: number; error?: string }): number {
  if (error !== undefined) throw new Exit(exit, error);
  return exit;
}
