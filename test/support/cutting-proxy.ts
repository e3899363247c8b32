/**
 * A TCP proxy that counts what passes, both directions apart, and cuts each connection after `every` bytes of both together,
 * in the middle of whatever is on its way. With a pace it is a slow line, and a call takes a round trip to be set up.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Direction, Line, type Pace } from './line.ts';

/** What may wait on a slow line before its sender has to. */
const WAITING_BYTES_MAX = 16_384;

/** A program that does not hang up after a cut is made to. */
const LINGER_MS = 2_000;

const NOTHING: Buffer = Buffer.alloc(0);

/** One direction of a connection. */
interface Way {
  readonly direction: Direction;
  readonly from: Socket;
  carry(bytes: Buffer): void;
  /** Behind what was said; twice is once. */
  end(): void;
}

export class CuttingProxy {
  /** Bytes that one connection carries; more from the next one on when it is changed. */
  every = Number.POSITIVE_INFINITY;
  bytesUp = 0;
  bytesDown = 0;
  connections = 0;
  readonly #line = new Line();
  readonly #server: Server;
  /** host:port; another one from the next connection on when it is changed. */
  target: string;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.target = target;
  }

  /** `target`: host:port. */
  static async open(target: string): Promise<CuttingProxy> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const proxy = new CuttingProxy(server, target);
    server.on('connection', (socket) => void proxy.#carry(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** How often the line was turned around: bytes came from the other side than those before. */
  get turns(): number {
    return this.#line.turns;
  }

  get pace(): Pace | undefined {
    return this.#line.pace;
  }

  /** A slow line from the next connection on. */
  set pace(pace: Pace | undefined) {
    this.#line.pace = pace;
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

  async #carry(near: Socket): Promise<void> {
    this.connections += 1;
    this.#watch(near);
    const { pace } = this.#line;
    if (pace) await sleep(2 * pace.delayMs);
    const [host = '', port] = this.target.split(':');
    const far = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
    this.#watch(far);
    near.setNoDelay(true);
    const ways = [this.#way('up', near, far), this.#way('down', far, near)];
    let left = this.every;
    for (const { direction, from, carry, end } of ways) {
      from.on('data', (chunk: Buffer) => {
        const part = chunk.subarray(0, left);
        left -= part.length;
        if (direction === 'up') this.bytesUp += part.length;
        else this.bytesDown += part.length;
        if (part.length > 0) carry(part);
        if (left === 0) for (const way of ways) cut(way);
      });
      from.on('end', end).on('close', end);
      from.resume();
    }
  }

  #way(direction: Direction, from: Socket, to: Socket): Way {
    let waiting = 0;
    const deliver = (bytes: Buffer): void => {
      waiting -= bytes.length;
      if (bytes.length > 0) to.write(bytes);
      else to.end();
      if (waiting < WAITING_BYTES_MAX && !to.writableNeedDrain) from.resume();
    };
    to.on('drain', () => from.resume());
    const carry = (bytes: Buffer): void => {
      waiting += bytes.length;
      this.#line.carry(direction, bytes, deliver);
      if (waiting >= WAITING_BYTES_MAX || to.writableNeedDrain) from.pause();
    };
    let ended = false;
    const end = (): void => {
      if (!ended) carry(NOTHING);
      ended = true;
    };
    return { direction, from, carry, end };
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

/** The other end has what was let through, then the end; nothing more passes. */
function cut({ from, end }: Way): void {
  from.removeAllListeners('data').resume();
  end();
  setTimeout(() => from.destroy(), LINGER_MS).unref();
}
