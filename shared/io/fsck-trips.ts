/** What a trip leaves behind, as fsck sees it: the state, the history, the parts. None of it is mail, and all of it heals. */
import { createHash } from 'node:crypto';
import { TripError } from '../core/trip-record.ts';
import { readBody } from './body.ts';
import type { Fsck, Kind } from './fsck.ts';
import { foundNewer, recordFault, textOf } from './fsck-record.ts';
import { decodePiece } from './history-log.ts';
import { newTripState, TRIP_STATE, writeTripState } from './trip-state.ts';

export interface TripKeys {
  readonly state: RegExp;
  readonly histories: RegExp;
  readonly parts: RegExp;
  /** What a lost state means, when not even its data folder can be read of it. */
  readonly withoutState: string;
}

export const tripKinds = (fsck: Fsck, { state, histories, parts, withoutState }: TripKeys): readonly Kind[] => [
  { what: 'states of trips', keys: state, check: ({ key }) => checkState(fsck, key, withoutState) },
  { what: 'pieces of histories', keys: histories, check: ({ key }) => checkPiece(fsck, key) },
  { what: 'attachments that travelled', keys: parts, check: ({ key }) => checkPart(fsck, key) },
];

/**
 * It begins with these three: who speaks for the office, and the next number. Numbers are never used again: the other side
 * would give a new mail the answer that an old one got.
 */
const START = /^\{"instance":"([0-9a-f]{16})","counter":(\d{1,15}),(?:"[a-zA-Z]+":\w+,)*"ledger":\{"next":(\d{1,15}),/;

async function checkState(fsck: Fsck, key: string, withoutState: string): Promise<void> {
  const text = await textOf(fsck, key);
  const fault = text === undefined ? undefined : recordFault(TRIP_STATE, text);
  if (fault === undefined) return;
  if (fault === 'newer') return foundNewer(fsck, key);
  const [, instance, counter, next] = START.exec(text ?? '') ?? [];
  if (instance === undefined)
    return fsck.lost({ key, text: 'damaged: no trip can be made with it', means: withoutState });
  await fsck.found({
    weight: 'fault',
    key,
    text: 'damaged: no trip can be made with it',
    remedy: 'begun anew for the same data folder: what waits is offered once more; no mail comes twice',
    repair: async () => {
      await fsck.moveToLost(key, 'a damaged state of trips');
      const { ledger, ...anew } = newTripState(instance);
      const state = { ...anew, counter: Number(counter), ledger: { ...ledger, next: Number(next) } };
      await writeTripState(fsck.store, key, state);
    },
  });
}

const PIECE_BYTES_MAX = 20_000_000;

async function checkPiece(fsck: Fsck, key: string): Promise<void> {
  const body = await fsck.store.get(key);
  try {
    if (body && body.size <= PIECE_BYTES_MAX) for (const _ of decodePiece(await readBody(body, PIECE_BYTES_MAX)));
  } catch (error) {
    if (!(error instanceof TripError)) throw error;
    await fsck.lost({
      key,
      text: 'a damaged piece of a history',
      means: 'mail costs some bytes more until there is a new one',
    });
  }
}

async function checkPart(fsck: Fsck, key: string): Promise<void> {
  const name = key.slice(key.lastIndexOf('/') + 1);
  if (name === 'known' || fsck.options.quick) return;
  const body = await fsck.store.get(key);
  if (!body) return;
  const hash = createHash('sha256');
  for await (const chunk of body.read()) hash.update(chunk);
  if (hash.digest('hex') !== name)
    await fsck.lost({
      key,
      text: 'an attachment that is not what its name says',
      means: 'it travels once more when it is needed',
    });
}
