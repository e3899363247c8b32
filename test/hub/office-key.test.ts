import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deriveAdminToken, deriveOfficeKey, loadMasterSecret, newKeyId } from '../../hub/office-key.ts';
import { ConfigError } from '../../shared/io/config.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-key-'));
  file = join(folder, 'hub.secret');
});
afterEach(() => rm(folder, { recursive: true }));

test('made at first use, for its owner alone, and the same from then on', async () => {
  const secrets = await Promise.all([loadMasterSecret(file), loadMasterSecret(file), loadMasterSecret(file)]);
  expect(new Set(secrets.map((secret) => secret.toString('hex'))).size).toBe(1);
  expect(await loadMasterSecret(file)).toEqual(secrets[0]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(secrets[0]?.length).toBe(32);
});

describe('refused, with the remedy', () => {
  test.each([0o640, 0o604, 0o660])('readable by others: %o', async (mode) => {
    await loadMasterSecret(file);
    await chmod(file, mode);
    await expect(loadMasterSecret(file)).rejects.toThrow(ConfigError);
    await expect(loadMasterSecret(file)).rejects.toThrow(/hub\.secret.*chmod 600/);
  });
  test.each([0, 31, 33, 1000])('%i bytes', async (size) => {
    await writeFile(file, Buffer.alloc(size), { mode: 0o600 });
    await expect(loadMasterSecret(file)).rejects.toThrow(/hub\.secret.*damaged.*(less|more) than 32 bytes/);
  });
  test('a folder that is a file', async () => {
    await writeFile(file, Buffer.alloc(32), { mode: 0o600 });
    await expect(loadMasterSecret(join(file, 'secret'))).rejects.toThrow(ConfigError);
  });
});

test('keys differ by id and by generation, and say nothing of each other', () => {
  const secret = Buffer.alloc(32, 7);
  const [one, two] = [newKeyId(), newKeyId()];
  expect(one).toMatch(/^[0-9a-f]{16}$/);
  const keys = [
    deriveOfficeKey(secret, one, 1),
    deriveOfficeKey(secret, one, 2),
    deriveOfficeKey(secret, two, 1),
    deriveOfficeKey(Buffer.alloc(32, 8), one, 1),
  ];
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(4);
  expect(keys.every((key) => key.length === 32)).toBe(true);
  expect(deriveOfficeKey(secret, one, 1)).toEqual(keys[0]);
  expect(deriveAdminToken(secret)).not.toBe(deriveAdminToken(Buffer.alloc(32, 8)));
});
