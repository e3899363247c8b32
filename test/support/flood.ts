/** Clients that do harm by being many, or slow. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Flood {
  readonly host: string;
  readonly port: number;
  /** The address that they call from: any of 127.0.0.0/8. */
  readonly from: string;
  readonly count: number;
  /** Where they are kept, to be ended. */
  readonly sockets: Socket[];
}

/** Opens connections that say nothing; answers how many of them are still open once the server has looked at all. */
export async function flood({ host, port, from, count, sockets }: Flood): Promise<number> {
  const mine: Socket[] = [];
  for (let started = 0; started < count; started += 50) {
    const some = Array.from({ length: Math.min(50, count - started) }, () =>
      connect({ host, port, localAddress: from }),
    );
    mine.push(...some);
    await Promise.all(some.map(settled));
  }
  sockets.push(...mine);
  // The kernel says yes for the server; what it thinks of it comes a moment later.
  for (let before = -1, now = open(mine); now !== before; now = open(mine)) {
    before = now;
    await sleep(500);
  }
  return open(mine);
}

const open = (sockets: readonly Socket[]): number => sockets.filter((socket) => !socket.destroyed).length;

function settled(socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  socket.resume();
  return new Promise((resolve) => {
    socket.once('connect', () => resolve());
    socket.once('close', () => resolve());
  });
}

const BYTE_MS = 50;

/** Connections that say something that never ends, a byte at a time. */
export function slowly({ host, port, from, count, sockets }: Flood): { stop(): void } {
  const mine = Array.from({ length: count }, () => connect({ host, port, localAddress: from }));
  for (const socket of mine) socket.on('error', () => undefined).resume();
  sockets.push(...mine);
  const timer = setInterval(() => {
    for (const socket of mine) if (socket.writable) socket.write('1');
  }, BYTE_MS);
  return { stop: () => clearInterval(timer) };
}
