/** What stands before every answer of the page: who may ask at all, under which name, and what a browser may do with the answer. */
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { Next } from 'hono';
import { splitHostAddress } from '../../shared/io/config.ts';
import { isOwnWrite, safeHeaders } from '../../shared/page/guard.ts';
import type { Trusts } from '../lan.ts';
import type { PageContext } from './session.ts';

/** The page's own script, and what it asks. */
const SCRIPTED = ["script-src 'self'", "connect-src 'self'"];

export const guard =
  (trusts: Trusts) =>
  async (context: PageContext, next: Next): Promise<Response | undefined> => {
    if (!trusts(remoteAddress(context))) return context.text('this page is for the office alone\n', 403);
    const host = context.req.header('host');
    if (!isPlainHost(host)) return context.text('ask for this page by its address\n', 403);
    if (!isOwnWrite(context)) return context.text('only the buttons of the page do this\n', 403);
    safeHeaders(context, SCRIPTED);
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
