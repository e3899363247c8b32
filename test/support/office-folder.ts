/** An enrolled office on the disk, as `agent enrol` leaves it, whose hub nobody reaches. For the agent as a process. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent } from '../../agent/agent.ts';
import { loadAgentConfig } from '../../agent/config.ts';
import { openAgent } from '../../agent/open-agent.ts';
import { publicDirectory } from '../../shared/core/public-directory.ts';
import { encodeToken } from '../../shared/core/token.ts';
import { runAgent } from './agent-program.ts';
import { network } from './directory.ts';
import type { Outcome, RunOptions } from './program.ts';

export interface OfficeFolder {
  readonly folder: string;
  readonly config: string;
  /** Its data folder, opened anew: what a program that ended has left. */
  open(): Promise<Agent>;
  agent(words: readonly string[], options?: RunOptions): Promise<Outcome>;
  close(): Promise<void>;
}

export const officeToken = (office = 'herat', hub = '127.0.0.1:1'): string =>
  encodeToken({
    hub,
    office,
    domain: 'example.org',
    officeDomains: [`${office}.example.org`],
    identity: '0000000000000001.1',
    key: Buffer.alloc(32, 7),
  });

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** `more`: further lines of agent.toml. */
export async function officeFolder(more = ''): Promise<OfficeFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-office-'));
  const config = join(folder, 'agent.toml');
  await mkdir(join(folder, 'data'));
  await writeFile(config, `office = "herat"\nhub = "127.0.0.1:1"\ndata = "data"\n${more}`);
  await writeFile(join(folder, 'agent.key'), `${officeToken()}\n`, { mode: 0o600 });
  const open = (): Promise<Agent> => openAgent(loadAgentConfig(config), SILENT);
  await (await open()).setDirectory(publicDirectory(network()));
  return {
    folder,
    config,
    open,
    agent: (words, options) => runAgent([...words, '--config', config], options),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
