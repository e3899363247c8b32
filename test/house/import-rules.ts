/** The rules of ARCHITECTURE.md that say who may use what, each with its reason. */
import { codeOf, type Source } from './sources.ts';

export interface Rule {
  readonly rule: string;
  readonly because: string;
  /** What in this source breaks the rule; empty when nothing does. */
  breaches(source: Source): readonly string[];
}

const inFolder = (path: string, ...folders: readonly string[]): boolean =>
  folders.some((folder) => path.startsWith(`${folder}/`));
const isOurs = (name: string): boolean => inFolder(name, 'hub', 'agent', 'shared', 'test', 'tools', 'infra');

/** Our own files that sources of `folder` may import. */
function reaches(folder: string, allowed: readonly string[], because: string): Rule {
  return {
    rule: `${folder} imports only from ${allowed.join(' and ')}`,
    because,
    breaches: ({ path, imports }) =>
      inFolder(path, folder) ? imports.filter((name) => isOurs(name) && !inFolder(name, ...allowed)) : [],
  };
}

/** A package that only the named files may import. */
function only(files: readonly string[], pattern: RegExp, because: string): Rule {
  return {
    rule: `${pattern.source} only in ${files.join(' and ')}`,
    because,
    breaches: ({ path, imports }) => (files.includes(path) ? [] : imports.filter((name) => pattern.test(name))),
  };
}

/** Words that only files for which `may` holds may use. */
function words(rule: string, pattern: RegExp, may: (path: string) => boolean, because: string): Rule {
  return {
    rule,
    because,
    breaches: ({ path, text }) => (may(path) ? [] : [...codeOf(text).matchAll(pattern)].map(([found]) => found)),
  };
}

const PURE_NODE = ['node:crypto', 'node:buffer'];

export const RULES: readonly Rule[] = [
  reaches('hub', ['hub', 'shared'], 'the two programs meet on the wire alone'),
  reaches('agent', ['agent', 'shared'], 'the agent stays small: nothing of the hub may slip into it'),
  reaches('shared/core', ['shared/core'], 'what is pure can be tested in every order and at every byte'),
  reaches('shared', ['shared'], 'what both programs need cannot depend on one of them'),
  {
    rule: `shared/core imports no package, and of Node only ${PURE_NODE.join(' and ')}`,
    because: 'no I/O, no clock and no randomness in the core',
    breaches: ({ path, imports }) =>
      inFolder(path, 'shared/core') ? imports.filter((name) => !isOurs(name) && !PURE_NODE.includes(name)) : [],
  },
  words(
    'shared/core is synchronous, and knows no clock, no randomness and no process',
    /\basync\b|\bawait\b|\bPromise\b|\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\brandom(?:Bytes|UUID|Int)\b|\bset(?:Timeout|Interval|Immediate)\b|\bprocess\.|\bconsole\./g,
    (path) => !inFolder(path, 'shared/core'),
    'the caller owns time and chance, so that a test can replay any of them',
  ),
  only(
    ['hub/s3-store.ts'],
    /^@(?:aws-sdk|smithy)\//,
    'everybody else works with the store port, whatever is behind it',
  ),
  only(['agent/dial-hub.ts', 'agent/undici-client.d.ts'], /^undici/, 'one place knows how the hub is reached'),
  only([], /^zod$/, "'zod/mini' keeps 360 KB out of the agent"),
  words(
    'process.argv, process.env and process.exit only in main.ts and shared/io/command-line.ts',
    /\bprocess\.(?:argv|env|exit|exitCode)\b/g,
    (path) => /^(?:hub|agent)\/main\.ts$/.test(path) || path === 'shared/io/command-line.ts',
    'a command also runs inside the serving hub, where these belong to somebody else',
  ),
  {
    rule: 'files are opened for writing only in shared/io/durable.ts',
    because: 'temp, fsync, rename, fsync of the folder: one place gets the order right',
    breaches: ({ path, text }) => (path === 'shared/io/durable.ts' ? [] : writesOf(codeOf(text))),
  },
];

const WRITES = /^(?:writeFile|appendFile|createWriteStream|copyFile|cp|rename|link|symlink|truncate)(?:Sync)?$/;

/** What it takes from node:fs to write with, and what it opens for writing. */
function writesOf(code: string): readonly string[] {
  const taken = [...code.matchAll(/import \{([^}]*)\} from 'node:fs(?:\/promises)?'/g)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim().split(' ')[0] ?? ''),
  );
  const opened = [...code.matchAll(/\bopen(?:Sync)?\([^)\n]*,\s*(?:'[wa]|'r\+|constants\.)/g)].map(([found]) => found);
  return [...taken.filter((name) => WRITES.test(name)), ...opened];
}
