/** `agent sync`: one trip to the hub now, one at a time for the data folder. */
import { realpath } from 'node:fs/promises';
import { EXIT } from '../shared/io/command-line.ts';
import { splitHostAddress } from '../shared/io/config.ts';
import { tryLock } from '../shared/io/lock.ts';
import { countMaildir } from '../shared/io/maildir.ts';
import { type TripOutcome, TripSession } from '../shared/io/trip-session.ts';
import { type TripCounts, TripCut } from '../shared/io/trip-side.ts';
import { type Agent, OUT } from './agent.ts';
import type { LinkConfig } from './config.ts';
import { callHub, DIAL_SECONDS, type HubCall, HubRefused } from './dial-hub.ts';
import { downBytesMax } from './down-limit.ts';
import { DEFAULT_LINK } from './link.ts';
import { type Meter, startMeter } from './meter.ts';
import { priceOf } from './price.ts';
import { agentSide, setLinksTold } from './trip-session.ts';
import { syncByWeb } from './web-sync.ts';

export interface SyncOptions {
  /** The link in use; its limits hold. */
  readonly link?: LinkConfig;
  /** Directions; both unless one of them is named. */
  readonly up?: boolean;
  readonly down?: boolean;
  /** Ends the trip early; what has arrived stands. */
  readonly signal?: AbortSignal;
  /** What this sync may use; it ends before it would use more. */
  readonly allowance?: Allowance;
  onProgress?(progress: SyncProgress): void;
}

export interface Allowance {
  /** Bytes, both ways. */
  readonly bytes?: number;
  readonly money?: number;
}

export interface SyncProgress extends TripCounts {
  readonly bytesUp: number;
  readonly bytesDown: number;
}

interface SyncWay {
  readonly mails: number;
  readonly bytesRaw: number;
  /** What the socket really carried, handshakes included. */
  readonly bytesWire: number;
}

interface SyncWaiting {
  readonly mails: number;
  readonly bytes: number;
}

export interface SyncResult {
  readonly ok: boolean;
  /** Exit code: 0, 75 (no link, cut, busy) or 77 (refused). */
  readonly exit: number;
  readonly up: SyncWay;
  readonly down: SyncWay;
  readonly roundTrips: number;
  readonly seconds: number;
  /** Frames that went on where an earlier trip was cut. */
  readonly resumed: number;
  /** `down` is known when the hub has said it. */
  readonly waiting: { readonly up: SyncWaiting; readonly down?: SyncWaiting };
  readonly link: string;
  /** Money, by the prices of the link; 0 when it has none. */
  readonly cost: number;
  readonly currency?: string;
  /** One sentence. */
  readonly error?: string;
}

const NO_MAIL = { mails: 0, bytesRaw: 0 } as const;

/** Never throws for what a link or the hub does: the result says it. */
export async function sync(agent: Agent, options: SyncOptions = {}): Promise<SyncResult> {
  const started = performance.now();
  const lock = await tryLock(`fieldpost-sync ${await realpath(agent.config.data)}`);
  let trip: Trip;
  try {
    trip = lock
      ? await syncAlone(agent, options)
      : { fault: { exit: EXIT.later, text: 'another sync is running: wait for it to end' } };
  } finally {
    // A disk that fails ends this sync alone: the daemon holds on to no lock.
    await lock?.release();
  }
  return resultOf(trip, {
    link: options.link ?? DEFAULT_LINK,
    seconds: Math.round(performance.now() - started) / 1_000,
    waiting: await countMaildir(agent.store, OUT),
  });
}

interface Fault {
  readonly exit: number;
  readonly text: string;
}

interface Trip {
  /** Whether the hub was asked for mail. */
  readonly down?: boolean;
  readonly call?: Pick<HubCall, 'bytesUp' | 'bytesDown' | 'roundTrips'>;
  readonly outcome?: TripOutcome;
  readonly fault?: Fault;
}

async function syncAlone(agent: Agent, options: SyncOptions): Promise<Trip> {
  await agent.refresh();
  const since = performance.now();
  if (options.link?.via === 'web') {
    const { error, ...trip } = await syncByWeb(agent, {
      ...options,
      link: options.link,
      hub: hubAddress(agent),
      since,
    });
    return error ? { ...trip, fault: faultOf(error) } : trip;
  }
  let call: HubCall;
  try {
    call = await callHub({
      ...hubAddress(agent),
      key: agent.key,
      seconds: DIAL_SECONDS,
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    return { fault: faultOf(error as Error) };
  }
  const { link, onProgress, signal, allowance = {}, up = options.down !== true, down = options.up !== true } = options;
  let meter: Meter | undefined;
  let reached: TripCounts = { sent: NO_MAIL, received: NO_MAIL, resumed: 0 };
  const limit = await downBytesMax(agent, {
    link: link ?? DEFAULT_LINK,
    allowance,
    used: { bytes: call.bytesUp + call.bytesDown, seconds: (performance.now() - since) / 1_000 },
    up,
  });
  const side = await agentSide(agent, {
    up,
    down,
    ...(limit === undefined ? {} : { downBytesMax: limit }),
    mailBytesMax: link?.max_mail ?? 0,
    ...(link?.plain ? { plain: true } : {}),
    ...(isDear(link) ? { dear: true } : {}),
    ...(link?.half_duplex ? { halfDuplex: true } : {}),
    progress: (counts) => {
      reached = counts;
      meter?.check();
    },
  });
  const session = new TripSession(side, call.wire);
  meter = startMeter({
    call,
    link: link ?? DEFAULT_LINK,
    allowance,
    since,
    abort: (reason) => session.abort(reason),
    look: () => onProgress?.({ ...reached, bytesUp: call.bytesUp, bytesDown: call.bytesDown }),
  });
  const outcome = await runTrip(session, signal);
  meter.stop();
  await call.close();
  if (side.links !== undefined && wasHeard(outcome)) await setLinksTold(agent, side.links);
  const fault = outcome.complete ? undefined : outcomeFault(outcome);
  return { call, outcome, down, ...(fault ? { fault } : {}) };
}

/** Whether the hub has read all of our greeting: before that it offers nothing, and is not done. */
const wasHeard = ({ complete, peerWaiting, received }: TripOutcome): boolean =>
  complete || peerWaiting !== undefined || received.mails > 0;

/** Whether bytes of the link are paid for, or counted. */
const isDear = (link: LinkConfig | undefined): boolean => link?.budget !== undefined || (link?.price_per_mb ?? 0) > 0;

async function runTrip(session: TripSession, signal: AbortSignal | undefined): Promise<TripOutcome> {
  const stop = (): void => session.abort(new TripCut('the agent was told to stop'));
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    return await session.run();
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function hubAddress({ config }: Agent): { readonly host: string; readonly port: number } {
  const address = splitHostAddress(config.hub);
  if (!address) throw new Error(`hub = "${config.hub}" passed the configuration's check and is no address`);
  return address;
}

function outcomeFault({ refusal, error }: TripOutcome): Fault {
  if (refusal) return refusal;
  return error ? faultOf(error) : { exit: EXIT.later, text: 'the trip ended early' };
}

const faultOf = (error: Error): Fault => ({
  exit: error instanceof HubRefused ? error.exit : EXIT.later,
  text: error.message,
});

function resultOf(
  { call, outcome, fault, down }: Trip,
  { link, seconds, waiting }: { readonly link: LinkConfig; readonly seconds: number; readonly waiting: SyncWaiting },
): SyncResult {
  const [bytesUp, bytesDown] = [call?.bytesUp ?? 0, call?.bytesDown ?? 0];
  const { currency } = link;
  return {
    ok: !fault,
    exit: fault?.exit ?? EXIT.ok,
    up: { ...(outcome?.sent ?? NO_MAIL), bytesWire: bytesUp },
    down: { ...(outcome?.received ?? NO_MAIL), bytesWire: bytesDown },
    roundTrips: call?.roundTrips ?? 0,
    seconds,
    resumed: outcome?.resumed ?? 0,
    waiting: {
      up: { mails: waiting.mails, bytes: waiting.bytes },
      ...(down && outcome?.peerWaiting ? { down: outcome.peerWaiting } : {}),
    },
    link: link.name,
    cost: priceOf(link, { bytes: bytesUp + bytesDown, seconds }),
    ...(currency === undefined ? {} : { currency }),
    ...(fault ? { error: fault.text } : {}),
  };
}
