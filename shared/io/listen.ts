/** Listeners: where a server is bound, how many it serves at once, and how it stops without dropping what is in hand. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions, Server as TlsServer } from 'node:tls';
import { EXIT, Exit } from './command-line.ts';
import { ConfigError, splitHostAddress } from './config.ts';
import { limitConnections } from './connection-limits.ts';
import type { Log } from './log.ts';

/**
 * Binds a server of any kind to `host:port` of the configuration's field; answers the address that it really has.
 * Throws ConfigError, or Exit 69 when the port is taken, in one sentence with the remedy.
 */
export async function bind(
  server: Server,
  { field, address }: { readonly field: string; readonly address: string },
): Promise<string> {
  const where = splitHostAddress(address);
  if (!where) throw new ConfigError(`${field} = "${address}": expected host:port, such as "127.0.0.1:209"`);
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(bindFault(field, address, error));
    server.once('error', failed);
    server.listen(where.port, where.host, () => {
      server.off('error', failed);
      resolve();
    });
  });
  return boundAddress(server);
}

function boundAddress(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server is not bound to a port');
  return bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}

function bindFault(field: string, address: string, { code, message }: NodeJS.ErrnoException): Error {
  const at = `${field} = "${address}"`;
  switch (code) {
    case 'EADDRINUSE':
      return new Exit(EXIT.unavailable, `${at}: another program listens there; stop it, or choose another port`);
    case 'EACCES':
      return new ConfigError(
        `${at}: this user may not listen there; ports below 1024 need CAP_NET_BIND_SERVICE (the systemd unit grants it)`,
      );
    case 'EADDRNOTAVAIL':
      return new ConfigError(`${at}: this machine has no such address; "0.0.0.0" listens on all of them`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConfigError(`${at}: the name has no address; write an IP address`);
    default:
      return new ConfigError(`${at}: cannot listen there (${code ?? message})`);
  }
}

export interface Listener {
  /** host:port that it is bound to. */
  readonly address: string;
  /** Accepts no more connections and waits for those in hand; after `seconds` they are cut. */
  close(seconds: number): Promise<void>;
}

export interface ListenOptions {
  readonly field: string;
  readonly address: string;
  readonly connectionsMax: number;
  readonly perAddressMax: number;
  readonly log: Log;
  readonly tls?: TlsOptions;
  /** Seconds that a TLS handshake may take. */
  readonly handshakeSeconds?: number;
  /** Called once for each connection, after its handshake; it may have been closed meanwhile. */
  connected(socket: Socket): void;
  /** Called when `close` begins, to end connections that are only waiting. */
  closing?(): void;
}

export interface TlsListener extends Listener {
  /** Another certificate for the connections that come from now on; for one without TLS nothing happens. */
  renew(tls: TlsOptions): void;
}

/** A TCP or TLS listener. */
export async function listen(options: ListenOptions): Promise<TlsListener> {
  const sockets = new Set<Socket>();
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  const server = makeServer(options);
  limitConnections(server, options);
  server.on('connection', track);
  const address = await bind(server, options);
  return {
    address,
    close: (seconds) => drain(server, { sockets, seconds, closing: () => options.closing?.() }),
    renew: (tls) => {
      if (server instanceof TlsServer) server.setSecureContext({ ...options.tls, ...tls });
    },
  };
}

function makeServer({ tls, connected, handshakeSeconds = 30 }: ListenOptions): Server {
  // Half-open, because a client may say that it has no more to send and still wants its answers.
  if (!tls) return createServer({ allowHalfOpen: true, noDelay: true }, connected);
  const server = createTlsServer({ ...tls, allowHalfOpen: true, handshakeTimeout: handshakeSeconds * 1000 }, connected);
  // A failed handshake is the client's trouble; Node has closed the connection.
  return server.on('tlsClientError', () => {});
}

async function drain(
  server: Server,
  { sockets, seconds, closing }: { readonly sockets: ReadonlySet<Socket>; readonly seconds: number; closing(): void },
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  closing();
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, seconds * 1000);
  await closed;
  clearTimeout(timer);
}
