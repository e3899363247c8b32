/** The smarthost of `[relay]`: where all outgoing mail goes when the hub does not look for MX hosts itself. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../shared/io/config.ts';
import type { HubConfig } from './config.ts';

export interface Smarthost {
  readonly host: string;
  readonly port: number;
  /**
   * `implicit`: TLS from the first byte (smtps). `offered`: STARTTLS when offered. `required`: STARTTLS or nothing,
   * because a password travels. `none`: this machine itself. TLS here always means a certificate that is verified.
   */
  readonly tls: 'implicit' | 'offered' | 'required' | 'none';
  readonly auth?: { readonly user: string; readonly pass: string };
}

const EXAMPLE = 'such as "smtps://user@relay.example.net" or "smtp://relay.example.net:587"';

/** Undefined when mail goes by MX. Throws ConfigError. */
export function smarthostOf(config: HubConfig): Smarthost | undefined {
  const { smarthost, password_file } = config.relay;
  if (smarthost === undefined) {
    if (password_file === undefined) return undefined;
    throw new ConfigError('relay.password_file: there is no relay.smarthost that it could belong to');
  }
  const url = new URL(smarthost);
  if (url.protocol !== 'smtp:' && url.protocol !== 'smtps:')
    throw new ConfigError(`relay.smarthost: expected smtp or smtps, ${EXAMPLE}`);
  if (url.hostname === '') throw new ConfigError(`relay.smarthost: the host is missing; ${EXAMPLE}`);
  if (url.password !== '')
    throw new ConfigError(
      'relay.smarthost: write the password into a file of its own and name it with relay.password_file',
    );
  const auth = credentials(url, config);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const implicit = url.protocol === 'smtps:';
  const port = url.port === '' ? (implicit ? 465 : auth ? 587 : 25) : Number(url.port);
  return { host, port, tls: implicit ? 'implicit' : tlsOf(host, auth !== undefined), ...(auth ? { auth } : {}) };
}

function tlsOf(host: string, password: boolean): Smarthost['tls'] {
  // Nobody listens between this machine and itself, and a local mail server's certificate is seldom one to verify.
  if (/^(127\.|::1$|localhost$)/.test(host)) return 'none';
  return password ? 'required' : 'offered';
}

function credentials({ username }: URL, config: HubConfig): Smarthost['auth'] {
  const file = config.relay.password_file;
  if (username === '' && file === undefined) return undefined;
  if (username === '')
    throw new ConfigError(`relay.smarthost: the user that relay.password_file is for is missing; ${EXAMPLE}`);
  if (file === undefined) throw new ConfigError('relay.password_file is missing: relay.smarthost names a user');
  const path = resolve(dirname(config.file), file);
  try {
    return { user: decodeURIComponent(username), pass: readFileSync(path, 'utf8').trimEnd() };
  } catch (error) {
    throw new ConfigError(`relay.password_file = "${path}" cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
