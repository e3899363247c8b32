/** A trip as the agent runs it: with which memory it calls, and what the hub's mail does here. */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { FRAME_KIND } from '../shared/core/frame.ts';
import {
  applyDirectoryDelta,
  DirectoryError,
  decodeDirectory,
  decodeDirectoryDelta,
  directoryHash,
} from '../shared/core/public-directory.ts';
import { TRIP_VERSION, type Welcome } from '../shared/core/trip-greeting.ts';
import { Ledger } from '../shared/core/trip-ledger.ts';
import { CODECS_FIRST, CODECS_KNOWN } from '../shared/core/trip-message.ts';
import { TripError } from '../shared/core/trip-record.ts';
import { HistoryLog } from '../shared/io/history-log.ts';
import { Partials } from '../shared/io/partials.ts';
import { HeldParts, KnownParts } from '../shared/io/parts.ts';
import { arrivalName, readSeen, seenKey } from '../shared/io/seen.ts';
import type { TripCounts, TripSide } from '../shared/io/trip-side.ts';
import {
  mutable,
  newTripState,
  type OnStick,
  readTripState,
  sticksOf,
  type TripState,
  writeTripState,
} from '../shared/io/trip-state.ts';
import { type Agent, OUT } from './agent.ts';
import { noteHeld } from './held.ts';
import { hubTimeOffset, setHubTime, TRIP_STATE } from './hub-time.ts';
import { SentLog } from './sent.ts';
import { linksToTell } from './told-links.ts';

const HUB = { name: 'hub', relays: true } as const;

export interface TripPlan {
  readonly up: boolean;
  readonly down: boolean;
  /** Larger mails wait for a better link; 0: none. */
  readonly mailBytesMax: number;
  /** The line carries one direction at a time. */
  readonly halfDuplex?: boolean;
  /** Mail shall come as plain text. */
  readonly plain?: boolean;
  /** Each byte of the link has its price. */
  readonly dear?: boolean;
  /** Bytes of the line that the hub may send; absent: any number. */
  readonly downBytesMax?: number;
  progress?(counts: TripCounts): void;
}

const stateOf = async ({ store }: Agent): Promise<TripState> =>
  (await readTripState(store, TRIP_STATE)) ?? newTripState(randomBytes(8).toString('hex'));

/** What waits is on a stick or with a carrier, by key. */
export const onSticks = async (agent: Agent): Promise<ReadonlyMap<string, OnStick>> =>
  sticksOf((await stateOf(agent)).ledger, agent.now() + (await hubTimeOffset(agent)));

/** Counts the trip, durably, before the hub hears of it; answers the side that runs it. */
export async function agentSide(agent: Agent, plan: TripPlan): Promise<TripSide> {
  const before = await stateOf(agent);
  const state: TripState = { ...before, counter: before.counter + 1 };
  await writeTripState(agent.store, TRIP_STATE, state);
  const links = await linksToTell(agent, state.linksTold);
  return { ...(await sideOf(agent, state, plan)), ...(links === undefined ? {} : { links }) };
}

/** The hub has the links of the last trip. */
export async function setLinksTold(agent: Agent, linksTold: string): Promise<void> {
  await writeTripState(agent.store, TRIP_STATE, { ...(await stateOf(agent)), linksTold });
}

export interface AgentBatchSide extends TripSide {
  readonly instance: string;
  /** What a batch of the hub says of itself; one that is older than what was heard since changes nothing. */
  heard(welcome: Welcome): Promise<void>;
}

/** The side that works with batch files. It is no trip, so nothing is counted. */
export async function agentBatchSide(agent: Agent, mailBytesMax = 0): Promise<AgentBatchSide> {
  const state = await stateOf(agent);
  await writeTripState(agent.store, TRIP_STATE, state);
  const { takeDirectory, ...side } = await sideOf(agent, state, { up: true, down: true, mailBytesMax });
  let isNews = false;
  return {
    ...side,
    instance: state.instance,
    // The time on a stick is the past; only a clock that is behind even that is known to be wrong.
    heard: async ({ time }) => {
      isNews = time >= (state.heard ?? 0);
      if (isNews) state.heard = time;
      if (side.now() < time) await setHubTime(agent, time);
    },
    takeDirectory: async (frame) => {
      if (isNews) await takeDirectory?.(frame);
    },
  };
}

async function sideOf(agent: Agent, state: TripState, plan: TripPlan): Promise<TripSide> {
  let offset = await hubTimeOffset(agent);
  let hubMailBytesMax = state.hubMailBytesMax ?? 0;
  let hubCodecs = state.hubCodecs ?? CODECS_FIRST;
  const ledger = new Ledger(state.ledger);
  const sent = new SentLog(agent);
  return {
    place: agent.place,
    greeting: {
      version: TRIP_VERSION,
      instance: state.instance,
      counter: state.counter,
      up: plan.up,
      down: plan.down,
      ...(plan.halfDuplex ? { halfDuplex: true } : {}),
      ...(plan.plain ? { plain: true } : {}),
      ...(plan.dear ? { dear: true } : {}),
      codecs: CODECS_KNOWN,
      directory: directoryHash(agent.directory()),
      mailBytesMax: plan.mailBytesMax,
      floor: ledger.outFloor,
      ...(plan.downBytesMax === undefined ? {} : { downBytesMax: plan.downBytesMax }),
    },
    peer: HUB,
    maildir: OUT,
    ledger,
    partials: new Partials(join(agent.config.data, 'partial')),
    spool: agent.spool,
    // What the hub has taken is not refused here: its limits are the ones that count.
    mailBytesMax: 0,
    offerBytesMax: plan.mailBytesMax,
    offers: plan.up,
    isDear: plan.dear === true,
    idleSeconds: agent.config.idle,
    now: () => agent.now() + offset,
    admit: async () => undefined,
    save: () =>
      writeTripState(agent.store, TRIP_STATE, { ...state, ledger: mutable(ledger.data), hubMailBytesMax, hubCodecs }),
    exclusively: (work) => work(),
    peerBytesMax: () => hubMailBytesMax,
    peerCodecs: () => hubCodecs,
    history: { in: historyLog(agent, 'down'), out: historyLog(agent, 'up') },
    parts: {
      in: new HeldParts({ store: agent.store, prefix: 'parts/down' }),
      out: new KnownParts({ store: agent.store, prefix: 'parts/up' }),
    },
    welcomed: async (welcome: Welcome) => {
      offset = await setHubTime(agent, welcome.time);
      state.heard = Math.max(state.heard ?? 0, welcome.time);
      ({ mailBytesMax: hubMailBytesMax, codecs: hubCodecs } = welcome);
    },
    accepted: (mail) => noteHeld(agent, mail, agent.now() + offset),
    delivered: async (entry) => sent.note(entry, agent.now() + offset),
    ended: () => sent.save(),
    takeDirectory: (frame) => takeDirectory(agent, frame),
    lacking: (ids) => Promise.all(ids.map((id) => isLacking(agent, id))),
    onPublished: (listener) => agent.onPublished(listener),
    ...(plan.progress ? { progress: plan.progress } : {}),
  };
}

const historyLog = ({ store, place }: Agent, way: 'up' | 'down'): HistoryLog =>
  new HistoryLog({ store, prefix: `history/${way}`, log: place.log });

async function isLacking({ store }: Agent, id: string): Promise<boolean> {
  return (await readSeen(store, seenKey(arrivalName({ peer: HUB, id }, 0)))) === undefined;
}

async function takeDirectory(agent: Agent, frame: Uint8Array): Promise<void> {
  const [kind] = frame;
  const rest = frame.subarray(1);
  try {
    if (kind === FRAME_KIND.directoryDelta)
      await agent.setDirectory(applyDirectoryDelta(agent.directory(), decodeDirectoryDelta(rest)));
    else if (kind === FRAME_KIND.directory) await agent.setDirectory(decodeDirectory(rest));
    else throw new TripError(`frame kind ${kind} is no directory`);
  } catch (error) {
    if (error instanceof DirectoryError) throw new TripError(error.message);
    throw error;
  }
}
