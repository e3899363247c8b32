/**
 * Whether a connection moves: bytes that it has sent and the other end's TCP has not confirmed. A side that only sends hears
 * nothing for as long as its link takes, and this number is what tells a slow link from a dead one.
 */
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

/** As Linux counts them, and what the socket itself still holds; undefined on another system. */
export async function unacknowledged(socket: Socket): Promise<number | undefined> {
  const { localPort, remotePort, writableLength } = socket;
  if (localPort === undefined || remotePort === undefined) return undefined;
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const table = await readFile(file, 'latin1').catch(() => '');
    const queued = queueOf(table, localPort, remotePort);
    if (queued !== undefined) return queued + writableLength;
  }
  return undefined;
}

/** The send queue of a connection in a table of the kernel's: `sl local remote state tx:rx …`, all in hexadecimal. */
function queueOf(table: string, localPort: number, remotePort: number): number | undefined {
  const port = (value: number): string => value.toString(16).toUpperCase().padStart(4, '0');
  const line = new RegExp(
    `^ *\\d+: [0-9A-F]+:${port(localPort)} [0-9A-F]+:${port(remotePort)} [0-9A-F]{2} ([0-9A-F]+):`,
    'm',
  );
  const queued = line.exec(table)?.[1];
  return queued === undefined ? undefined : Number.parseInt(queued, 16);
}
