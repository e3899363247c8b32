/**
 * How many connections a listener has at once: in all, and from one address, so that no single host keeps the others out. When
 * all places are taken a newcomer gets that of a connection which has said nothing for some time; if all have spoken, it is
 * hung up on, and a client comes back.
 */
import type { Server, Socket } from 'node:net';
import { hostNetwork } from '../core/host-network.ts';
import type { Log } from './log.ts';
import { Repeats } from './repeats.ts';

export interface ConnectionLimits {
  /** `listen.smtp`, for the log. */
  readonly field: string;
  readonly connectionsMax: number;
  readonly perAddressMax: number;
  readonly log: Log;
}

/** The first bytes of an honest client may need two round trips of a slow line. */
const SILENT_MS = 10_000;

/** To be called before the server listens. */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  const open = new Open(limits);
  // Before those that serve it, who then find it closed.
  server.prependListener('connection', (socket: Socket) => open.take(socket));
}

class Open {
  readonly #limits: ConnectionLimits;
  readonly #repeats: Repeats;
  /** When they came, by the clock of the process; the oldest first. */
  readonly #sockets = new Map<Socket, number>();
  readonly #byAddress = new Map<string, number>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    this.#repeats = new Repeats(limits.log);
  }

  take(socket: Socket): void {
    const { connectionsMax, perAddressMax } = this.#limits;
    const address = hostNetwork(socket.remoteAddress ?? '');
    const count = this.#byAddress.get(address) ?? 0;
    if (count >= perAddressMax)
      this.#refuse(socket, 'a host has too many connections at once: more are closed', address);
    else if (this.#sockets.size < connectionsMax || this.#makeRoom()) this.#add(socket, address, count);
    else this.#refuse(socket, 'there are too many connections at once: more are closed', '');
  }

  #add(socket: Socket, address: string, count: number): void {
    this.#sockets.set(socket, performance.now());
    this.#byAddress.set(address, count + 1);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    });
  }

  #makeRoom(): boolean {
    const before = performance.now() - SILENT_MS;
    for (const [socket, since] of this.#sockets) {
      if (since > before) return false;
      if (socket.bytesRead > 0) continue;
      this.#sockets.delete(socket);
      this.#repeats.warn('all connections are taken: those that say nothing are closed', '', this.#fields());
      socket.destroy();
      return true;
    }
    return false;
  }

  #refuse(socket: Socket, event: string, address: string): void {
    socket.destroy();
    this.#repeats.warn(event, address, { ...this.#fields(), ...(address ? { address } : {}) });
  }

  #fields(): { readonly listener: string; readonly open: number } {
    return { listener: this.#limits.field, open: this.#sockets.size };
  }
}
