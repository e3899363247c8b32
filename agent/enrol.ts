/** `agent enrol TOKEN`: all that an office types. Writes agent.toml and, beside it, the key; then tries the hub. */
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { decodeToken, type Token, TokenError } from '../shared/core/token.ts';
import { type Call, EXIT, Exit } from '../shared/io/command-line.ts';
import { writeDurably } from '../shared/io/durable.ts';
import type { Agent, AgentCommand, Desk } from './agent.ts';
import { loadAgentConfig } from './config.ts';
import { agentToml } from './config-template.ts';
import { writeKey } from './key.ts';
import { firstPagePassword } from './page-password.ts';
import { runSync } from './run-sync.ts';

const DEFAULT_DATA = '/var/lib/fieldpost-agent';

export const enrolCommand: AgentCommand = {
  words: 'enrol',
  usage: 'TOKEN [--data DIR] [--force]',
  summary: 'makes this machine an office: writes agent.toml and the key, and tries the hub',
  help: [
    "  TOKEN          the last line that 'hub office add' printed; '-' reads it from standard input, where no `ps` shows it",
    `  --data DIR     where the office's mail is kept (default ${DEFAULT_DATA})`,
    '  --force        writes agent.toml anew, also over that of another office',
    '',
    'Enrolled again for the same office it writes the new key and leaves agent.toml as it is. Without a link it is done as',
    'well: the first sync finds the hub.',
  ].join('\n'),
  options: { data: { type: 'string' }, force: { type: 'boolean' } },
  takes: [1, 1],
  run: async (desk, call) => {
    const text = await tokenText(call);
    const token = understand(text);
    await write(desk, call, { token, text });
    return tryHub(desk, call);
  },
};

async function tokenText({ positionals: [word = ''], readFile: read }: Call): Promise<string> {
  return (word === '-' ? (await read('-')).toString() : word).replace(/\s+/g, '');
}

function understand(text: string): Token {
  try {
    return decodeToken(text);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    throw new Exit(EXIT.data, error.message);
  }
}

async function write(
  desk: Desk,
  { options, out }: Call,
  { token, text }: { readonly token: Token; readonly text: string },
): Promise<void> {
  const file = resolve(desk.configFile);
  const kept = await sameOfficeKeyFile(file, { office: token.office, force: options.force === true });
  const keyFile = kept ?? join(dirname(file), 'agent.key');
  await writeKey(keyFile, text);
  if (kept === undefined) {
    const data = resolve(typeof options.data === 'string' ? options.data : DEFAULT_DATA);
    // Everybody may read it: it holds no secret.
    await writeDurably(file, Buffer.from(agentToml(token, { keyFile, data })), { mode: 0o644 });
  }
  out(
    `${kept === undefined ? file : keyFile} written: this is office ${token.office} of ${token.domain}, its hub ${token.hub}`,
  );
}

/** The key file of an enrolment that stays; undefined when agent.toml is to be written. */
async function sameOfficeKeyFile(
  file: string,
  { office, force }: { readonly office: string; readonly force: boolean },
): Promise<string | undefined> {
  if (force || !(await exists(file))) return undefined;
  const config = loadAgentConfig(file);
  if (config.office === office) return config.key_file;
  throw new Exit(
    EXIT.data,
    `${file} belongs to office ${config.office}, and the token to office ${office}: name another file with --config, or replace it with --force`,
  );
}

async function exists(file: string): Promise<boolean> {
  try {
    await readFile(file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    throw new Exit(EXIT.config, `${file} cannot be read (${code})`);
  }
}

/** Where the page is, and the password that it now has; nothing when it has one already. */
async function tellPage(agent: Agent, out: Call['out']): Promise<void> {
  const { page } = agent.config.listen;
  const password = page === undefined ? undefined : await firstPagePassword(agent);
  if (password !== undefined) out(`this office's page: http://${page}, its password: ${password}`);
}

async function tryHub(desk: Desk, { out }: Call): Promise<number> {
  const agent = await desk.open();
  await tellPage(agent, out);
  // The directory comes, and no mail: what waits may be much, and the link dear.
  const result = await runSync(agent, { up: false, down: false });
  if (result.ok) {
    out("the hub knows this office; 'agent sync' or 'agent run' carries what waits");
    return EXIT.ok;
  }
  if (result.exit !== EXIT.refused) {
    out(
      `no link to the hub now (${result.error}); that is fine: 'agent sync' or 'agent run' goes on when there is one`,
    );
    return EXIT.ok;
  }
  desk.say(`enrolled, but the hub refuses this office for now: ${result.error}`);
  // The key is good, and only the data folder is new to the hub: there is nothing more to do on this side.
  return /readmit/.test(result.error ?? '') ? EXIT.ok : EXIT.refused;
}
