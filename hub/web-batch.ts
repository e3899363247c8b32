/**
 * POST /batch: a trip for lines on which only the web passes. An office's batch comes as the body, and one for it goes back. Who it is
 * from is proved by its seal; it is counted as a trip is, so a copy of an old one is refused before anything is touched.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import type { BatchHead } from '../shared/core/batch.ts';
import type { Hello } from '../shared/core/trip-greeting.ts';
import { TripError } from '../shared/core/trip-record.ts';
import { arriving } from '../shared/io/arriving.ts';
import { BatchExport } from '../shared/io/batch-export.ts';
import { BatchError, openBatch, readBatchHead, sealBatch } from '../shared/io/batch-file.ts';
import { type Imported, importBatch, readBatch } from '../shared/io/batch-import.ts';
import { EXIT } from '../shared/io/command-line.ts';
import type { Repeats } from '../shared/io/repeats.ts';
import { StoreError } from '../shared/io/store.ts';
import { BATCH_RECORD_BYTES } from '../shared/io/tls-records.ts';
import type { TripOutcome } from '../shared/io/trip-session.ts';
import { TripCut, TripRefused, type TripSide } from '../shared/io/trip-side.ts';
import type { Hub } from './hub.ts';
import { readOfficeTrips } from './instance.ts';
import type { LineBytes } from './line-count.ts';
import { deriveOfficeKey } from './office-key.ts';
import type { Session } from './running-trips.ts';
import { reportTrip } from './trip-report.ts';
import { hubSide, officeOf, serveSession } from './trip-session.ts';

type BatchContext = Context<{ Bindings: HttpBindings }>;

const STORE_AWAY = 'the store of the hub does not answer, or another hub has this office in hand: call again soon';

/** Until a batch has shown whose it is. */
const HEAD_SECONDS = 60;

interface Asked {
  readonly line: (() => LineBytes) | undefined;
  /** Anybody can send a batch that is refused. */
  readonly refused: Repeats;
}

export async function answerBatch(hub: Hub, c: BatchContext, { line, refused }: Asked): Promise<Response> {
  const { incoming, outgoing } = c.env as { incoming: IncomingMessage; outgoing: ServerResponse };
  const started = performance.now();
  const before = line?.() ?? { read: 0, written: 0 };
  const { socket } = incoming;
  socket.setTimeout(HEAD_SECONDS * 1_000, () => socket.destroy());
  try {
    const { office, outcome } = await serveBatch(hub, incoming, outgoing);
    const after = line?.() ?? before;
    const carried = { read: after.read - before.read, written: after.written - before.written };
    await reportTrip(hub, office, { outcome, seconds: (performance.now() - started) / 1_000, line: carried });
    return RESPONSE_ALREADY_SENT;
  } catch (error) {
    if (outgoing.headersSent) {
      socket.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    if (error instanceof TripRefused) {
      refused.warn('a batch by the web was refused', error.message, { reason: error.message });
      return c.text(error.message, error.exit === EXIT.refused ? 403 : 503);
    }
    if (error instanceof StoreError) return c.text(STORE_AWAY, 503);
    if (error instanceof BatchError || error instanceof TripError) return c.text(error.message, 400);
    throw error;
  } finally {
    socket.setTimeout(0);
  }
}

async function serveBatch(
  hub: Hub,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<{ readonly office: string; readonly outcome: TripOutcome }> {
  const { head, rest } = await readBatchHead(arriving(incoming));
  if (head.way !== 'up') throw new BatchError('this batch is for an office, not for the hub');
  const { keyId, generation } = head;
  const caller = { keyId, generation };
  const office = await officeOf(hub, caller);
  const key = deriveOfficeKey(hub.secret, keyId, generation);
  const batch = await readBatch(openBatch(rest, { head, key }), 'up').catch(notTheKey);
  const { greeting: hello } = batch;
  if (!('instance' in hello)) throw new BatchError('the batch does not say which laptop it is from');
  await refuseCopy(hub, office.name, hello);
  incoming.socket.setTimeout(hub.config.limits.idle * 1_000);
  const outcome = await serveSession(hub, caller, hello, ({ office: now, state }) => {
    const side = hubSide(hub, { caller, office: now, hello, state });
    return new BatchTrip({ side, hello, head, key, batch, incoming, outgoing });
  });
  return { office: office.name, outcome };
}

/** Nothing of a batch that does not open tells who it is from. */
function notTheKey(error: unknown): never {
  if (!(error instanceof BatchError)) throw error;
  throw new TripRefused(
    EXIT.refused,
    'the batch is not sealed with the key of its office: enrol again with a new token',
  );
}

/** Some proxies send a request twice when its connection breaks: the second is no other laptop. */
async function refuseCopy(hub: Hub, office: string, { instance, counter }: Hello): Promise<void> {
  const state = await readOfficeTrips(hub, office);
  if (state && !state.readmit && state.instance === instance && state.counter === counter)
    throw new TripRefused(EXIT.later, 'this batch has come already: call again');
}

interface BatchTripOptions {
  readonly side: TripSide;
  readonly hello: Hello;
  readonly head: BatchHead;
  readonly key: Uint8Array;
  readonly batch: Awaited<ReturnType<typeof readBatch>>;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

class BatchTrip implements Session {
  readonly #options: BatchTripOptions;
  #reason: Error | undefined;

  constructor(options: BatchTripOptions) {
    this.#options = options;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#options.incoming.socket.destroy();
  }

  async run(): Promise<TripOutcome> {
    const { side, batch } = this.#options;
    const imported = await importBatch(side, batch, true);
    const received = { mails: imported.mails, bytesRaw: imported.bytesRaw };
    if (imported.fault !== undefined)
      return this.#cut({ received, sent: { mails: 0, bytesRaw: 0 }, resumed: imported.resumed });
    const answer = this.#answerTo(imported);
    try {
      await this.#send(answer);
    } catch (error) {
      if (!(error instanceof TripCut)) throw error;
      return this.#cut({ received, sent: answer, resumed: imported.resumed + answer.resumed });
    }
    const { mails, bytesRaw, resumed } = answer;
    return { complete: true, received, sent: { mails, bytesRaw }, resumed: imported.resumed + resumed };
  }

  #cut({ sent: { mails, bytesRaw }, ...counts }: Omit<TripOutcome, 'complete'>): TripOutcome {
    const { socket } = this.#options.incoming;
    // What came of it stands; whoever is still there sends the rest anew.
    socket.destroy();
    return {
      complete: false,
      ...counts,
      sent: { mails, bytesRaw },
      error: this.#reason ?? new TripCut('the link was cut'),
    };
  }

  #answerTo({ theirs }: Imported): BatchExport {
    const { side, hello, head } = this.#options;
    return new BatchExport({
      side,
      instance: hello.instance,
      // Whoever waits for the answer asks again when it does not come.
      waitSeconds: 0,
      again: false,
      bytesMax: hello.downBytesMax ?? 0,
      live: { theirs, replyTo: head.salt },
    });
  }

  async #send(answer: BatchExport): Promise<void> {
    const { head, key, incoming, outgoing } = this.#options;
    const { keyId, generation } = head;
    const socket = incoming.socket as TLSSocket;
    if (socket.destroyed) throw new TripCut('the link was cut');
    socket.setMaxSendFragment(BATCH_RECORD_BYTES);
    outgoing.writeHead(200, { 'content-type': 'application/octet-stream' });
    for await (const chunk of sealBatch(answer.records(), { keyId, generation, way: 'down', key })) {
      if (this.#reason || socket.destroyed) throw new TripCut('the link was cut');
      if (!outgoing.write(chunk)) await drained(outgoing);
    }
    outgoing.end();
  }
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      for (const event of ['drain', 'close'] as const) outgoing.off(event, go);
      resolve();
    };
    for (const event of ['drain', 'close'] as const) outgoing.on(event, go);
  });
}
