/** Sticks between an office and the hub: exported, carried late, twice or never, and imported. */

import type { Agent, Desk } from '../../agent/agent.ts';
import { batchCommands as agentCommands } from '../../agent/batch-commands.ts';
import { batchCommands as hubCommands } from '../../hub/commands/batch.ts';
import { around } from './around.ts';
import { command, type Files, type HubSite } from './hub-site.ts';
import type { OfficeSite } from './office-site.ts';

/** The commands open the agent themselves: here it is open. */
const deskOf = (agent: Agent): Desk => ({ open: async () => agent }) as unknown as Desk;

class Stick {
  #file: Buffer | undefined;

  get isFull(): boolean {
    return this.#file !== undefined;
  }

  get files(): Files {
    return {
      read: this.#chunks(),
      write: async (chunks) => {
        const all: Uint8Array[] = [];
        for await (const chunk of chunks) all.push(chunk);
        this.#file = Buffer.concat(all);
      },
    };
  }

  /** Somebody pulled it out too early. */
  damage(): void {
    this.#file = this.#file?.subarray(0, around().simulation.delays.below(this.#file.length));
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    const file = this.#file ?? Buffer.alloc(0);
    for (let at = 0; at < file.length; at += 30_000) yield file.subarray(at, at + 30_000);
  }
}

/** One journey from the office to the hub, or back. */
export async function carry(office: OfficeSite, hub: () => HubSite, way: 'up' | 'down'): Promise<void> {
  const { simulation, faults } = around();
  const stick = new Stick();
  const { delays } = simulation;
  if (way === 'up') await office.ask((agent) => command(agentCommands, deskOf(agent), ['export', 'x'], stick.files));
  else await hub().ask((program) => command(hubCommands, program, ['export', office.name, 'x'], stick.files));
  if (!stick.isFull || faults.strikes('stickLost')) return;
  const hours = faults.strikes('stickLate') ? delays.between(8, 72) : delays.between(0.2, 6);
  await simulation.wait(hours * 3_600_000);
  if (faults.strikes('linkCut')) stick.damage();
  const times = faults.strikes('stickTwice') ? 2 + delays.below(2) : 1;
  for (let time = 0; time < times; time++) {
    if (way === 'up') await hub().ask((program) => command(hubCommands, program, ['import', 'x'], stick.files));
    else await office.ask((agent) => command(agentCommands, deskOf(agent), ['import', 'x'], stick.files));
    await simulation.wait(delays.spread(1_000, 7_200_000));
  }
}
