/** Several programs that run worlds side by side. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Order, Report } from './order.ts';

const PROGRAM = fileURLToPath(new URL('run-worlds.ts', import.meta.url));

export interface Fleet {
  readonly workers: number;
  heard(report: Report): void;
}

/** Runs the worlds from `from` up to and without `to`. Rejects when a program fails otherwise than by a wrong world. */
export async function runFleet(order: Order, { workers, heard }: Fleet): Promise<void> {
  const { from, to } = order.seeds;
  const running: ChildProcess[] = [];
  const stop = (): void => {
    for (const child of running) child.kill();
  };
  const lead = async (worker: number): Promise<void> => {
    const seeds = { from: from + worker, to, step: workers };
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify({ ...order, seeds })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.push(child);
    const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
    for await (const line of createInterface({ input: child.stdout })) {
      const report = JSON.parse(line) as Report;
      heard(report);
      if (order.untilWrong && report.wrong.length > 0) stop();
    }
    const code = await ended;
    if (code !== 0 && code !== null) throw new Error(`the worlds from seed ${seeds.from} on ended with code ${code}`);
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => lead(worker)));
}
