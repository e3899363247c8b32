/**
 * Cuts the power after each of many operations, of the hub's disk or of the agent's, opens what is left with the real code,
 * lets mail flow, and counts: what was promised before the cut has to arrive, once.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writerToken } from '../../shared/io/writer.ts';
import { Chance } from '../torture/chance.ts';
import { Disk } from './disk.ts';
import { type Operation, Recorder } from './recorder.ts';
import { removeSite, Scene, type Site, siteIn } from './scene.ts';

export interface Recorded {
  readonly site: Site;
  readonly operations: readonly Operation[];
}

/** Three trips with mail both ways, small and large. */
export async function record(): Promise<Recorded> {
  const site = siteIn(await mkdtemp(join(tmpdir(), 'fieldpost-power-')));
  const recorder = Recorder.start([site.hubStore, site.agentData]);
  try {
    const scene = await Scene.open(site);
    await scene.setUp();
    recorder.say('set up');
    for (let trip = 1; trip <= 3; trip++) {
      for (const [at, name, bytes] of [
        ['hub', `down ${trip}`, 600],
        ['agent', `up ${trip}`, 600],
        ['hub', `large down ${trip}`, 90_000],
        ['agent', `large up ${trip}`, 90_000],
      ] as const)
        if (await scene.hand(at, name, bytes)) for (const copy of copiesOf(at, name)) recorder.say(copy);
      const { ok, error } = await scene.sync();
      if (!ok) throw new Error(`the sync failed: ${error}`);
    }
    await scene.close();
  } finally {
    recorder.stop();
  }
  return { site, operations: recorder.operations };
}

const copiesOf = (at: 'hub' | 'agent', name: string): readonly string[] =>
  at === 'hub' ? [`farid ${name}`, `holly ${name}`] : [`internet ${name}`];

export type Whose = 'hub' | 'agent';

export interface CutAt {
  readonly count: number;
  readonly whose: Whose;
  /** 0: all that is not durable is gone. */
  readonly seed: number;
}

/** After this many operations the office is enrolled, and mail may flow. */
export const firstCut = ({ operations }: Recorded): number =>
  operations.findIndex((operation) => operation.do === 'say') + 1;

/** Answers what is wrong; nothing is as it should be. */
export async function cutPower(
  { site, operations }: Recorded,
  { count, whose, seed }: CutAt,
): Promise<readonly string[]> {
  const left = siteIn(await mkdtemp(join(tmpdir(), 'fieldpost-power-')));
  const chance = seed === 0 ? undefined : new Chance(seed * 7_919 + count);
  const disk = new Disk(operations, count);
  const text = (bytes: Buffer): Buffer =>
    Buffer.from(bytes.toString('latin1').replaceAll(writerToken(), DEAD), 'latin1');
  await disk.leave(site.hubStore, left.hubStore, { isCut: whose === 'hub', chance, text });
  await disk.leave(site.agentData, left.agentData, { isCut: whose === 'agent', chance, text });
  const promised = operations.slice(0, count).flatMap((one) => (one.do === 'say' ? [one.text] : []));
  try {
    return await judge(left, promised.slice(1));
  } finally {
    await removeSite(left);
  }
}

/** A process of this system that has ended. */
const DEAD = writerToken().replace(/^(\w+\.\d+)\..*$/, '$1.4199999.1');

const SYNCS_MAX = 4;

async function judge(left: Site, promised: readonly string[]): Promise<readonly string[]> {
  const wrong: string[] = [];
  let scene: Scene;
  try {
    scene = await Scene.open(left);
  } catch (error) {
    return [`it cannot be opened: ${(error as Error).message}`];
  }
  try {
    await scene.setUp();
    let isDone = false;
    for (let tries = 0; tries < SYNCS_MAX && !isDone; tries++) {
      const { ok, error, up, down } = await scene.sync();
      if (!ok && tries === SYNCS_MAX - 1) wrong.push(`no sync is possible: ${error}`);
      isDone = ok && up.mails + down.mails === 0;
    }
    const arrived = await scene.arrived();
    for (const copy of new Set(promised)) if (!arrived.includes(copy)) wrong.push(`lost: ${copy}`);
    for (const copy of new Set(arrived)) {
      const times = arrived.filter((other) => other === copy).length;
      if (times > 1) wrong.push(`${times} times: ${copy}`);
    }
  } finally {
    await scene.close();
  }
  return wrong;
}
