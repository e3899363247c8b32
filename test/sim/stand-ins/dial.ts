/** For shared/io/dial.ts: the only host that there is to dial is the simulated Internet's mail server. */
import type { Socket } from 'node:net';
import { connectOut } from '../internet.ts';

export class DialError extends Error {}

export async function dial(): Promise<Socket> {
  const socket = await connectOut();
  if (socket) return socket as unknown as Socket;
  throw new DialError('no connection to 127.0.0.1:25: nothing listens there');
}
