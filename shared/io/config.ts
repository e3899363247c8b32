/** Configuration files: TOML, with a schema. A fault names the file, the line or field, and what is expected. */
import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import * as z from 'zod/mini';

/** Bad configuration: the programs print the message and leave with exit code 78. */
export class ConfigError extends Error {}

const SIZES: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 };

/** `20 KB`, `1.5 MB` (1000s), or a number of bytes. Undefined when it is no size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)\s*(B|KB|MB|GB)?$/i.exec(text.trim());
  return match ? Math.round(Number(match[1]) * (SIZES[(match[2] ?? 'B').toUpperCase()] ?? 1)) : undefined;
}

const TIMES: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, hour: 3600, day: 86400, week: 604800 };

/** `30 s`, `5 min`, `2 hours`, `14 days`: seconds. Undefined when it is no time. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*(s|min|h|hour|day|week)s?$/i.exec(text.trim());
  return match ? Number(match[1]) * (TIMES[(match[2] ?? 's').toLowerCase()] ?? 1) : undefined;
}

function parsed<T>(parseText: (text: string) => T | undefined, expected: string) {
  return z.pipe(
    z.union([z.string(), z.number()]),
    z.transform((value, context) => {
      const result = parseText(String(value));
      if (result !== undefined) return result;
      context.issues.push({ code: 'custom', message: `expected ${expected}`, input: value });
      return z.NEVER;
    }),
  );
}

/** Bytes. */
export const bytes = parsed(parseBytes, 'a size such as "20 KB" or "1.5 MB"');
/** Seconds. */
export const duration = parsed(parseDuration, 'a time such as "30 s", "5 min" or "14 days"');

/** `127.0.0.1:209`, `[::1]:0`, `kabul.example.org:443`. Port 0 picks a free one. */
export const hostAddress = z
  .string()
  .check(
    z.refine((text) => splitHostAddress(text) !== undefined, { error: 'expected host:port, such as "127.0.0.1:209"' }),
  );

/** An e-mail address. */
export const address = z.string().check(z.regex(/^[^\s@]+@[^\s@]+$/, 'expected an address such as "it@example.org"'));

/** The parts of `host:port` or `[v6]:port`; undefined when it is neither. */
export function splitHostAddress(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535) return undefined;
  return { host: match[1] ?? match[2] ?? '', port };
}

/** Reads and checks one file. Throws ConfigError. */
export const loadConfig = <T extends z.core.$ZodType>(file: string, schema: T): z.core.output<T> =>
  parseConfig(file, readText(file), schema);

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `${file}: cannot be read (${(error as NodeJS.ErrnoException).code}); name the file with --config`,
    );
  }
}

/** Checks the text of one file. Throws ConfigError. */
export function parseConfig<T extends z.core.$ZodType>(file: string, text: string, schema: T): z.core.output<T> {
  try {
    return checkConfig(file, parse(text), schema);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new ConfigError(`${file}:${error.line}:${error.column}: ${error.message.split('\n')[0]}`);
  }
}

function checkConfig<T extends z.core.$ZodType>(file: string, value: unknown, schema: T): z.core.output<T> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => `${file}: ${describe(issue)}`).join('\n'));
}

function describe(issue: z.core.$ZodIssue): string {
  const at = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.map((key) => (at ? `${at}.${key}` : key));
    return `unknown ${names.length > 1 ? 'keys' : 'key'} ${names.join(', ')}: remove it, or mend the spelling`;
  }
  if (issue.code === 'invalid_union') {
    // The form that comes closest is the one with the fewest faults; its faults are what the writer can use.
    const [closest] = issue.errors.toSorted((a, b) => a.length - b.length);
    if (closest) return closest.map((inner) => describe({ ...inner, path: [...issue.path, ...inner.path] })).join('; ');
  }
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return `${at} is missing (expected ${issue.expected})`;
  return `${at}: ${(issue.message !== 'Invalid input' && issue.message) || `expected ${'expected' in issue ? String(issue.expected) : 'another value'}`}`;
}
