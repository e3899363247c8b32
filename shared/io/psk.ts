/**
 * TLS with a shared key and without certificates: TLS 1.3, psk_dhe_ke. No dates enter into it, so a laptop that wakes
 * in 1970 connects. X25519 alone, because the hybrid share that Node sends by default costs 2.3 KB a session.
 */
import { constants } from 'node:crypto';
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls';

export interface PskIdentity {
  /** Travels in clear: an opaque id. */
  readonly identity: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

const COMMON = {
  minVersion: 'TLSv1.3',
  // A pre-shared key goes with the hash that it was made for; Node makes them for SHA-256.
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
  ecdhCurve: 'X25519',
} as const;

const identities = new WeakMap<TLSSocket, string>();

/** Who the peer of a server's connection has proved to be; undefined when it proved nothing. */
export const pskIdentityOf = (socket: TLSSocket): string | undefined => identities.get(socket);

/** For a server. `keyOf` answers undefined for an identity that cannot be one of ours. */
export function pskServerOptions(keyOf: (identity: string) => Uint8Array | undefined): TlsOptions {
  return {
    ...COMMON,
    // A session resumed by ticket would never ask for the key.
    secureOptions: constants.SSL_OP_NO_TICKET,
    pskCallback: (socket, identity) => {
      const key = keyOf(identity);
      if (!key) return null;
      identities.set(socket, identity);
      return key;
    },
  };
}

/** For a client. It trusts the key alone; `assertNoCertificate` must follow the handshake. */
export function pskClientOptions({ identity, key }: PskIdentity): ConnectionOptions {
  return {
    ...COMMON,
    secureOptions: constants.SSL_OP_NO_TICKET,
    // Those of the certificates that a stranger shows, which are refused: the whole list would be 40 bytes more.
    sigalgs: 'ECDSA+SHA256:RSA-PSS+SHA256',
    pskCallback: () => ({ psk: key, identity }),
    checkServerIdentity: () => undefined,
  };
}

/**
 * A server that does not know the identity may fall back to its certificate, and so may a stranger's with one that is
 * publicly valid: only a peer that showed none has proved that it holds the key.
 */
export function assertNoCertificate(socket: TLSSocket): void {
  if (Object.keys(socket.getPeerCertificate()).length === 0) return;
  throw new Error('the other side showed a certificate where it has to prove the key: it does not know this office');
}
