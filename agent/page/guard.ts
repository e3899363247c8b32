/** What stands before every answer of the page: who may ask at all, under which name, and what a browser may do with the answer. */
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { Next } from 'hono';
import { splitHostAddress } from '../../shared/io/config.ts';
import type { Trusts } from '../lan.ts';
import type { PageContext } from './session.ts';

const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

export const guard =
  (trusts: Trusts) =>
  async (context: PageContext, next: Next): Promise<Response | undefined> => {
    if (!trusts(remoteAddress(context))) return context.text('this page is for the office alone\n', 403);
    const host = context.req.header('host');
    if (!isPlainHost(host)) return context.text('ask for this page by its address\n', 403);
    const isWrite = context.req.method !== 'GET' && context.req.method !== 'HEAD';
    if (isWrite && context.req.header('origin') !== `http://${host}`)
      return context.text('only the buttons of the page do this\n', 403);
    context.header('content-security-policy', POLICY);
    context.header('x-content-type-options', 'nosniff');
    // Same-origin, not none: with none a browser hides the origin of the page's own forms as well.
    context.header('referrer-policy', 'same-origin');
    context.header('cache-control', 'no-store');
    await next();
    return undefined;
  };

export function remoteAddress(context: PageContext): string {
  const socket: Socket = context.env.incoming.socket;
  return socket.remoteAddress ?? '';
}

/** An address, not a name: a stranger's name may lead here (DNS rebinding). */
function isPlainHost(header = ''): boolean {
  const host = splitHostAddress(header)?.host ?? header;
  return host === 'localhost' || isIP(host) !== 0;
}
