/** `via = "web"`: a sync where only the web passes, with its meter and its time-outs. */
import { ConfigError } from '../shared/io/config.ts';
import { DialError } from '../shared/io/dial.ts';
import type { TripOutcome } from '../shared/io/trip-session.ts';
import { TripCut } from '../shared/io/trip-side.ts';
import type { Agent } from './agent.ts';
import type { LinkConfig } from './config.ts';
import { DIAL_SECONDS, type HubCall, HubRefused, type WebCall, webCall } from './dial-hub.ts';
import { downBytesMax } from './down-limit.ts';
import { type Meter, startMeter } from './meter.ts';
import type { SyncOptions } from './sync.ts';
import { dialWeb } from './web-line.ts';
import { type WebTrip, webTrip } from './web-trip.ts';

const NO_MAIL = { mails: 0, bytesRaw: 0 } as const;

/** TCP's and TLS's, and CONNECT's. */
const handshakes = ({ proxy }: LinkConfig): number => (proxy === undefined ? 2 : 4);

export interface WebSyncOptions extends SyncOptions {
  readonly link: LinkConfig;
  readonly hub: { readonly host: string; readonly port: number };
  /** `performance.now()` when the sync began. */
  readonly since: number;
}

export interface WebSync {
  readonly down?: boolean;
  readonly call: Pick<HubCall, 'bytesUp' | 'bytesDown' | 'roundTrips'>;
  readonly outcome?: TripOutcome;
  readonly error?: Error;
}

/** One trip. What a line, a proxy or the hub does is told by the result. */
export async function syncByWeb(agent: Agent, options: WebSyncOptions): Promise<WebSync> {
  const {
    link,
    since,
    signal,
    onProgress,
    allowance = {},
    up = options.down !== true,
    down = options.up !== true,
  } = options;
  let call: WebCall | undefined;
  let reason: Error | undefined;
  let posts = 0;
  const counts = { sent: NO_MAIL, received: NO_MAIL, resumed: 0 };
  const carried = () => ({
    bytesUp: call?.bytesUp ?? 0,
    bytesDown: call?.bytesDown ?? 0,
    roundTrips: handshakes(link) + posts,
  });
  const abort = (why: Error): void => {
    reason ??= why;
    call?.destroy();
  };
  const stop = (): void => abort(new TripCut('the agent was told to stop'));
  let meter: Meter | undefined;
  let watch: { stop(): void } | undefined;
  let ended: Pick<WebSync, 'outcome' | 'error'>;
  try {
    call = await dial(options);
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    const look = (): void => onProgress?.({ ...counts, ...carried() });
    meter = startMeter({ call, link, allowance, since, abort, look });
    watch = watchIdle(call, agent.config.idle, abort);
    const used = { bytes: call.bytesUp + call.bytesDown, seconds: (performance.now() - since) / 1_000 };
    const bytesMax = await downBytesMax(agent, { link, allowance, used, up });
    const outcome = await webTrip(agent, { call, ...planOf({ link, up, down, bytesMax }) });
    posts = outcome.posts;
    ended = { outcome };
  } catch (error) {
    if (!isLinkFault(error as Error)) throw error;
    ended = { error: reason ?? (error as Error) };
  } finally {
    signal?.removeEventListener('abort', stop);
    meter?.stop();
    watch?.stop();
    await call?.close();
  }
  return { call: carried(), ...ended, down };
}

interface Planned {
  readonly link: LinkConfig;
  readonly up: boolean;
  readonly down: boolean;
  /** What the line may still carry down; undefined: any. */
  readonly bytesMax: number | undefined;
}

const planOf = ({ link, up, down, bytesMax }: Planned): Omit<WebTrip, 'call'> => ({
  plan: {
    ...{ up, down, mailBytesMax: link.max_mail ?? 0 },
    ...(bytesMax === undefined ? {} : { downBytesMax: bytesMax }),
    ...(link.plain ? { plain: true } : {}),
  },
  ...(bytesMax === undefined ? {} : { upBytesMax: Math.max(UP_BYTES_LEAST, bytesMax) }),
});

/** A batch below that has no room for a mail. */
const UP_BYTES_LEAST = 4_000;

const isLinkFault = (error: Error): boolean =>
  [HubRefused, TripCut, DialError, ConfigError].some((kind) => error instanceof kind);

/** Ends a call on which nothing has moved for `seconds`. */
function watchIdle(call: WebCall, seconds: number, abort: (reason: Error) => void): { stop(): void } {
  let [moved, last] = [performance.now(), 0];
  const timer = setInterval(() => {
    const bytes = call.bytesUp + call.bytesDown;
    if (bytes !== last) [moved, last] = [performance.now(), bytes];
    else if (performance.now() - moved > seconds * 1_000)
      abort(new TripCut(`nothing has come for ${seconds} s: the link was taken for cut`));
  }, 1_000);
  return { stop: () => clearInterval(timer) };
}

async function dial({ link, hub, signal }: WebSyncOptions): Promise<WebCall> {
  const { raw, socket } = await dialWeb({
    ...hub,
    seconds: DIAL_SECONDS,
    anyCertificate: link.certificate === 'any',
    ...(link.proxy === undefined ? {} : { proxy: link.proxy }),
    ...(link.ca === undefined ? {} : { ca: link.ca }),
    ...(signal ? { signal } : {}),
  });
  return webCall(raw, socket, hub.host);
}
