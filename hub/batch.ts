/** Batch files at the hub: which office, with which memory. An office's trip is ended first, since both work on one ledger. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type BatchHead, NO_INSTANCE } from '../shared/core/batch.ts';
import type { Office } from '../shared/core/directory.ts';
import { type Hello, TRIP_VERSION } from '../shared/core/trip-greeting.ts';
import { Ledger } from '../shared/core/trip-ledger.ts';
import { CODECS_KNOWN } from '../shared/core/trip-message.ts';
import { BatchExport, type OnTheWay, releaseMarks } from '../shared/io/batch-export.ts';
import { BatchError, openBatch, readBatchHead } from '../shared/io/batch-file.ts';
import { type Imported, importBatch, readBatch } from '../shared/io/batch-import.ts';
import { EXIT } from '../shared/io/command-line.ts';
import { Partials } from '../shared/io/partials.ts';
import { TripCut, TripRefused, type TripSide } from '../shared/io/trip-side.ts';
import { newTripState, type TripState } from '../shared/io/trip-state.ts';
import type { Hub } from './hub.ts';
import { readOfficeTrips, writeOfficeTrips } from './instance.ts';
import { deriveOfficeKey } from './office-key.ts';
import { betweenTrips } from './running-trips.ts';
import { type Caller, hubSide, officeOf } from './trip-session.ts';

const STICK = new TripCut('a stick is being worked on for this office: call again');

/** An office that has never called is taken, whichever folder it calls from. */
const stateOf = async (hub: Hub, office: string): Promise<TripState> =>
  (await readOfficeTrips(hub, office)) ?? { ...newTripState(NO_INSTANCE), readmit: true };

export interface Whose {
  readonly whose: Omit<BatchHead, 'salt'>;
  readonly key: Uint8Array;
}

export interface ExportChoice {
  /** Also what is on a stick already. */
  readonly again: boolean;
  /** Bytes of the file; 0: any. */
  readonly bytesMax: number;
  /** Seconds that links leave the mail to it; absent: as for every stick. */
  readonly waitSeconds?: number;
  /** The carrier that takes it; absent: a stick. */
  readonly by?: string;
}

/** Gives `write` the batch for an office, while no trip of it runs. Throws TripRefused for a revoked one. */
export async function exportFor(
  hub: Hub,
  name: string,
  { waitSeconds = hub.config.stick_wait, ...options }: ExportChoice,
  write: (batch: BatchExport, whose: Whose) => Promise<void>,
): Promise<void> {
  const { keyId, generation } = hub.directory.office(name) ?? { keyId: '', generation: 0 };
  const caller = { keyId, generation };
  const office = await officeOf(hub, caller);
  await betweenTrips(hub, name, STICK, async () => {
    const state = await stateOf(hub, name);
    await writeOfficeTrips(hub, name, state);
    const side = hubSide(hub, { caller, office, state, hello: helloOf(state) });
    const batch = new BatchExport({ side, instance: state.instance, waitSeconds, ...options });
    await write(batch, { whose: { ...caller, way: 'down' }, key: deriveOfficeKey(hub.secret, keyId, generation) });
  });
}

/** What was put into a batch for an office is not on the way after all. */
export async function releaseFor(hub: Hub, name: string, marks: readonly OnTheWay[]): Promise<void> {
  const { keyId, generation } = hub.directory.office(name) ?? { keyId: '', generation: 0 };
  const caller = { keyId, generation };
  const office = await officeOf(hub, caller);
  await betweenTrips(hub, name, STICK, async () => {
    const state = await stateOf(hub, name);
    await releaseMarks(hubSide(hub, { caller, office, state, hello: helloOf(state) }), marks);
  });
}

/** Where it is kept what an office has been told by carriers. */
export const toldKey = (office: string): string => `office/${office}/told`;

/** As if the office asked for all that it can have. */
const helloOf = ({ instance, counter }: TripState): Hello => ({
  version: TRIP_VERSION,
  instance,
  counter,
  up: true,
  down: true,
  codecs: CODECS_KNOWN,
  directory: '',
  mailBytesMax: 0,
  floor: 1,
});

/** Throws BatchError or TripRefused before anything is taken. */
export async function importBatchFile(hub: Hub, file: AsyncIterable<Uint8Array>): Promise<Imported> {
  const { head, rest } = await readBatchHead(file);
  if (head.way !== 'up')
    throw new BatchError(
      "this file goes to an office: 'agent import' there takes it, and 'agent export' makes one for here",
    );
  const caller = { keyId: head.keyId, generation: head.generation };
  const office = await officeOf(hub, caller);
  const key = deriveOfficeKey(hub.secret, caller.keyId, caller.generation);
  const batch = await readBatch(openBatch(rest, { head, key }), 'up');
  const { greeting } = batch;
  if (!('instance' in greeting)) throw new TripRefused(EXIT.refused, 'the batch does not say which laptop it is from');
  return betweenTrips(hub, office.name, STICK, async () => {
    const { state, isOurs } = admitted(await stateOf(hub, office.name), greeting);
    if (isOurs) {
      const imported = await importBatch(hubSide(hub, { caller, office, state, hello: greeting }), batch, true);
      // What comes again was not heard to have come: it is told once more.
      if (imported.known > 0) await hub.store.remove(toldKey(office.name));
      return imported;
    }
    hub.log.warn('a stick of a laptop that was replaced: its mail is taken, and nothing else', { office: office.name });
    return importStranger(hub, { caller, office, state, hello: greeting }, batch);
  });
}

/** A stick does not count as a call. It only says who speaks for the office when nobody has before. */
function admitted(state: TripState, { instance, counter }: Hello): { state: TripState; isOurs: boolean } {
  if (state.instance === NO_INSTANCE) {
    const { readmit: _, ...rest } = state;
    return { state: { ...rest, instance, counter }, isOurs: true };
  }
  return { state, isOurs: !state.readmit && !state.restored && state.instance === instance };
}

/** Its numbers mean nothing here: each mail is known by its id alone, and gets no answer. */
async function importStranger(
  hub: Hub,
  trip: { readonly caller: Caller; readonly office: Office; readonly state: TripState; readonly hello: Hello },
  batch: Awaited<ReturnType<typeof readBatch>>,
): Promise<Imported> {
  const { ended: _, ...side } = hubSide(hub, trip);
  const partials = new Partials(join(hub.spool, `stick-${randomBytes(8).toString('hex')}`));
  const reading: TripSide = {
    ...side,
    ledger: new Ledger(),
    partials,
    history: {
      ...side.history,
      in: { history: () => side.history.in.history(), append: async () => '', save: async () => undefined },
    },
    save: async () => undefined,
  };
  const imported = await importBatch(reading, batch, false);
  await partials.dropBelow(Number.MAX_SAFE_INTEGER);
  return imported;
}
