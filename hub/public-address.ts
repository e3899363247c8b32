/**
 * Where offices dial, as their tokens say it: `public` of hub.toml; else the host name with the port of the sync listener. A
 * listener that is bound to one address can be reached by no other, so then that address is named.
 */
import { splitHostAddress } from '../shared/io/config.ts';
import type { Hub } from './hub.ts';

/** Port of a token when no listener has one: what firewalls and proxies let through. */
const USUAL_PORT = 443;

const EVERYWHERE = new Set(['0.0.0.0', '::']);

/** host:port. A port given as 0 is known while the hub serves. */
export function publicAddress({ config, listening }: Pick<Hub, 'config' | 'listening'>): string {
  if (config.public !== undefined) return config.public;
  const bound = splitHostAddress(listening.get('sync') ?? config.listen.sync ?? '');
  if (!bound || bound.port === 0) return `${config.hostname}:${USUAL_PORT}`;
  if (EVERYWHERE.has(bound.host)) return `${config.hostname}:${bound.port}`;
  return bound.host.includes(':') ? `[${bound.host}]:${bound.port}` : `${bound.host}:${bound.port}`;
}
