/** Connecting out, in bounded time, with an error that says what to look at. */
import { lookup } from 'node:dns/promises';
import { BlockList, connect, isIP, type Socket } from 'node:net';
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
    throw new DialError(
      `no connection to ${where}: ${reasonOf(error as DialFault, psk !== undefined)}${await lie(host)}`,
    );
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

type DialFault = NodeJS.ErrnoException & { readonly errors?: readonly NodeJS.ErrnoException[] };

const PRIVATE = new BlockList();
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['0.0.0.0', 8],
] as const)
  PRIVATE.addSubnet(network, bits);

const LOOKUP_MS = 3_000;

/** Where a name of the Internet leads into this very network its DNS does not tell the truth, as before a log-in page. */
async function lie(host: string): Promise<string> {
  if (isIP(host) || !host.includes('.')) return '';
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), LOOKUP_MS).unref());
  const found = await Promise.race([lookup(host, { family: 4 }).catch(() => undefined), late]);
  return found && PRIVATE.check(found.address)
    ? `; the DNS of this network says that it is ${found.address}, which is no address of the Internet: log in to the network first, or ask who keeps it`
    : '';
}

function reasonOf(error: DialFault, tls: boolean): string {
  // A name with several addresses fails with one error for each.
  const { code = '', message } = error.errors?.[0] ?? error;
  if (tls && /SSL|TLS/.test(code)) return 'the other side does not accept the key';
  return REASONS[code] ?? (message || code);
}
