/** The command line's side of hub/admin.ts: has a command run inside the hub that serves this store. */
import { once } from 'node:events';
import { type IncomingMessage, request as sendRequest } from 'node:http';
import { createInterface } from 'node:readline';
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

async function printed(answer: IncomingMessage, call: Call): Promise<Exclude<CommandLine, { out: string }>> {
  try {
    for await (const json of createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY })) {
      const line = JSON.parse(json) as CommandLine;
      if (!('out' in line)) return line;
      call.out(line.out);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
  throw new Exit(
    EXIT.later,
    'the serving hub stopped before the command was done: run it again, doing it twice is harmless',
  );
}

function finish({ exit, error }: { exit: number; error?: string }): number {
  if (error !== undefined) throw new Exit(exit, error);
  return exit;
}
