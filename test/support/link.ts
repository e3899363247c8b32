/**
 * A link between an office and the hub, as a TCP proxy: it counts what passes, may be slow, and comes up and drops when it
 * is told to.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LinkOptions {
  /** Where it leads. */
  readonly port: number;
  /** Bytes a second in each direction; default: as fast as it goes. */
  readonly rate?: number;
}

export class Link {
  readonly #server: Server;
  readonly #options: LinkOptions;
  readonly #sockets = new Set<Socket>();
  #isUp = true;
  #bytesUntilCut = Number.POSITIVE_INFINITY;
  /** From the office, and to it. */
  bytesUp = 0;
  bytesDown = 0;

  private constructor(server: Server, options: LinkOptions) {
    this.#server = server;
    this.#options = options;
  }

  static async open(options: LinkOptions): Promise<Link> {
    const server = createServer();
    const link = new Link(server, options);
    server.on('connection', (socket) => link.#carry(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return link;
  }

  /** host:port that the office dials. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  up(): void {
    this.#isUp = true;
  }

  /** Cuts what is connected, and lets nobody through. */
  drop(): void {
    this.#isUp = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Drops after so many more bytes, in the middle of whatever is on its way. */
  dropAfter(bytes: number): void {
    this.#bytesUntilCut = bytes;
  }

  async close(): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #carry(office: Socket): void {
    if (!this.#isUp) {
      office.destroy();
      return;
    }
    const hub = connect(this.#options.port, '127.0.0.1');
    for (const socket of [office, hub]) {
      this.#sockets.add(socket);
      socket.setNoDelay();
      socket.on('close', () => this.#sockets.delete(socket));
      // Both ends go when one goes: a link that is cut tells nobody more than that.
      socket.on('error', () => socket.destroy());
    }
    this.#pump(office, hub, (bytes) => {
      this.bytesUp += bytes;
    });
    this.#pump(hub, office, (bytes) => {
      this.bytesDown += bytes;
    });
  }

  async #pump(from: Socket, to: Socket, count: (bytes: number) => void): Promise<void> {
    const { rate } = this.#options;
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (rate) await sleep((chunk.length * 1000) / rate);
        const passes = chunk.subarray(0, Math.min(chunk.length, this.#bytesUntilCut));
        this.#bytesUntilCut -= passes.length;
        count(passes.length);
        if (!to.destroyed && !to.write(passes)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
        if (this.#bytesUntilCut > 0) continue;
        this.#bytesUntilCut = Number.POSITIVE_INFINITY;
        this.drop();
      }
      to.end();
    } catch {
      // The other end went: so does this one.
      to.destroy();
    }
  }
}
