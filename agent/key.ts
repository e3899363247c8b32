/**
 * The key file holds the enrolment token as the hub printed it: the key, what the office calls itself, and what it has to
 * know before its first trip. Its check sum tells a damaged file from a wrong key.
 */
import { readFile, stat } from 'node:fs/promises';
import { decodeToken, type Token, TokenError } from '../shared/core/token.ts';
import { ConfigError } from '../shared/io/config.ts';
import { writeDurably } from '../shared/io/durable.ts';
import type { AgentConfig } from './config.ts';

/** Reads it; throws ConfigError with the remedy. */
export async function loadKey({ key_file: file, office }: Pick<AgentConfig, 'key_file' | 'office'>): Promise<Token> {
  const token = decode(file, await readKeyFile(file));
  if (token.office === office) return token;
  throw new ConfigError(
    `key_file = "${file}" is the key of office "${token.office}", but office = "${office}": enrol again with the right token`,
  );
}

/** Who else can read the key can send mail in the office's name. */
const OTHERS = 0o077;

async function readKeyFile(file: string): Promise<string> {
  try {
    const { mode } = await stat(file);
    if (mode & OTHERS)
      throw new ConfigError(
        `key_file = "${file}" can be read by others (mode ${(mode & 0o777).toString(8)}): run 'chmod 600 ${file}'`,
      );
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new ConfigError(`key_file = "${file}" is not there: 'agent enrol TOKEN' writes it, or put it back`);
    throw new ConfigError(
      `key_file = "${file}" cannot be read (${code}): it must belong to the user that runs the agent`,
    );
  }
}

function decode(file: string, text: string): Token {
  try {
    return decodeToken(text);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    throw new ConfigError(`key_file = "${file}" is damaged: enrol again with the token from the hub`);
  }
}

export const writeKey = (file: string, token: string): Promise<void> =>
  writeDurably(file, Buffer.from(`${token}\n`), { mode: 0o600 });
