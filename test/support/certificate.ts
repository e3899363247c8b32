/** A certificate for tests, made by openssl; undefined where there is none. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Self-signed, for localhost and 127.0.0.1. The caller removes its folder with the other files of the test, or leaves it to /tmp. */
export function makeCertificate(folder = mkdtempSync(join(tmpdir(), 'fieldpost-cert-'))): TestCertificate | undefined {
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const { status } = spawnSync('/usr/bin/openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'],
    ...[
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout',
      keyFile,
      '-out',
      certFile,
    ],
  ]);
  if (status !== 0) return undefined;
  return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) };
}
