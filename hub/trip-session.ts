/** A trip as the hub runs it for one office: who may, with which memory, and what each mail of it does here. */
import { dirname, join } from 'node:path';
import type { Office } from '../shared/core/directory.ts';
import { FRAME_KIND } from '../shared/core/frame.ts';
import {
  diffDirectory,
  directoryHash,
  encodeDirectory,
  encodeDirectoryDelta,
  publicDirectory,
} from '../shared/core/public-directory.ts';
import { type Hello, TRIP_VERSION } from '../shared/core/trip-greeting.ts';
import { Ledger } from '../shared/core/trip-ledger.ts';
import { CODECS_KNOWN } from '../shared/core/trip-message.ts';
import { EXIT } from '../shared/io/command-line.ts';
import { HistoryLog } from '../shared/io/history-log.ts';
import { Partials } from '../shared/io/partials.ts';
import { HeldParts, KnownParts } from '../shared/io/parts.ts';
import { StoreError } from '../shared/io/store.ts';
import type { Wire } from '../shared/io/trip-output.ts';
import { type TripOutcome, TripSession } from '../shared/io/trip-session.ts';
import { TripCut, TripRefused, type TripSide } from '../shared/io/trip-side.ts';
import { mutable, type TripState } from '../shared/io/trip-state.ts';
import { type BucketPartialsOptions, fetchPartials, keepPartials } from './bucket-partials.ts';
import { forgetDelivered, keepDelivered, restoreDelivered } from './delivered.ts';
import { holdEntry, holdSpam } from './hold.ts';
import type { Hub } from './hub.ts';
import { admitInstance, readOfficeTrips, writeOfficeTrips } from './instance.ts';
import { replaceByRest } from './move-rest.ts';
import { finishMoves } from './move-user.ts';
import { writeOfficeLinks } from './office-links.ts';
import { officeNumber, withOffice } from './office-lock.ts';
import { replaceByPlain } from './plain.ts';
import { endTrip, runTrip, type Session } from './running-trips.ts';

/** Who an identity on the wire is: the office's key id and the generation of its key. */
export interface Caller {
  readonly keyId: string;
  readonly generation: number;
}

/** The office that a caller is. Throws TripRefused with the sentence for it. */
export async function officeOf(hub: Hub, { keyId, generation }: Caller): Promise<Office> {
  await hub.directory.refresh();
  return officeNow(hub, { keyId, generation });
}

/** The same by what is known, without asking the store. */
function officeNow(hub: Hub, { keyId, generation }: Caller): Office {
  const office = hub.directory.officeOfKey(keyId);
  if (!office) throw new TripRefused(EXIT.refused, 'the hub does not know this office: enrol it with a new token');
  if (office.revoked)
    throw new TripRefused(
      EXIT.refused,
      `office ${office.name} has been revoked at the hub; its operator can let it in again`,
    );
  if (office.generation !== generation)
    throw new TripRefused(EXIT.refused, `the key of ${office.name} was changed at the hub: enrol with the new token`);
  return office;
}

/** Runs one trip over a link to its end. Throws TripRefused before anything was said to the office. */
export function serveTrip(hub: Hub, caller: Caller, hello: Hello, wire: Wire): Promise<TripOutcome> {
  return serveSession(hub, caller, hello, ({ office, state }) => {
    return new TripSession(hubSide(hub, { caller, office, hello, state }), wire);
  });
}

/** Runs a session for an office, as its next trip. Throws TripRefused when it may not call. */
export async function serveSession(
  hub: Hub,
  caller: Caller,
  hello: Hello,
  begin: (trip: Pick<OfficeTrip, 'office' | 'state'>) => Session,
): Promise<TripOutcome> {
  if (hello.version < 1 || (hello.codecs & CODECS_KNOWN) === 0)
    throw new TripRefused(EXIT.refused, 'the hub and this agent are too far apart in version: update the older one');
  const office = await officeOf(hub, caller);
  let watch: NodeJS.Timeout | undefined;
  try {
    return await runTrip(hub, office.name, async () => {
      // A move that another hub has begun and not ended would have its mail travel twice.
      await finishMoves(hub, office.name);
      // Who may not speak for the office must not end the trip of the one who does.
      admitInstance(office.name, await readOfficeTrips(hub, office.name), hello);
      await endTrip(hub, office.name, new TripCut('the office has called again'));
      const state = admitInstance(office.name, await readOfficeTrips(hub, office.name), hello);
      await writeOfficeTrips(hub, office.name, state);
      const bucket = bucketPartials(hub, office.name);
      if (bucket) await fetchPartials(bucket, state.partials ?? []);
      const session = begin({ office, state });
      watch = watchRight(hub, caller, session);
      return session;
    });
  } finally {
    clearInterval(watch);
    await forgetDelivered(hub, office.name).catch((error: unknown) => {
      // The next trip does it.
      if (!(error instanceof StoreError)) throw error;
    });
  }
}

const partialFolder = (hub: Hub, office: string): string => join(dirname(hub.spool), 'partial', office);

function bucketPartials(hub: Hub, office: string): BucketPartialsOptions | undefined {
  if (hub.store.staging === 'apart') return undefined;
  const folder = partialFolder(hub, office);
  return { store: hub.store, office, folder, partials: new Partials(folder) };
}

/** An office that goes on with a frame does so within days; one that is gone leaves it for ever. */
const PARTIAL_DAYS = 30;

/** At the start: frames that nobody will go on with. */
export async function dropStalePartials(hub: Hub): Promise<void> {
  const before = (hub.now() - PARTIAL_DAYS * 86_400) * 1_000;
  for (const office of hub.directory.current.offices.keys())
    await new Partials(partialFolder(hub, office)).dropOlder(before);
}

const WATCH_MS = 500;

/** Shuts an office out at once when it loses its right in mid-trip, whichever way mail flows just then. */
function watchRight(hub: Hub, caller: Caller, session: Session): NodeJS.Timeout {
  return setInterval(() => {
    try {
      officeNow(hub, caller);
    } catch (error) {
      session.abort(error as Error);
    }
  }, WATCH_MS);
}

export interface OfficeTrip {
  readonly caller: Caller;
  readonly office: Office;
  readonly hello: Hello;
  readonly state: TripState;
}

export function hubSide(hub: Hub, { caller, office, hello, state }: OfficeTrip): TripSide {
  const { name } = office;
  const number = officeNumber(hub, name);
  const ledger = new Ledger(state.ledger);
  const mailBytesMax = smallest(hub.config.limits.mail, office.limits.mailBytesMax);
  let restoreFrom = state.restoreFrom;
  const restore = restoreDelivered(hub, {
    office: name,
    from: restoreFrom ?? '',
    reached: (key) => (restoreFrom = key),
  });
  const directory = directoryFrame(hub, hello);
  const bucket = bucketPartials(hub, name);
  let { partials: inBucket } = state;
  return {
    place: hub.place,
    greeting: {
      version: Math.min(hello.version, TRIP_VERSION),
      time: hub.now(),
      codecs: hello.codecs & CODECS_KNOWN,
      mailBytesMax,
      floor: ledger.outFloor,
      ...(hello.halfDuplex ? { halfDuplex: true } : {}),
    },
    peer: { name: `office/${name}`, relays: true, office: name },
    maildir: `office/${name}`,
    ledger,
    partials: new Partials(partialFolder(hub, name)),
    spool: hub.spool,
    mailBytesMax,
    offerBytesMax: smallest(hello.mailBytesMax, office.limits.holdBytesMax),
    replaced: async (entry, note) =>
      (await replaceByRest(hub, name, entry, note)) ??
      (await holdSpam(hub, office, entry, note)) ??
      replaceByPlain(hub, { office: name, wanted: office.limits.plain || hello.plain === true }, entry, note),
    tooLarge: (entry) => holdEntry(hub, name, entry),
    offers: hello.down,
    isDear: hello.dear === true,
    idleSeconds: hub.config.limits.idle,
    now: () => hub.now(),
    admit: async () => {
      await officeOf(hub, caller);
    },
    save: () =>
      writeOfficeTrips(
        hub,
        name,
        {
          instance: state.instance,
          counter: state.counter,
          ...(state.readmit ? { readmit: true } : {}),
          ...(state.restored ? { restored: true } : {}),
          ledger: mutable(ledger.data),
          ...(restoreFrom === undefined ? {} : { restoreFrom }),
          ...(inBucket ? { partials: inBucket } : {}),
        },
        number,
      ),
    ...(bucket
      ? {
          ended: async () => {
            inBucket = [...(await keepPartials(bucket, inBucket ?? []))];
          },
        }
      : {}),
    exclusively: (work) => withOffice(hub, name, work),
    peerBytesMax: () => 0,
    peerCodecs: () => hello.codecs,
    history: { in: historyLog(hub, name, 'up'), out: historyLog(hub, name, 'down') },
    parts: {
      in: new HeldParts({ store: hub.store, prefix: `office/${name}/parts/up` }),
      out: new KnownParts({ store: hub.store, prefix: `office/${name}/parts/down` }),
    },
    delivered: (entry) => keepDelivered(hub, name, entry),
    ...(directory ? { directory } : {}),
    takeLinks: (links) => writeOfficeLinks(hub, name, links),
    ...(restoreFrom === undefined || !hello.down ? {} : { restore }),
    onPublished: (listener) => hub.onPublished(listener),
  };
}

/** Of limits of which 0 means none. */
function smallest(...limits: readonly number[]): number {
  const set = limits.filter((limit) => limit > 0);
  return set.length > 0 ? Math.min(...set) : 0;
}

const historyLog = ({ store, log }: Hub, office: string, way: 'up' | 'down'): HistoryLog =>
  new HistoryLog({ store, prefix: `office/${office}/history/${way}`, log });

/** The directory for the office, as the change to the one that it has, where that is known; absent when it is the same. */
function directoryFrame(hub: Hub, { directory: theirs }: Hello): Uint8Array | undefined {
  const current = publicDirectory(hub.directory.current);
  if (directoryHash(current) === theirs) return undefined;
  const before = theirs === '' ? undefined : hub.directory.publicAt(theirs);
  return before
    ? Buffer.concat([Uint8Array.of(FRAME_KIND.directoryDelta), encodeDirectoryDelta(diffDirectory(before, current))])
    : Buffer.concat([Uint8Array.of(FRAME_KIND.directory), encodeDirectory(current)]);
}
