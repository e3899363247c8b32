/**
 * The QMTP server of hub and agent, plain or inside TLS. Who calls is the program's business; here are the bounds:
 * connections in all and for each caller, mails in hand in all and for each caller.
 */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TlsOptions } from 'node:tls';
import { type Listener, listen } from './listen.ts';
import { type QmtpCaller, QmtpConnection, type QmtpDoor } from './qmtp-connection.ts';
import { Repeats } from './repeats.ts';
import { StoreError } from './store.ts';
import { Turns } from './turns.ts';

/** Mails being accepted at once; each holds at most a spool's memory (256 KB). */
const MAILS_IN_HAND_MAX = 100;

export interface QmtpServerOptions extends Omit<QmtpDoor, 'repeats'> {
  /** The field of the configuration that `address` stands in: `listen.qmtp`. */
  readonly field: string;
  readonly address: string;
  readonly connectionsMax: number;
  readonly perAddressMax: number;
  readonly tls?: TlsOptions;
  /** Who is calling; undefined hangs up without a word. */
  caller(socket: Socket): Promise<QmtpCaller | undefined>;
}

/** Starts it; throws as `listen` does. */
export async function startQmtpServer(options: QmtpServerOptions): Promise<Listener> {
  const { field, address, connectionsMax, perAddressMax, tls } = options;
  const repeats = new Repeats(options.place.log);
  const turns = new Turns({ totalMax: MAILS_IN_HAND_MAX });
  const places = new Turns({ totalMax: connectionsMax });
  const connections = new Set<QmtpConnection>();
  const runs = new Set<Promise<void>>();

  let closing = false;

  const serve = async (socket: Socket): Promise<void> => {
    const caller = await callerOf(options, socket);
    const leave = caller && places.tryTake(caller.name, caller.concurrency);
    if (caller && !leave)
      repeats.warn('a caller has too many connections at once: more are closed', caller.name, { peer: caller.name });
    if (!leave || socket.destroyed || closing) {
      leave?.();
      socket.destroy();
      return;
    }
    const connection = new QmtpConnection(socket, { door: { ...options, repeats }, caller, turns });
    connections.add(connection);
    await connection.run();
    connections.delete(connection);
    leave();
  };

  const listener = await listen({
    field,
    address,
    connectionsMax,
    perAddressMax,
    log: options.place.log,
    ...(tls ? { tls } : {}),
    connected: (socket) => {
      // A connection that breaks says so again by closing.
      socket.on('error', () => {});
      const run = serve(socket)
        .catch((error: Error) => {
          options.place.log.error('a QMTP caller could not be served', { error: error.stack ?? error.message });
          socket.destroy();
        })
        .finally(() => runs.delete(run));
      runs.add(run);
    },
    closing: () => {
      closing = true;
      for (const connection of connections) connection.stop();
    },
  });
  return {
    address: listener.address,
    close: async (seconds) => {
      await listener.close(seconds);
      // Mails of connections that are gone may still be in hand.
      await Promise.race([Promise.all(runs), sleep(seconds * 1000, undefined, { ref: false })]);
    },
  };
}

async function callerOf(options: QmtpServerOptions, socket: Socket): Promise<QmtpCaller | undefined> {
  try {
    return await options.caller(socket);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    options.place.log.warn('a QMTP caller could not be looked up', { reason: error.message });
    return undefined;
  }
}
