/** The certificate of `[tls]`: read at start, and again when its files have changed, so that renewing one stops nobody. */
import { X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '../shared/io/config.ts';
import type { Listener } from '../shared/io/listen.ts';
import type { HubConfig } from './config.ts';
import type { Hub, Service } from './hub.ts';

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Undefined when there is no `[tls]`. Throws ConfigError. */
export async function readCertificate({ tls }: Pick<HubConfig, 'tls'>): Promise<Certificate | undefined> {
  if (!tls) return undefined;
  return { cert: await readNamed('tls.cert', tls.cert), key: await readNamed('tls.key', tls.key) };
}

async function readNamed(field: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ConfigError(`${field} = "${path}" cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** A door that is given each new certificate, as a part of the hub. */
export function renewed(hub: Hub, name: string, door: TlsDoor): Service {
  const unfollow = followCertificate(hub, (certificate) => door.renew(certificate));
  const close = (seconds: number): Promise<void> => {
    unfollow();
    return door.close(seconds);
  };
  return { name, address: door.address, close };
}

interface TlsDoor extends Listener {
  renew(certificate: Certificate): void;
}

const LOOK_MS = 60_000;

/**
 * Looks each minute whether the files of `[tls]` are others, and hands a new pair to `use`. One that does not belong
 * together, as in the middle of a renewal, is passed over, and looked at again. Answers how to end it.
 */
export function followCertificate(hub: Hub, use: (certificate: Certificate) => void, everyMs = LOOK_MS): () => void {
  const { tls } = hub.config;
  if (!tls) return () => undefined;
  const files = (): string => JSON.stringify([tls.cert, tls.key].map(version));
  let seen = files();
  let fault: string | undefined;
  const look = async (): Promise<void> => {
    try {
      const now = files();
      const certificate = now === seen ? undefined : await readCertificate(hub.config);
      if (!certificate) return;
      createSecureContext(certificate);
      use(certificate);
      [seen, fault] = [now, undefined];
      hub.log.info('the certificate of [tls] was renewed: new connections get it', { cert: tls.cert });
    } catch (error) {
      const { message } = error as Error;
      if (message !== fault)
        hub.log.warn('the new certificate of [tls] cannot be used; the one before serves on', { error: message });
      fault = message;
    }
  };
  const timer = setInterval(look, everyMs).unref();
  return () => clearInterval(timer);
}

/** Another value when the file is another one. */
function version(path: string): readonly number[] {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? [found.mtimeMs, found.ino] : [];
}

/** Unix seconds when it runs out; undefined when there is none that can be read. */
export async function certificateEnds(config: HubConfig): Promise<number | undefined> {
  try {
    const pair = await readCertificate(config);
    return pair && Math.floor(new X509Certificate(pair.cert).validToDate.getTime() / 1_000);
  } catch {
    return undefined;
  }
}
