/** Passwords: drawn, or given on standard input. */
import { randomInt } from 'node:crypto';
import { EXIT, Exit } from './command-line.ts';

const CHARACTERS_MAX = 200;

/** The first line of what was given. Throws Exit that says what is wrong with it. */
export function passwordOf(given: Buffer): string {
  const [line = ''] = given.toString('utf8').split(/\r?\n/);
  if (line === '') throw new Exit(EXIT.data, 'the first line of standard input is empty: it should be the password');
  if (line.length > CHARACTERS_MAX || line.includes('\0'))
    throw new Exit(EXIT.data, `a password has at most ${CHARACTERS_MAX} characters, and no NUL`);
  return line;
}

/** Nothing that looks like something else when it is read out over a bad line. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';

/** 16 letters in groups of four, 79 bits. */
export const newPassword = (): string =>
  Array.from({ length: 4 }, () => Array.from({ length: 4 }, () => LETTERS[randomInt(LETTERS.length)]).join('')).join(
    '-',
  );
