/**
 * Keys of offices, derived from one master secret, an opaque id and a generation: any hub can answer for any id at once,
 * inside the handshake, without a look-up. Whoever has the secret can speak for every office, so it is never in the
 * store, and its file is read by its owner alone.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { ConfigError } from '../shared/io/config.ts';
import { createDurably } from '../shared/io/durable.ts';
import { StoreError } from '../shared/io/store.ts';

const SECRET_BYTES = 32;

/** Reads the master secret; makes it at first use. Throws ConfigError that says how to mend it. */
export async function loadMasterSecret(file: string): Promise<Buffer> {
  const known = await readSecret(file);
  if (known) return known;
  try {
    await createDurably(file, randomBytes(SECRET_BYTES), { mode: 0o600 });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new ConfigError(`secret_file = "${file}" cannot be made: ${error.message}`);
  }
  const made = await readSecret(file);
  if (made) return made;
  throw new ConfigError(`secret_file = "${file}" was made and is gone again`);
}

/** Undefined when there is no such file. Throws ConfigError that says how to mend it. */
export async function readSecret(file: string): Promise<Buffer | undefined> {
  try {
    await using handle = await open(file, 'r');
    const { mode } = await handle.stat();
    if ((mode & 0o077) !== 0)
      throw new ConfigError(
        `secret_file = "${file}" can be read by others (mode ${modeText(mode)}): chmod 600 ${file}`,
      );
    const secret = Buffer.alloc(SECRET_BYTES + 1);
    const { bytesRead } = await handle.read(secret, 0, secret.length, 0);
    if (bytesRead === SECRET_BYTES) return secret.subarray(0, SECRET_BYTES);
    throw new ConfigError(
      `secret_file = "${file}" is damaged: it holds ${bytesRead > SECRET_BYTES ? 'more' : 'less'} than ${SECRET_BYTES} bytes; put back your copy of it, or every office has to be enrolled again`,
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof ConfigError || code === undefined) throw error;
    if (code === 'ENOENT') return undefined;
    throw new ConfigError(
      `secret_file = "${file}" cannot be read (${code}): it must belong to the user that the hub runs as`,
    );
  }
}

const modeText = (mode: number): string => (mode & 0o777).toString(8).padStart(3, '0');

/** The key of an office, 32 bytes. On the wire the office calls itself `${keyId}.${generation}`. */
export const deriveOfficeKey = (secret: Uint8Array, keyId: string, generation: number): Buffer =>
  derive(secret, `fieldpost office ${keyId}.${generation}`);

/** What shows the serving hub that a command comes from somebody who can read the master secret. */
export const deriveAdminToken = (secret: Uint8Array): string => derive(secret, 'fieldpost admin').toString('base64url');

/** What the tokens of held mail are made with. */
export const deriveHeldKey = (secret: Uint8Array): Buffer => derive(secret, 'fieldpost held');

const derive = (secret: Uint8Array, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));

/** 16 hex digits that say nothing about the office. */
export const newKeyId = (): string => randomBytes(8).toString('hex');
