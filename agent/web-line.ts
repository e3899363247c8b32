/**
 * The way to the hub where only the web passes: TLS with a certificate, as a browser has it, through a proxy if there is one. The
 * batches that travel in it are sealed with the office's key, whatever the certificate is worth.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { EXIT } from '../shared/io/command-line.ts';
import { ConfigError } from '../shared/io/config.ts';
import { DialError, dial } from '../shared/io/dial.ts';
import { HubRefused } from './dial-hub.ts';

export interface WebAddress {
  readonly host: string;
  readonly port: number;
  /** `http://[name:password@]host:port`. */
  readonly proxy?: string;
  /** A file with the certificate of whoever signed the hub's, or the proxy's that opens TLS; default: the public ones. */
  readonly ca?: string;
  /** Takes any certificate: the clock may be wrong, or a proxy may show its own. */
  readonly anyCertificate: boolean;
  /** Until the connection must stand, for each step. */
  readonly seconds: number;
  readonly signal?: AbortSignal;
}

/** Throws DialError, HubRefused for a certificate that is not to be trusted, ConfigError. */
export async function dialWeb(address: WebAddress): Promise<{ readonly raw: Socket; readonly socket: TLSSocket }> {
  const { host, port, proxy, seconds, signal } = address;
  const ca = address.ca === undefined ? undefined : await readCa(address.ca);
  const raw =
    proxy === undefined
      ? await dial({ host, port, seconds, ...(signal ? { signal } : {}) })
      : await tunnel(address, proxy);
  const socket = connectTls({
    socket: raw,
    ...(isIP(host) ? { host } : { servername: host }),
    ...(ca ? { ca } : {}),
    // The hybrid share that Node sends by default costs 2.3 KB a call.
    ecdhCurve: 'X25519:P-256',
    rejectUnauthorized: !address.anyCertificate,
  });
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${seconds} s`)), seconds * 1_000);
  try {
    await Promise.race([once(socket, 'secureConnect'), once(socket, 'close').then(hungUp)]);
  } catch (error) {
    socket.destroy();
    throw handshakeFault(error as NodeJS.ErrnoException, `${host}:${port}`);
  } finally {
    clearTimeout(timer);
  }
  socket.setNoDelay(true);
  return { raw, socket };
}

const hungUp = (): never => {
  throw new Error('the other side hung up');
};

async function readCa(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ConfigError(`ca = "${file}" cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

const DATES = /^CERT_(?:NOT_YET_VALID|HAS_EXPIRED)$/;
const CERTIFICATE = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_)/;

function handshakeFault(error: NodeJS.ErrnoException, where: string): Error {
  const { code = '', message } = error;
  if (DATES.test(code))
    return new HubRefused(
      EXIT.refused,
      `${where}: its certificate is not valid at the time of this laptop, ${new Date().toISOString().slice(0, 10)} (${code}): put the clock right, or set certificate = "any" on the link, for mail is sealed with the office's key all the same`,
    );
  if (CERTIFICATE.test(code))
    return new HubRefused(
      EXIT.refused,
      `${where}: its certificate is not to be trusted (${code}): a proxy may be in between; name its certificate with ca = FILE on the link, or the hub's`,
    );
  return new DialError(`no connection to ${where}: ${message}`);
}

/** A connection to the hub that the proxy has opened (HTTP CONNECT, RFC 9110 section 9.3.6). */
async function tunnel({ host, port, seconds, signal }: WebAddress, proxy: string): Promise<Socket> {
  const { hostname, port: proxyPort, username, password } = new URL(proxy);
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const said = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  const asked = request({
    method: 'CONNECT',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: proxyPort || 80,
    path: authority,
    headers: { host: authority, ...(username ? { 'proxy-authorization': `Basic ${said}` } : {}) },
    timeout: seconds * 1_000,
    ...(signal ? { signal } : {}),
  });
  asked.once('timeout', () => asked.destroy(new Error(`no answer within ${seconds} s`)));
  const at = `the proxy ${hostname}:${proxyPort || 80}`;
  try {
    const opened = once(asked, 'connect') as Promise<[IncomingMessage, Socket]>;
    asked.end();
    const [answer, socket] = await opened;
    if (answer.statusCode === 200) return socket.setTimeout(0);
    socket.destroy();
    throw new Error(
      answer.statusCode === 407
        ? 'it asks for a name and a password: proxy = "http://NAME:PASSWORD@HOST:PORT"'
        : `it answers ${answer.statusCode}`,
    );
  } catch (error) {
    asked.destroy();
    throw new DialError(`no way through ${at}: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`);
  }
}
