/** Stands between a client and a real S3 server, and does to chosen requests what networks and other servers do. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Mischief =
  | { readonly status: number; readonly text?: string }
  /** The server does what was asked, and its answer is lost. */
  | 'lose the answer'
  /** The answer stops in the middle. */
  | 'cut the answer';

export interface S3Proxy {
  readonly endpoint: string;
  /** Requests that came, `METHOD path`. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** `choose` is asked for each request; undefined lets it pass. */
export async function startS3Proxy(
  behind: string,
  choose: (request: IncomingMessage) => Mischief | undefined,
): Promise<S3Proxy> {
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    const mischief = choose(incoming);
    if (typeof mischief === 'object') refuse(incoming, outgoing, mischief);
    else pass(behind, { incoming, outgoing, mischief });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function refuse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, text = '' }: { status: number; text?: string },
) {
  incoming.resume();
  incoming.on('end', () => outgoing.writeHead(status, { 'content-type': 'text/html' }).end(text));
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly mischief: 'lose the answer' | 'cut the answer' | undefined;
}

function pass(behind: string, { incoming, outgoing, mischief }: Exchange): void {
  // The signature covers the Host header, so it stays as it is.
  const { method = 'GET', headers } = incoming;
  const onward = request(new URL(incoming.url ?? '/', behind), { method, headers }, (answer) => {
    if (mischief === 'lose the answer') {
      answer.resume();
      answer.on('end', () => outgoing.destroy());
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    if (mischief === 'cut the answer')
      answer.once('data', (chunk: Buffer) => outgoing.write(chunk.subarray(0, 10), () => outgoing.destroy()));
    else answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}
