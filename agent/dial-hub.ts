/**
 * The way to the hub: TCP, TLS with the office's own key, and one POST whose body and answer are the two halves of a trip, both
 * open at once. The head is as lean as HTTP allows. What the socket really carried is counted below TLS.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Dispatcher } from 'undici';
// The whole of undici is 280 KB more, for fetch, WebSocket and the like; it is also what gives Client its `request`.
import request from 'undici/lib/api/api-request.js';
import Client from 'undici/lib/dispatcher/client.js';
import { arriving } from '../shared/io/arriving.ts';
import { EXIT } from '../shared/io/command-line.ts';
import { dial } from '../shared/io/dial.ts';
import { assertNoCertificate, type PskIdentity, pskClientOptions } from '../shared/io/psk.ts';
import { BATCH_RECORD_BYTES, HIGH_WATER_MARK, TlsRecords } from '../shared/io/tls-records.ts';
import type { Wire } from '../shared/io/trip-output.ts';
import { TripCut } from '../shared/io/trip-side.ts';
import { unacknowledged } from '../shared/io/unacknowledged.ts';

/** The hub, or what stands in its place, does not let this office in; `exit` is the code to leave with. */
export class HubRefused extends Error {
  readonly exit: number;
  constructor(exit: number, message: string) {
    super(message);
    this.exit = exit;
  }
}

export interface HubCall {
  readonly wire: Wire;
  /** Of the TCP stream, handshakes included. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Times that this side had to wait for the other, the two handshakes included. */
  readonly roundTrips: number;
  close(): Promise<void>;
}

export interface HubAddress {
  readonly host: string;
  readonly port: number;
  readonly key: PskIdentity;
  /** Until the connection, handshake included, must stand. */
  readonly seconds: number;
  /** Gives up when it fires before the connection stands. */
  readonly signal?: AbortSignal;
}

/** Bytes of a request that nobody ends: more than any trip has. */
const ENDLESS = '999999999999';

/** Until the connection must stand: a satellite call is set up in 20 s and more. */
export const DIAL_SECONDS = 90;

/** TCP's and TLS's. */
const HANDSHAKES = 2;

/** Throws DialError when there is no way, HubRefused when the hub does not know the key. */
export async function callHub(address: HubAddress): Promise<HubCall> {
  const { key: _, ...where } = address;
  const raw = await dial(where);
  const socket = await secure(raw, address);
  const client = clientOver(socket, address.host);
  // Nothing is gathered here: the trip gathers, and waits for the line.
  const body = new PassThrough({ highWaterMark: 1 });
  // Chunks would cost 7 bytes each; nobody looks at the host.
  const headers = { host: 'h', 'content-length': ENDLESS };
  const answer = request.call(client, { method: 'POST', path: '/', headers, body });
  // Looked at when the trip reads; without a reader it would be an unhandled failure.
  answer.catch(() => undefined);
  const turns = new Turns();
  return {
    wire: wireOf({ raw, socket, body, answer, turns }),
    get bytesUp() {
      return raw.bytesWritten;
    },
    get bytesDown() {
      return raw.bytesRead;
    },
    get roundTrips() {
      return HANDSHAKES + turns.count;
    },
    close: async () => {
      socket.destroy();
      await client.destroy();
    },
  };
}

/**
 * A handshake, which proves both keys, and one question: the version of the hub's program, '' where it does not say. No trip is
 * made of it. Throws as callHub does.
 */
export async function hubVersion(address: HubAddress): Promise<string> {
  const { key: _, ...where } = address;
  const socket = await secure(await dial(where), address);
  const client = clientOver(socket, address.host);
  const late = setTimeout(() => socket.destroy(), address.seconds * 1_000);
  try {
    const answer = request.call(client, { method: 'GET', path: '/version', headers: { host: 'h' } });
    const { statusCode, body } = await answer;
    const text = await textOf(body);
    if (statusCode === 403) throw new HubRefused(EXIT.refused, text);
    return statusCode === 200 ? text : '';
  } finally {
    clearTimeout(late);
    socket.destroy();
    await client.destroy();
  }
}

/** HTTP over a connection that stands. When that has gone there is no other. */
function clientOver(socket: TLSSocket, host: string): Client {
  let isTaken = false;
  return new Client(`http://${host}`, {
    // undici must not hear of the connection before it has asked for it.
    connect: (_options, connected) => {
      const gone = isTaken || socket.destroyed;
      isTaken = true;
      setImmediate(() => (gone ? connected(new TripCut('the link was cut'), null) : connected(null, socket)));
    },
    bodyTimeout: 0,
    headersTimeout: 0,
    // Or it would hang up rather than send a second request within what the hub allows.
    keepAliveTimeoutThreshold: 1,
  });
}

export interface WebCall {
  /** Bytes of the TCP stream so far, handshakes included. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Sends a batch; answers the one that comes back. Throws HubRefused, or TripCut. */
  post(batch: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>>;
  destroy(): void;
  close(): Promise<void>;
}

/** `raw`: the connection below TLS. */
export function webCall(raw: Socket, socket: TLSSocket, host: string): WebCall {
  const client = clientOver(socket, host);
  socket.setMaxSendFragment(BATCH_RECORD_BYTES);
  socket.on('error', () => undefined);
  return {
    get bytesUp() {
      return raw.bytesWritten;
    },
    get bytesDown() {
      return raw.bytesRead;
    },
    post: async (batch) => {
      const answer = request.call(client, { method: 'POST', path: '/batch', body: Readable.from(batch) });
      try {
        const { statusCode, body } = await answer;
        if (statusCode === 200) return arriving(body);
        const sentence = await sentenceOf(statusCode, body);
        // What stands there is some other web server, or a proxy.
        if (statusCode === 404 || statusCode === 405)
          throw new HubRefused(EXIT.later, `no hub takes batches there: ${sentence}`);
        throw new HubRefused(exitOf(statusCode), sentence);
      } catch (error) {
        if (error instanceof HubRefused) throw error;
        throw new TripCut('the link was cut', { cause: error });
      }
    },
    destroy: () => {
      socket.destroy();
    },
    close: async () => {
      socket.destroy();
      await client.destroy();
    },
  };
}

async function secure(raw: Socket, { host, port, key, seconds }: HubAddress): Promise<TLSSocket> {
  const socket = connectTls({ socket: raw, ...pskClientOptions(key), ...{ highWaterMark: HIGH_WATER_MARK } });
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${seconds} s`)), seconds * 1_000);
  try {
    await Promise.race([once(socket, 'secureConnect'), once(socket, 'close').then(hungUp)]);
    assertNoCertificate(socket);
  } catch (error) {
    socket.destroy();
    throw handshakeFault(error as NodeJS.ErrnoException, `${host}:${port}`);
  } finally {
    clearTimeout(timer);
  }
  socket.on('error', () => undefined);
  socket.setNoDelay(true);
  return socket;
}

const hungUp = (): never => {
  throw new Error('the other side hung up');
};

/** What a hub that has another key for this office says; anything else is not TLS, or not of the hub. */
const KEY_ALERT = /ALERT/;

function handshakeFault(error: NodeJS.ErrnoException, where: string): Error {
  if (KEY_ALERT.test(error.code ?? ''))
    return new HubRefused(
      EXIT.refused,
      `${where} does not accept the key of this office: enrol again with a new token`,
    );
  // A hub proves the key to whoever names an office; a certificate comes from something that stands in its place.
  if (/certificate/.test(error.message))
    return new HubRefused(EXIT.refused, `what answers at ${where} shows a certificate and is not the hub: ${PORTAL}`);
  if (/^ERR_SSL/.test(error.code ?? ''))
    return new HubRefused(EXIT.later, `what answers at ${where} is not the hub: ${PORTAL}`);
  return new Error(`no connection to ${where}: ${error.message}`);
}

const PORTAL =
  'this network may have a log-in page of its own before it lets anything out; open a browser, and log in there';

/** Counts how often the talk turned from us to the other side. */
class Turns {
  count = 0;
  #ours = false;

  wrote(): void {
    this.#ours = true;
  }

  read(): void {
    if (this.#ours) this.count += 1;
    this.#ours = false;
  }
}

interface Parts {
  readonly raw: Socket;
  readonly socket: TLSSocket;
  readonly body: PassThrough;
  readonly answer: Promise<Dispatcher.ResponseData>;
  readonly turns: Turns;
}

function wireOf({ raw, socket, body, answer, turns }: Parts): Wire {
  const records = new TlsRecords();
  const writePiece = (piece: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      const closed = (): void => reject(new TripCut('the link was cut'));
      if (socket.destroyed) return closed();
      socket.once('close', closed);
      body.write(piece, (error) => {
        socket.off('close', closed);
        if (error) closed();
        else resolve();
      });
    });
  return {
    incoming: incomingOf(answer, turns),
    write: (bytes) => {
      turns.wrote();
      return records.write(bytes, writePiece);
    },
    // The hub knows when all is said, and hangs up: an end of our own would be 27 bytes for nothing.
    end: () => undefined,
    unacknowledged: () => unacknowledged(raw),
    destroy: (error) => {
      socket.destroy(error);
    },
  };
}

async function* incomingOf(answer: Promise<Dispatcher.ResponseData>, turns: Turns): AsyncGenerator<Uint8Array> {
  try {
    const { statusCode, body } = await answer;
    if (statusCode !== 200) throw new HubRefused(exitOf(statusCode), await sentenceOf(statusCode, body));
    for await (const chunk of arriving(body)) {
      turns.read();
      yield chunk;
    }
  } catch (error) {
    // undici has many names for a connection that ended.
    if (error instanceof HubRefused) throw error;
    throw new TripCut('the link was cut', { cause: error });
  }
}

const exitOf = (status: number): number => (status === 401 || status === 403 ? EXIT.refused : EXIT.later);

const SENTENCE_BYTES_MAX = 1_000;

async function sentenceOf(status: number, body: AsyncIterable<Uint8Array>): Promise<string> {
  return (await textOf(body)) || `the hub answered ${status}`;
}

/** A short one, in one line. */
async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of body) {
    text += Buffer.from(chunk).toString('utf8');
    if (text.length >= SENTENCE_BYTES_MAX) break;
  }
  return text
    .slice(0, SENTENCE_BYTES_MAX)
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .trim();
}
