/**
 * `npm run advisories [-- --registry URL]`: whether anybody has warned of a version that the programs contain. Exit code 0: an answer came and named
 * none; 1: some, with what to do; 75: no answer came, so nothing is known.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ROOT } from './project.ts';

export interface Answer {
  readonly code: 0 | 1 | 75;
  readonly text: string;
}

interface Audit {
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>;
  readonly metadata?: { readonly dependencies?: { readonly prod?: number; readonly total?: number } };
}

const NO_ANSWER: Answer = {
  code: 75,
  text: 'no answer about advisories came: nothing is known, ask again with a connection',
};

/** What `npm audit --json` has said. */
export function answerOf(stdout: string): Answer {
  const { vulnerabilities, metadata } = parsed(stdout) ?? {};
  // Without counts it is an error, whatever else it says.
  if (!vulnerabilities || metadata?.dependencies?.prod === undefined) return NO_ANSWER;
  const found = Object.entries(vulnerabilities);
  if (found.length === 0) return { code: 0, text: `${metadata.dependencies.prod} packages, none with an advisory` };
  const lines = found.map(([name, { severity, range }]) => `${name} ${range}: ${severity}`);
  return { code: 1, text: [...lines, "'npm audit' says what each is about, and which version mends it"].join('\n') };
}

function parsed(text: string): Audit | undefined {
  try {
    return JSON.parse(text) as Audit;
  } catch {
    return undefined;
  }
}

export function askForAdvisories(more: readonly string[]): Answer {
  const args = ['audit', '--json', '--omit=dev', '--fetch-retries=0', '--fetch-timeout=20000', ...more];
  const { stdout } = spawnSync('npm', args, { cwd: ROOT, encoding: 'utf8', timeout: 60_000 });
  return answerOf(stdout ?? '');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { code, text } = askForAdvisories(process.argv.slice(2));
  console.log(text);
  process.exitCode = code;
}
