/** Connecting out, in bounded time, with an error that says what to look at. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { assertNoCertificate, type PskIdentity, pskClientOptions } from './psk.ts';

/** No connection: the message names the address and the likely reason. */
export class DialError extends Error {}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Until the connection, handshake included, must stand. */
  readonly seconds: number;
  /** Speak TLS with this key. */
  readonly psk?: PskIdentity;
  /** Gives up when it fires. */
  readonly signal?: AbortSignal;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name has no address',
  EAI_AGAIN: 'the name could not be looked up',
  ENETUNREACH: 'there is no way to that network',
  EHOSTUNREACH: 'there is no way to that host',
  ECONNRESET: 'the other side hung up',
};

/** A connected socket. Throws DialError. */
export async function dial(options: DialOptions): Promise<Socket> {
  const { host, port, seconds, psk, signal } = options;
  const where = `${host}:${port}`;
  const socket = psk ? connectTls({ host, port, ...pskClientOptions(psk) }) : connect({ host, port, noDelay: true });
  const giveUp = (): unknown => socket.destroy();
  signal?.addEventListener('abort', giveUp);
  if (signal?.aborted) giveUp();
  try {
    await connected(socket, psk ? 'secureConnect' : 'connect', seconds);
    if (psk) assertNoCertificate(socket as TLSSocket);
  } catch (error) {
    socket.destroy();
    throw new DialError(`no connection to ${where}: ${reasonOf(error as NodeJS.ErrnoException, psk !== undefined)}`);
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
  return socket;
}

function connected(socket: Socket, event: 'connect' | 'secureConnect', seconds: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), seconds * 1000);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    socket.once('error', (error) => settle(() => reject(error)));
    socket.once('close', () => settle(() => reject(Object.assign(new Error(), { code: 'ECONNRESET' }))));
    socket.once(event, () => settle(resolve));
  });
}

function reasonOf(
  error: NodeJS.ErrnoException & { readonly errors?: readonly NodeJS.ErrnoException[] },
  tls: boolean,
): string {
  // A name with several addresses fails with one error for each.
  const { code = '', message } = error.errors?.[0] ?? error;
  if (tls && /SSL|TLS/.test(code)) return 'the other side does not accept the key';
  return REASONS[code] ?? (message || code);
}
