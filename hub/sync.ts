/**
 * The sync listener: offices call here, each with its own key (TLS 1.3 by shared key), and make their trips in one POST.
 * On the same port whoever comes without a key, a browser for instance, gets the certificate of [tls], if there is one.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { decodeHello, type Hello } from '../shared/core/trip-greeting.ts';
import { RECORD, RecordReader, TripError } from '../shared/core/trip-record.ts';
import { arriving } from '../shared/io/arriving.ts';
import { EXIT } from '../shared/io/command-line.ts';
import { limitConnections } from '../shared/io/connection-limits.ts';
import { bind } from '../shared/io/listen.ts';
import { pskIdentityOf, pskServerOptions } from '../shared/io/psk.ts';
import { Repeats } from '../shared/io/repeats.ts';
import { StoreError } from '../shared/io/store.ts';
import { TlsRecords } from '../shared/io/tls-records.ts';
import type { Wire } from '../shared/io/trip-output.ts';
import { TripCut, TripRefused } from '../shared/io/trip-side.ts';
import { unacknowledged } from '../shared/io/unacknowledged.ts';
import { VERSION } from '../shared/io/version.ts';
import { followCertificate, readCertificate } from './certificate.ts';
import { addCourier } from './courier.tsx';
import type { Hub, Service } from './hub.ts';
import { HeldElsewhere } from './leases.ts';
import { type LineBytes, LineCount } from './line-count.ts';
import { deriveOfficeKey } from './office-key.ts';
import { runningTrips } from './running-trips.ts';
import { reportTrip } from './trip-report.ts';
import { type Caller, dropStalePartials, officeOf, serveTrip } from './trip-session.ts';
import { answerBatch } from './web-batch.ts';

/** At 300 bps a handshake takes half of it. */
const HANDSHAKE_MS = 60_000;

/** Starts the listener of `listen.sync`, if there is one. */
export async function startSync(hub: Hub): Promise<Service[]> {
  const address = hub.config.listen.sync;
  if (address === undefined) return [];
  await dropStalePartials(hub);
  const inHand = new Set<Promise<unknown>>();
  let lines: LineCount | undefined;
  const psk = pskServerOptions((identity) => keyOf(hub, identity));
  const server = createAdaptorServer({
    fetch: syncApp(hub, inHand, (socket) => lines?.of(socket)).fetch,
    createServer,
    serverOptions: { ...psk, ...(await readCertificate(hub.config)), handshakeTimeout: HANDSHAKE_MS },
  }) as Server;
  lines = new LineCount(server);
  // A trip takes as long as its link makes it; what is silent for too long, the session itself ends.
  Object.assign(server, { requestTimeout: 0, timeout: 0, keepAliveTimeout: 15_000 });
  const { connections, per_address } = hub.config.limits;
  limitConnections(server, {
    field: 'listen.sync',
    connectionsMax: connections,
    perAddressMax: per_address,
    log: hub.log,
  });
  server.on('secureConnection', (socket) => socket.setNoDelay(true));
  // A failed handshake is the caller's trouble; Node has closed the connection.
  server.on('tlsClientError', () => undefined);
  const bound = await bind(server, { field: 'listen.sync', address });
  const unfollow = followCertificate(hub, (certificate) => server.setSecureContext({ ...psk, ...certificate }));
  return [
    {
      name: 'sync',
      address: bound,
      close: (seconds) => {
        unfollow();
        return close(hub, { server, inHand, seconds });
      },
    },
  ];
}

const IDENTITY = /^([0-9a-f]{16})\.(\d{1,9})$/;

function callerOf(identity: string): Caller | undefined {
  const [, keyId, generation] = IDENTITY.exec(identity) ?? [];
  return keyId === undefined ? undefined : { keyId, generation: Number(generation) };
}

/** Any id has a key that only the holder of its token knows; whether it is an office's is asked after the handshake. */
function keyOf(hub: Hub, identity: string): Uint8Array | undefined {
  const caller = callerOf(identity);
  return caller && deriveOfficeKey(hub.secret, caller.keyId, caller.generation);
}

/** How to ask what the line below a connection carried. */
type LineOf = (socket: Socket) => (() => LineBytes) | undefined;

type SyncContext = Context<{ Bindings: HttpBindings }>;

/** `inHand`: trips until all that they leave behind is written. */
function syncApp(hub: Hub, inHand: Set<Promise<unknown>>, lineOf: LineOf): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const refused = new Repeats(hub.log);
  const held = async (work: Promise<Response>): Promise<Response> => {
    inHand.add(work);
    try {
      return await work;
    } finally {
      inHand.delete(work);
    }
  };
  app.post('/', (c) => held(trip(hub, c, { lineOf, refused })));
  app.post('/batch', (c) => held(answerBatch(hub, c, { line: lineOf(c.env.incoming.socket), refused })));
  addCourier(app, hub, held);
  app.get('/version', (c) => versionFor(hub, c));
  app.all('*', noKey);
  app.onError((error, c) => {
    hub.log.error('a trip failed in a way that nobody foresaw', { error: String(error.stack) });
    return c.text('the hub failed; its log says how', 500);
  });
  return app;
}

/** And nothing of what a stranger goes on sending is read. */
const noKey = (c: SyncContext): Response =>
  c.text('offices sync here, each with its own key', 401, { connection: 'close' });

/** For an office that asks whether it is up to date; who it is it must have proved. */
async function versionFor(hub: Hub, c: SyncContext): Promise<Response> {
  const caller = callerOf(pskIdentityOf(c.env.incoming.socket as TLSSocket) ?? '');
  if (!caller) return noKey(c);
  try {
    await officeOf(hub, caller);
    return c.text(VERSION);
  } catch (error) {
    if (!(error instanceof TripRefused)) throw error;
    return c.text(error.message, 403);
  }
}

interface Asked {
  readonly lineOf: LineOf;
  /** For what a laptop that was shut out goes on trying. */
  readonly refused: Repeats;
}

async function trip(hub: Hub, c: SyncContext, { lineOf, refused }: Asked): Promise<Response> {
  const { incoming, outgoing } = c.env as { incoming: IncomingMessage; outgoing: ServerResponse };
  const caller = callerOf(pskIdentityOf(incoming.socket as TLSSocket) ?? '');
  if (!caller) return noKey(c);
  const started = performance.now();
  const line = lineOf(incoming.socket);
  try {
    const office = await officeOf(hub, caller);
    const { hello, rest } = await readHello(incoming);
    const outcome = await serveTrip(hub, caller, hello, httpWire(rest, incoming, outgoing));
    if (!outgoing.writableEnded) outgoing.end();
    const seconds = (performance.now() - started) / 1_000;
    await reportTrip(hub, office.name, { outcome, seconds, line: line?.() ?? { read: 0, written: 0 } });
    return RESPONSE_ALREADY_SENT;
  } catch (error) {
    if (error instanceof TripRefused) {
      refused.warn('an office was refused', `${caller.keyId} ${error.message}`, {
        identity: caller.keyId,
        reason: error.message,
      });
      return c.text(error.message, error.exit === EXIT.refused ? 403 : 503);
    }
    if (error instanceof StoreError) {
      hub.log.warn('a trip failed for the store', { identity: caller.keyId, reason: error.message });
      // In the middle of a trip there is no other way to say so.
      if (outgoing.headersSent) {
        incoming.socket.destroy();
        return RESPONSE_ALREADY_SENT;
      }
      const isElsewhere = error instanceof HeldElsewhere;
      return c.text(isElsewhere ? error.message : 'the store of the hub does not answer: call again soon', 503);
    }
    if (!(error instanceof TripError)) throw error;
    return c.text(error.message, 400);
  }
}

const HELLO_SECONDS = 60;

/** The first record, and the stream as it was before it was read. */
async function readHello(incoming: IncomingMessage): Promise<{ hello: Hello; rest: AsyncIterable<Uint8Array> }> {
  const chunks = arriving(incoming);
  const timer = setTimeout(() => incoming.destroy(), HELLO_SECONDS * 1_000);
  try {
    for (let got = Buffer.alloc(0); ; ) {
      const { value, done } = await chunks.next();
      if (done) throw new TripError('the trip ended before it began');
      got = Buffer.concat([got, value]);
      for (const { type, payload } of new RecordReader().push(got)) {
        if (type !== RECORD.hello) throw new TripError(`the first record is of type ${type}`);
        return { hello: decodeHello(payload), rest: replay(got, chunks) };
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

async function* replay(got: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield got;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}

function httpWire(rest: AsyncIterable<Uint8Array>, incoming: IncomingMessage, outgoing: ServerResponse): Wire {
  // The leanest head there is: the answer ends with the connection.
  outgoing.sendDate = false;
  outgoing.removeHeader('connection');
  outgoing.removeHeader('transfer-encoding');
  // Node does not tell a request whose answer has ended that its connection has gone.
  incoming.socket.once('close', () => incoming.destroy());
  const records = new TlsRecords();
  const writePiece = (piece: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      // Node forgets the callback of a write whose connection goes.
      const closed = (): void => reject(new TripCut('the link was cut'));
      if (incoming.socket.destroyed) return closed();
      incoming.socket.once('close', closed);
      outgoing.write(piece, (error) => {
        incoming.socket.off('close', closed);
        if (error) closed();
        else resolve();
      });
    });
  return {
    incoming: rest,
    write: (bytes) => records.write(bytes, writePiece),
    // The trip has said that all is settled: an end of TLS's own would be 24 bytes for nothing.
    end: () => incoming.socket.destroy(),
    unacknowledged: () => unacknowledged(incoming.socket),
    destroy: () => incoming.socket.destroy(),
  };
}

interface Closing {
  readonly server: Server;
  readonly inHand: ReadonlySet<Promise<unknown>>;
  readonly seconds: number;
}

async function close(hub: Hub, { server, inHand, seconds }: Closing): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const { session } of runningTrips(hub))
    session.abort(new TripRefused(EXIT.later, 'the hub is stopping: call again soon'));
  const timer = setTimeout(() => server.closeAllConnections(), seconds * 1_000);
  await Promise.allSettled(inHand);
  server.closeIdleConnections();
  await closed;
  clearTimeout(timer);
}
