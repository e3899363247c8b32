/** What every page of ours is answered with, and from whom it takes what changes something. */
import type { Context } from 'hono';

/** `policy`: what the browser may load beside the page's own style. */
const policyOf = (more: readonly string[]): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    ...more,
  ].join('; ');

/** Writes come from the page's own buttons: a browser names the origin of each. */
export function isOwnWrite(context: Context): boolean {
  const { method } = context.req;
  if (method === 'GET' || method === 'HEAD') return true;
  return context.req.header('origin') === `http://${context.req.header('host')}`;
}

export function safeHeaders(context: Context, more: readonly string[] = []): void {
  context.header('content-security-policy', policyOf(more));
  context.header('x-content-type-options', 'nosniff');
  // Same-origin, not none: with none a browser hides the origin of the page's own forms as well.
  context.header('referrer-policy', 'same-origin');
  context.header('cache-control', 'no-store');
}
