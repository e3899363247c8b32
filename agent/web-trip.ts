/**
 * A trip by POST /batch, where only the web passes: what waits goes up as one batch, and what the hub has comes back as another,
 * in one round trip. What a call that was cut has left in part goes on there: then the hub is asked first how far it got.
 */
import { randomBytes } from 'node:crypto';
import type { BatchWay } from '../shared/core/batch.ts';
import type { Partial } from '../shared/core/trip-message.ts';
import { BatchExport } from '../shared/io/batch-export.ts';
import { openBatch, readBatchHead, sealBatch } from '../shared/io/batch-file.ts';
import { type Imported, importBatch, readBatch } from '../shared/io/batch-import.ts';
import { EXIT } from '../shared/io/command-line.ts';
import { isOnStick } from '../shared/io/outbox.ts';
import type { TripOutcome } from '../shared/io/trip-session.ts';
import { TripCut, type TripSide } from '../shared/io/trip-side.ts';
import type { Agent } from './agent.ts';
import { HubRefused, type WebCall } from './dial-hub.ts';
import { sealOf } from './stick.ts';
import { agentSide, setLinksTold, type TripPlan } from './trip-session.ts';

export interface WebTrip {
  readonly call: WebCall;
  readonly plan: TripPlan;
  /** Bytes of the batch that goes up, at most; absent: any. */
  readonly upBytesMax?: number;
}

export interface WebOutcome extends TripOutcome {
  readonly posts: number;
}

/** Throws HubRefused or TripCut; what has arrived by then stands. */
export async function webTrip(agent: Agent, trip: WebTrip): Promise<WebOutcome> {
  const first = await agentSide(agent, trip.plan);
  if (!trip.plan.up || !hasUnanswered(first))
    return outcomeOf(await exchange(agent, trip, { side: first, theirs: [] }), 1);
  // Asked alone, the hub says in some bytes how far it got with what it never answered.
  const asking: TripPlan = { ...trip.plan, up: false, down: false };
  const { imported } = await exchange(agent, trip, { side: await agentSide(agent, asking), theirs: [] });
  const side = await agentSide(agent, trip.plan);
  return outcomeOf(await exchange(agent, trip, { side, theirs: imported.theirs }), 2);
}

const hasUnanswered = ({ ledger, now }: TripSide): boolean =>
  [...ledger.open.values()].some(({ stick }) => !isOnStick(stick, now()));

interface Exchange {
  readonly side: TripSide;
  /** What the hub holds of our frames. */
  readonly theirs: readonly Partial[];
}

async function exchange(
  agent: Agent,
  { call, upBytesMax = 0 }: WebTrip,
  { side, theirs }: Exchange,
): Promise<{ readonly sent: BatchExport; readonly imported: Imported }> {
  if (!('instance' in side.greeting)) throw new Error('the side of an agent greets as one');
  const { instance } = side.greeting;
  const { whose, key } = sealOf(agent);
  const sent = new BatchExport({
    side,
    instance,
    waitSeconds: 0,
    again: false,
    bytesMax: upBytesMax,
    live: { theirs },
  });
  const salt = randomBytes(16).toString('hex');
  const answer = await call.post(sealBatch(sent.records(), { ...whose, key, salt }));
  const { head, rest } = await readBatchHead(answer).catch(cut);
  const way: BatchWay = 'down';
  if (head.way !== way || head.keyId !== whose.keyId)
    throw new HubRefused(EXIT.later, 'the answer is for somebody else');
  const batch = await readBatch(openBatch(rest, { head, key }), way).catch(cut);
  if (batch.mark.replyTo !== salt)
    throw new HubRefused(EXIT.later, 'the answer is that to another call: it was not taken');
  if ('time' in batch.greeting) await side.welcomed?.(batch.greeting);
  const imported = await importBatch(side, batch, batch.mark.instance === instance);
  if (side.links !== undefined) await setLinksTold(agent, side.links);
  if (imported.fault !== undefined) throw new TripCut('the link was cut');
  return { sent, imported };
}

/** The head or the first chunk did not come whole. */
const cut = (error: unknown): never => {
  throw new TripCut('the link was cut', { cause: error });
};

const outcomeOf = (
  { sent, imported }: { readonly sent: BatchExport; readonly imported: Imported },
  posts: number,
): WebOutcome => ({
  complete: !sent.isCut,
  sent: { mails: sent.mails, bytesRaw: sent.bytesRaw },
  received: { mails: imported.mails, bytesRaw: imported.bytesRaw },
  resumed: sent.resumed + imported.resumed,
  posts,
  ...(imported.waiting ? { peerWaiting: imported.waiting } : {}),
});
