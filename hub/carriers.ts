/**
 * `[[carrier]]`: programs that carry batches to offices, and the folders in which they leave what comes from there. The hub looks
 * at each now and then, and when it is told to (`hub carry`). An office that is on line gets its mail there.
 */
import { join } from 'node:path';
import { CarrierError, takeInbox } from '../shared/io/carrier.ts';
import { EXIT, Exit } from '../shared/io/command-line.ts';
import { type HandedOver, handOver } from '../shared/io/hand-over.ts';
import { exportFor, importBatchFile, releaseFor, toldKey } from './batch.ts';
import type { CarrierConfig } from './config.ts';
import type { Hub, Service } from './hub.ts';
import { dataFolder } from './open-hub.ts';
import { isOnLine } from './running-trips.ts';

/** What one look at a carrier has come to. */
export interface Carried {
  /** Files and mails that came. */
  readonly files: number;
  readonly mails: number;
  readonly handed: HandedOver;
}

const NOTHING: HandedOver = { mails: 0, bytesRaw: 0, bytesWire: 0 };

/** One look at a carrier at a time: by the clock, and by the operator. */
const turns = new Map<string, Promise<unknown>>();

/** Throws CarrierError when the program does not take the batch: then nothing counts as sent. */
export async function carry(hub: Hub, carrier: CarrierConfig, signal?: AbortSignal): Promise<Carried> {
  const before = turns.get(carrier.office) ?? Promise.resolve();
  const mine = before.catch(() => undefined).then(() => carryNow(hub, carrier, signal));
  turns.set(carrier.office, mine);
  try {
    return await mine;
  } finally {
    if (turns.get(carrier.office) === mine) turns.delete(carrier.office);
  }
}

async function carryNow(hub: Hub, carrier: CarrierConfig, signal: AbortSignal | undefined): Promise<Carried> {
  const { office, inbox, command } = carrier;
  if (isOnLine(hub, office)) return { files: 0, mails: 0, handed: NOTHING };
  const { log } = hub;
  const taken =
    inbox === undefined ? undefined : await takeInbox(inbox, { take: (file) => importBatchFile(hub, file), log });
  const handed = command ? await handDown(hub, { ...carrier, command }, signal) : NOTHING;
  return { files: taken?.files ?? 0, mails: taken?.mails ?? 0, handed };
}

function handDown(
  hub: Hub,
  {
    office,
    command,
    command_timeout,
    batch_max = 0,
    stick_wait,
  }: CarrierConfig & { readonly command: readonly string[] },
  signal: AbortSignal | undefined,
): Promise<HandedOver> {
  const waitSeconds = stick_wait ?? hub.config.stick_wait;
  return handOver({
    program: { command, seconds: command_timeout, log: hub.log, ...(signal ? { signal } : {}) },
    folder: join(dataFolder(hub.config), 'carrier', office),
    name: `${office}-down`,
    make: (write) =>
      exportFor(hub, office, { again: false, bytesMax: batch_max, waitSeconds, by: command[0] ?? '' }, write),
    release: (marks) => releaseFor(hub, office, marks),
    told: { store: hub.store, key: toldKey(office) },
  });
}

/** The carriers of an office, or all. Throws Exit 64 when there is none. */
export function carriersOf({ config }: Hub, office: string | undefined): readonly CarrierConfig[] {
  const found = config.carrier.filter((carrier) => office === undefined || carrier.office === office);
  if (found.length > 0) return found;
  throw new Exit(EXIT.usage, `no [[carrier]]${office === undefined ? '' : ` of office "${office}"`} in ${config.file}`);
}

/** Looks at each carrier by its interval, until it is closed. */
export function startCarriers(hub: Hub): Service {
  const abort = new AbortController();
  const looks = hub.config.carrier.map((carrier) => {
    let last = Promise.resolve();
    const look = (): void => {
      last = last.then(() => lookAt(hub, carrier, abort.signal));
    };
    look();
    return { timer: setInterval(look, carrier.interval * 1_000), last: () => last };
  });
  return {
    name: 'carriers',
    close: async () => {
      for (const { timer } of looks) clearInterval(timer);
      abort.abort();
      await Promise.all(looks.map(({ last }) => last()));
    },
  };
}

async function lookAt(hub: Hub, carrier: CarrierConfig, signal: AbortSignal): Promise<void> {
  const { office } = carrier;
  if (signal.aborted) return;
  try {
    const { files, mails, handed } = await carry(hub, carrier, signal);
    if (files > 0 || handed.bytesWire > 0)
      hub.log.info('a carrier has been', {
        office,
        files,
        mailsUp: mails,
        mailsDown: handed.mails,
        bytes: handed.bytesWire,
      });
  } catch (error) {
    const reason = (error as Error).message;
    if (error instanceof CarrierError) hub.log.warn('a carrier took nothing; it is tried again', { office, reason });
    else hub.log.error('a carrier could not be looked at; it is tried again', { office, reason });
  }
}
