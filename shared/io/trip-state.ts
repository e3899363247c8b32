/** What a side keeps of its trips between them, as one small record of its store. Hub: for each office; agent: for the hub. */
import * as z from 'zod/mini';
import { EMPTY_LEDGER, type LedgerData } from '../core/trip-ledger.ts';
import { readBody, textBody } from './body.ts';
import { isOnStick } from './outbox.ts';
import { type Store, StoreError } from './store.ts';

const SEQ = z.int().check(z.minimum(1));
const VERDICT = z.strictObject({ letter: z.enum(['K', 'Z', 'D']), text: z.string() });

const OPENED = z.strictObject({
  keys: z.array(z.string()),
  sealing: z.exactOptional(
    z.strictObject({
      base: z.string(),
      apart: z.exactOptional(z.literal(true)),
      quality: z.int(),
      parts: z.exactOptional(z.array(z.string())),
      recipients: z.array(z.int()),
    }),
  ),
  stick: z.exactOptional(
    z.strictObject({ since: z.int(), until: z.int(), hash: z.string(), by: z.exactOptional(z.string()) }),
  ),
});

export const TRIP_STATE = z.strictObject({
  /** Names the office's data folder, 16 hex digits. */
  instance: z.string().check(z.regex(/^[0-9a-f]{16}$/)),
  /** Trips that this folder has begun. */
  counter: z.int().check(z.minimum(0)),
  ledger: z.strictObject({
    next: SEQ,
    // The first version kept the entry alone.
    open: z.array(
      z.tuple([
        SEQ,
        z.union([
          OPENED,
          z.pipe(
            z.string(),
            z.transform((key) => ({ keys: [key] })),
          ),
        ]),
      ]),
    ),
    floor: SEQ,
    answered: z.array(z.tuple([SEQ, z.union([z.literal('K'), z.array(VERDICT)])])),
    hashes: z._default(z.array(z.tuple([SEQ, z.string()])), []),
  }),
  /** At the hub: the next folder that calls is taken, whichever it is. */
  readmit: z.optional(z.boolean()),
  /** At the hub: a folder from a backup speaks for the office, so the numbers on sticks may be those of other mails. */
  restored: z.exactOptional(z.literal(true)),
  /** At the hub: delivered mail is still to be offered to a readmitted office, from this key on. */
  restoreFrom: z.optional(z.string()),
  /** At a hub on a bucket: frames held in part that lie there. */
  partials: z.optional(
    z.array(z.strictObject({ seq: z.int(), hash: z.string().check(z.regex(/^[0-9a-f]{16}$/)), held: z.int() })),
  ),
  /** At the agent: the largest mail that the hub took, when last heard; 0: any. */
  hubMailBytesMax: z.optional(z.int()),
  /** At the agent: the codecs that the hub reads, when last heard. */
  hubCodecs: z.optional(z.int()),
  /** At the agent: the links that the hub has been told of. */
  linksTold: z.exactOptional(z.string()),
  /** At the agent: the newest time of the hub that was heard, over a link or from a stick. */
  heard: z.exactOptional(z.int()),
});

export type TripState = z.infer<typeof TRIP_STATE>;

export const newTripState = (instance: string): TripState => ({
  instance,
  counter: 0,
  ledger: mutable(EMPTY_LEDGER),
});

/** For the record; the ledger itself stays as it is. */
export const mutable = (data: LedgerData): TripState['ledger'] => structuredClone(data) as TripState['ledger'];

export interface OnStick {
  /** Unix seconds. */
  readonly since: number;
  /** The carrier that has it; absent: a stick. */
  readonly by?: string;
}

/** What is on a stick, or with a carrier, that is still waited for, by key. */
export const sticksOf = ({ open }: Pick<LedgerData, 'open'>, now: number): ReadonlyMap<string, OnStick> =>
  new Map(
    open.flatMap(([, { keys, stick }]) => (stick && isOnStick(stick, now) ? keys.map((key) => [key, stick]) : [])),
  );

/** Answers with many texts are the bulk of it. */
const STATE_BYTES_MAX = 50_000_000;

/** Undefined before the first trip. */
export async function readTripState(store: Store, key: string): Promise<TripState | undefined> {
  const body = await store.get(key);
  if (!body) return undefined;
  const state = TRIP_STATE.safeParse(parseJson((await readBody(body, STATE_BYTES_MAX)).toString()));
  if (state.success) return state.data;
  throw new StoreError(`${key} is damaged: stop the service, and run 'fsck --repair'`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const writeTripState = (store: Store, key: string, state: TripState): Promise<void> =>
  store.put(key, textBody(JSON.stringify(state)));
