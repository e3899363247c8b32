/**
 * A link that is a program: what waits goes to it as a sealed batch, and what the hub sends comes as files into the inbox. Nobody
 * answers there and then; until the answer comes by whatever goes next, what was handed over is on the way.
 */
import { join } from 'node:path';
import { releaseMarks } from '../shared/io/batch-export.ts';
import { CarrierError, type Taken, takeInbox } from '../shared/io/carrier.ts';
import { EXIT, Exit } from '../shared/io/command-line.ts';
import { type HandedOver, handOver } from '../shared/io/hand-over.ts';
import { countMaildir } from '../shared/io/maildir.ts';
import { StoreError } from '../shared/io/store.ts';
import { type Agent, OUT } from './agent.ts';
import type { LinkConfig } from './config.ts';
import { bytesLeft } from './down-limit.ts';
import { priceOf } from './price.ts';
import { beginExport, betweenSyncs, sealOf, takeBatch } from './stick.ts';
import type { SyncOptions, SyncResult } from './sync.ts';
import { agentBatchSide } from './trip-session.ts';

/** A carrier takes the file into a queue of its own, which is soon done; a file transfer over a modem may need longer. */
const PROGRAM_SECONDS = 600;

const NOTHING: HandedOver = { mails: 0, bytesRaw: 0, bytesWire: 0 };

/** Takes what carriers have left for this office, whichever link is in use. */
export async function takeInboxes(agent: Agent): Promise<Taken> {
  const sum: Taken = { mails: 0, bytesRaw: 0, bytesWire: 0, files: 0 };
  const folders = new Set(agent.config.link.flatMap(({ inbox }) => inbox ?? []));
  if (folders.size === 0) return sum;
  try {
    await betweenSyncs(agent, async () => {
      for (const folder of folders) {
        const taken = await takeInbox(folder, { take: (file) => takeBatch(agent, file), log: agent.log });
        for (const name of ['mails', 'bytesRaw', 'bytesWire', 'files'] as const) sum[name] += taken[name];
      }
    });
  } catch (error) {
    // Another sync runs: what it does not take waits for the next.
    if (!(error instanceof Exit)) throw error;
  }
  return sum;
}

export interface CarryOptions extends Pick<SyncOptions, 'up' | 'down' | 'signal' | 'allowance'> {
  readonly link: LinkConfig;
  /** What has just come by carriers. */
  readonly taken: Taken;
}

/** Never throws for what a carrier does: the result says it. */
export async function carry(agent: Agent, options: CarryOptions): Promise<SyncResult> {
  const { link, taken, up = options.down !== true } = options;
  const started = performance.now();
  let handed = NOTHING;
  let fault: { readonly exit: number; readonly text: string } | undefined;
  try {
    if (up) handed = await betweenSyncs(agent, () => handUp(agent, options));
  } catch (error) {
    fault = faultOf(error as Error, link);
  }
  const seconds = Math.round(performance.now() - started) / 1_000;
  const waiting = await countMaildir(agent.store, OUT);
  const { currency } = link;
  return {
    ok: !fault,
    exit: fault?.exit ?? EXIT.ok,
    up: handed,
    down: { mails: taken.mails, bytesRaw: taken.bytesRaw, bytesWire: taken.bytesWire },
    roundTrips: 0,
    seconds,
    resumed: 0,
    waiting: { up: { mails: waiting.mails, bytes: waiting.bytes } },
    link: link.name,
    cost: priceOf(link, { bytes: handed.bytesWire + taken.bytesWire, seconds }),
    ...(currency === undefined ? {} : { currency }),
    ...(fault ? { error: fault.text } : {}),
  };
}

function faultOf(error: Error, { name }: LinkConfig): { readonly exit: number; readonly text: string } {
  if (error instanceof CarrierError)
    return { exit: EXIT.later, text: `link ${name}: ${error.message}: nothing counts as sent` };
  if (error instanceof StoreError) return { exit: EXIT.unavailable, text: error.message };
  if (error instanceof Exit) return { exit: error.code, text: error.message };
  throw error;
}

/** One batch. The caller holds the lock of syncs. */
function handUp(agent: Agent, { link, signal, allowance = {} }: CarryOptions): Promise<HandedOver> {
  const { config, log, store } = agent;
  const left = bytesLeft(link, { allowance, used: { bytes: 0, seconds: 0 }, speed: undefined });
  return handOver({
    program: {
      command: link.command ?? [],
      seconds: link.command_timeout ?? PROGRAM_SECONDS,
      log,
      ...(signal ? { signal } : {}),
    },
    folder: join(config.data, 'carrier', link.name),
    name: `${config.office}-up`,
    make: async (write) => {
      const batch = await beginExport(agent, {
        again: false,
        bytesMax: Math.min(...[link.batch_max, left].filter((bytes) => bytes !== undefined), Number.MAX_SAFE_INTEGER),
        mailBytesMax: link.max_mail ?? 0,
        waitSeconds: link.stick_wait ?? config.stick_wait,
        by: link.name,
      });
      await write(batch, sealOf(agent));
    },
    release: async (marks) => releaseMarks(await agentBatchSide(agent), marks),
    told: { store, key: 'told' },
  });
}
