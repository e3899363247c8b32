/** An agent of the office herat on a folder of its own: real key, real store, the directory of test/support/directory.ts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent, AgentService } from '../../agent/agent.ts';
import { loadAgentConfig } from '../../agent/config.ts';
import { openAgent } from '../../agent/open-agent.ts';
import type { Directory } from '../../shared/core/directory.ts';
import { publicDirectory } from '../../shared/core/public-directory.ts';
import { encodeToken } from '../../shared/core/token.ts';
import { makeAccount, writeAccounts } from '../../shared/io/accounts.ts';
import type { Log } from '../../shared/io/log.ts';
import { readMaildir } from './sites.ts';

export interface BareAgent extends Agent {
  readonly folder: string;
  readonly logged: string[];
  /** Gives people passwords, as `agent user add` does. */
  passwords(people: Readonly<Record<string, string>>): Promise<void>;
  /** Bytes of what lies in a maildir of the data folder, oldest name first. */
  files(maildir: string): Promise<readonly Buffer[]>;
  /** Notes what has been started, to be stopped with the agent; answers the address of the first. */
  started(services: readonly AgentService[]): string;
  stop(): Promise<void>;
  close(): Promise<void>;
}

export interface BareAgentOptions {
  /** More of agent.toml. */
  readonly toml?: string;
  /** What the last trip brought; absent: there was none. */
  readonly directory?: Directory;
}

export async function bareAgent({ toml = '', directory }: BareAgentOptions = {}): Promise<BareAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-agent-'));
  const file = join(folder, 'agent.toml');
  await writeFile(file, `office = "herat"\nhub = "127.0.0.1:1"\ndata = "${folder}/data"\n${toml}`);
  await writeFile(join(folder, 'agent.key'), TOKEN, { mode: 0o600 });
  const logged: string[] = [];
  const agent = await openAgent(loadAgentConfig(file), collect(logged));
  if (directory) await agent.setDirectory(publicDirectory(directory));
  const running: AgentService[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(running.splice(0).map((service) => service.close(0)));
  };
  return {
    ...agent,
    folder,
    logged,
    passwords: async (people) => {
      const accounts = new Map(agent.accounts());
      for (const [name, password] of Object.entries(people)) accounts.set(name, await makeAccount(password));
      await writeAccounts(agent.store, accounts);
      // So that this very moment all tables know them.
      await agent.setDirectory(agent.directory());
    },
    files: async (maildir) => (await readMaildir(join(folder, 'data', maildir))).map(({ bytes }) => bytes),
    started: (services) => {
      running.push(...services);
      const address = services[0]?.address;
      if (address === undefined) throw new Error('nothing was started');
      return address;
    },
    stop,
    close: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const TOKEN = encodeToken({
  hub: '127.0.0.1:1',
  office: 'herat',
  domain: 'example.org',
  officeDomains: ['herat.example.org'],
  identity: '0000000000000001.1',
  key: Buffer.alloc(32, 7),
});

function collect(lines: string[]): Log {
  const write = (event: string, fields = {}): void => void lines.push(`${event} ${JSON.stringify(fields)}`);
  return { info: write, warn: write, error: write };
}
