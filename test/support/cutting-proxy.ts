/**
 * A TCP proxy that counts the bytes of both directions together and cuts each connection after `every` of them, in the
 * middle of whatever is on its way.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class CuttingProxy {
  /** Bytes that one connection carries; more from the next one on when it is changed. */
  every = Number.POSITIVE_INFINITY;
  bytesUp = 0;
  bytesDown = 0;
  connections = 0;
  readonly #server: Server;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.#target = target;
  }

  /** `target`: host:port. */
  static async open(target: string): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server, target);
    server.on('connection', (socket) => proxy.#carry(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** The link is down: what is connected is cut, and nobody gets through. */
  drop(): void {
    this.every = 0;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The link is up, and stays up. */
  up(): void {
    this.every = Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #carry(near: Socket): void {
    this.connections += 1;
    const [host = '', port] = this.#target.split(':');
    const far = connect({ host, port: Number(port), noDelay: true });
    near.setNoDelay(true);
    let left = this.every;
    const pass = (from: Socket, to: Socket, count: (bytes: number) => void): void => {
      this.#sockets.add(from);
      from.on('data', (chunk: Buffer) => {
        const part = chunk.subarray(0, left);
        left -= part.length;
        count(part.length);
        if (part.length > 0) to.write(part);
        if (left > 0) return;
        near.end();
        far.end();
        // Both have what was let through; nothing more passes.
        near.removeAllListeners('data').resume();
        far.removeAllListeners('data').resume();
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => this.#sockets.delete(from));
    };
    pass(near, far, (bytes) => {
      this.bytesUp += bytes;
    });
    pass(far, near, (bytes) => {
      this.bytesDown += bytes;
    });
  }
}
