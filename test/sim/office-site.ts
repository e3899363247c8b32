/** An office's laptop: the data folder, the programs that work on it, and the people around it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent } from '../../agent/agent.ts';
import { type AgentConfig, loadAgentConfig } from '../../agent/config.ts';
import { openAgent } from '../../agent/open-agent.ts';
import { runSync } from '../../agent/run-sync.ts';
import type { SyncResult } from '../../agent/sync.ts';
import { around } from './around.ts';
import type { Disk } from './disk.ts';
import { diskPath } from './sim-files.ts';
import type { Process } from './simulation.ts';
import { isMisfortune, type Line, logOf, newMachine, putFile, Site, within } from './site.ts';

function configOfWorlds(): AgentConfig {
  const folder = mkdtempSync(join(tmpdir(), 'fieldpost-sim-'));
  const file = join(folder, 'agent.toml');
  writeFileSync(file, `office = "herat"\nhub = "127.0.0.1:443"\ndata = "data"\nstick_wait = "8 h"\n`);
  const config = loadAgentConfig(file);
  rmSync(folder, { recursive: true });
  return config;
}

let config: AgentConfig | undefined;

export class OfficeSite extends Site<Agent> {
  readonly name: string;
  readonly #hear: (line: Line) => void;

  constructor(name: string, hear: (line: Line) => void) {
    super(newMachine(name));
    this.name = name;
    this.#hear = hear;
  }

  /** `agent enrol`. */
  enrol(token: string): void {
    putFile(this.machine.disk, 'etc/agent.key', Buffer.from(`${token}\n`));
  }

  /** Another laptop, or this one as a backup had it; the key file goes over. */
  replaceDisk(disk: Disk, token: string): void {
    for (const process of around().simulation.processes.values()) if (process.machine === this.machine) process.end();
    this.machine.disk = disk;
    this.enrol(token);
  }

  protected override open(process: Process): Promise<Agent> {
    const { faults, simulation } = around();
    this.machine.clockStands = undefined;
    this.machine.clockAhead = 0;
    if (faults.strikes('wrongClock')) {
      const kind = simulation.delays.below(3);
      if (kind === 0) this.machine.clockStands = simulation.delays.below(100_000) * 1_000;
      else this.machine.clockAhead = (simulation.delays.next() - 0.5) * (kind === 1 ? 3e12 : 1e9);
    }
    return this.#openIn(process);
  }

  #openIn(process: Process): Promise<Agent> {
    config ??= configOfWorlds();
    return openAgent(
      { ...config, office: this.name, key_file: diskPath(process, 'etc/agent.key'), data: diskPath(process, 'data') },
      logOf(this.name, this.#hear),
    );
  }

  /** `agent sync`, in the process that runs all the time or in one of its own. */
  async sync(): Promise<SyncResult | undefined> {
    const { simulation } = around();
    if (simulation.delays.one(0.5)) return this.ask((agent) => runSync(agent));
    const process = simulation.start(this.machine);
    try {
      return await within(process, async () => runSync(await this.#openIn(process)));
    } catch (error) {
      if (!isMisfortune(error)) around().failed(error as Error);
      return undefined;
    } finally {
      process.end();
    }
  }
}
