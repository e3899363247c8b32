/** Runs `hub fsck` or `agent fsck` in this process, as typed. */

import type { Desk } from '../../agent/agent.ts';
import { loadAgentConfig } from '../../agent/config.ts';
import { fsckCommand as agentFsck } from '../../agent/fsck.ts';
import { fsckCommand as hubFsck } from '../../hub/commands/fsck.ts';
import { loadHubConfig } from '../../hub/config.ts';
import type { Call, Exit } from '../../shared/io/command-line.ts';
import type { Finding } from '../../shared/io/fsck.ts';
import { NO_FILES } from './no-files.ts';

export interface Checked {
  readonly code: number;
  readonly faults: number;
  readonly repaired: number;
  readonly notes: number;
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<string, { readonly objects: number; readonly bytes: number }>>;
  /** Of a run that did not begin. */
  readonly error?: string;
}

const NO_FILE = async (path: string): Promise<never> => {
  throw new Error(`${path} is read by a command that should not`);
};

type Options = Readonly<Record<string, boolean>>;

export const fsckHub = (configFile: string, options: Options = {}): Promise<Checked> =>
  checked((call) => hubFsck.run(loadHubConfig(configFile), call), options);

export const fsckAgent = (configFile: string, options: Options = {}): Promise<Checked> =>
  checked((call) => agentFsck.run({ load: () => loadAgentConfig(configFile) } as Desk, call), options);

async function checked(run: (call: Call) => Promise<number | undefined>, options: Options): Promise<Checked> {
  const said: string[] = [];
  const call: Call = {
    positionals: [],
    options,
    json: true,
    out: (line) => said.push(line),
    readFile: NO_FILE,
    ...NO_FILES,
  };
  try {
    const code = (await run(call)) ?? 0;
    return { code, ...(JSON.parse(said.join('')) as Omit<Checked, 'code'>) };
  } catch (error) {
    const { code, message } = error as Exit;
    if (typeof code !== 'number') throw error;
    return { code, faults: 0, repaired: 0, notes: 0, findings: [], counts: {}, error: message };
  }
}
