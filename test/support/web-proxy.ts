/** An HTTP proxy that opens connections (CONNECT), as an office's network may have it; with a password if one is given. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface WebProxy {
  readonly port: number;
  /** What it was asked to open. */
  readonly opened: readonly string[];
  close(): Promise<void>;
}

export async function openWebProxy(password?: string): Promise<WebProxy> {
  const opened: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_request, response) => response.writeHead(400).end());
  const expected = password === undefined ? undefined : `Basic ${Buffer.from(password).toString('base64')}`;
  server.on('connect', ({ url = '', headers }, socket: Socket) => {
    if (expected !== undefined && headers['proxy-authorization'] !== expected)
      return socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="x"\r\n\r\n');
    opened.push(url);
    const [host = '', port] = url.split(':');
    const far = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(far).pipe(socket);
    });
    for (const end of [socket, far]) {
      sockets.add(end);
      end.on('error', () => end.destroy()).on('close', () => sockets.delete(end));
    }
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    opened,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
