/**
 * What a connection really carried. TLS hides it: its socket counts what was said, not what that took on the line, so the
 * connections below are remembered by the other end's address.
 */
import type { Server, Socket } from 'node:net';

export interface LineBytes {
  readonly read: number;
  readonly written: number;
}

export class LineCount {
  readonly #open = new Map<string, Socket>();

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      const name = nameOf(socket);
      this.#open.set(name, socket);
      socket.once('close', () => this.#open.delete(name));
    });
  }

  /** Answers how to ask, also after the connection has gone, how many bytes of it were carried, handshakes included. */
  of(secured: Socket): () => LineBytes {
    const socket = this.#open.get(nameOf(secured));
    return () => ({ read: socket?.bytesRead ?? 0, written: socket?.bytesWritten ?? 0 });
  }
}

const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
