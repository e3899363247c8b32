/**
 * The one door in. Its order is its promise; every other order that was tried lost mail, doubled it, or lost bounces:
 *
 *   1. seen?    a recipient who has an answer gets it again, after the files that it speaks of are published
 *   2. route    the others, by the tables as they are now
 *   3. stage    every file, where no reader looks
 *   4. seen     answers and keys, durable: from here on the mail is ours
 *   5. publish  every file, once
 *   6. answer
 *
 * A stop before 4 leaves files that nobody vouches for: recover.ts throws them away. After 4 it publishes them. So what
 * a reader has taken never comes back, and a retry finds its answer.
 *
 * Z is never recorded. When the store fails, every recipient of the round gets Z, those who would be refused as well: a
 * sender then comes back with the same envelope, which is how this mail is known again.
 */
import { randomBytes } from 'node:crypto';
import { addressFault } from '../core/address.ts';
import type { Delivery, Routed } from '../core/delivery.ts';
import { accepted, deferred, refused, type Verdict } from '../core/verdict.ts';
import { type Copy, copiesOf } from './copies.ts';
import type { Accept, Arrival, Place } from './mail.ts';
import { maildirOf } from './maildir.ts';
import { inParallel } from './parallel.ts';
import { answersOf, arrivalName, ROUNDS_MAX, readSeen, type SeenRecord, seenKey, writeSeen } from './seen.ts';
import { type Store, StoreError } from './store.ts';

/** A mail that was handed on so often among our machines goes round in a circle. */
export const HOPS_MAX = 10;

/** Files of one mail that are written at once. */
const WRITES_AT_ONCE = 8;

const NO_STORE = deferred('the mail cannot be stored now; it is tried again (#4.3.0)');
const LOOP = refused('the mail goes round in a circle: too many hops (#5.4.6)');

/** One verdict per recipient, in order. Never throws for trouble with the store. */
export const accept: Accept = (place, arrival, nowSeconds) =>
  oneAtATime(place.store, arrivalName(arrival, 0), async () => {
    const answers = new Map<string, Verdict>();
    try {
      await decide(place, arrival, { now: nowSeconds, answers });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      place.log.warn('a mail could not be stored', { peer: arrival.peer.name, id: arrival.id, reason: error.message });
    }
    return arrival.mail.recipients.map((recipient) => answers.get(recipient) ?? NO_STORE);
  });

interface Deciding {
  readonly now: number;
  /** Filled with what is settled; who is not in it when the store fails has to wait. */
  readonly answers: Map<string, Verdict>;
}

async function decide(place: Place, arrival: Arrival, { now, answers }: Deciding): Promise<void> {
  const undecided = (): readonly string[] => [
    ...new Set(arrival.mail.recipients.filter((recipient) => !answers.has(recipient))),
  ];
  for (let round = 0; undecided().length > 0; round++) {
    if (round > ROUNDS_MAX) throw new StoreError('the mail was tried too often: its sender has to send it anew');
    const name = arrivalName(arrival, round);
    const known =
      (await readSeen(place.store, seenKey(name))) ??
      (await acceptRound(place, arrival, { name, now, answers, recipients: undecided() }));
    if (!known) return;
    await repeat(place, arrival, { known, answers });
  }
}

/** A round that was decided before. A stop may have left its files unpublished. */
async function repeat(
  place: Place,
  { peer, id }: Arrival,
  { known, answers }: { readonly known: SeenRecord; readonly answers: Map<string, Verdict> },
): Promise<void> {
  if (!known.rebuilt && (known.peer !== peer.name || known.id !== id))
    throw new StoreError(`two mails have one name: ${id} of ${peer.name}`);
  await publishAll(place, known.keys);
  for (const [recipient, verdict] of answersOf(known)) answers.set(recipient, verdict);
}

interface Round extends Deciding {
  readonly name: string;
  readonly recipients: readonly string[];
}

/** Answers the record of another process that has decided the round meanwhile; what was staged here is dropped then. */
async function acceptRound(place: Place, arrival: Arrival, round: Round): Promise<SeenRecord | undefined> {
  const { store, hostname } = place;
  const { name, now, answers, recipients } = round;
  const routed = recipients.map((recipient) => [recipient, routeOne(place, arrival, recipient)] as const);
  const verdicts = routed.map(([recipient, { verdict }]) => [recipient, answerOf(verdict, name, now)] as const);
  const copies = copiesOf(
    routed.flatMap(([, { deliveries }]) => deliveries),
    { mail: arrival.mail, arrival: name, attempt: randomBytes(4).toString('hex'), hostname, now },
  );
  const record = recordOf(arrival, verdicts, copies);
  if (isWorthKeeping(arrival, record)) {
    await stageAll(store, copies);
    if (!(await writeSeen(store, seenKey(name), record))) {
      await unstage(store, copies);
      return firstOf(store, name);
    }
    await publishAll(place, record.keys);
  }
  for (const [recipient, verdict] of verdicts) answers.set(recipient, verdict);
  return undefined;
}

async function firstOf(store: Store, name: string): Promise<SeenRecord> {
  const record = await readSeen(store, seenKey(name));
  if (record) return record;
  throw new StoreError(`the store says that ${seenKey(name)} is there, and does not give it`);
}

/** What no table can make good is refused before the tables are asked. */
function routeOne(place: Place, { peer, mail }: Arrival, recipient: string): Routed {
  const fault = addressFault(recipient);
  if (fault) return nowhere(refused(`${fault} (#5.1.3)`));
  const senderFault = addressFault(mail.sender);
  if (senderFault) return nowhere(refused(`sender: ${senderFault} (#5.1.7)`));
  if (mail.hops >= HOPS_MAX) return nowhere(LOOP);
  const routed = place.route(peer, mail.sender, recipient);
  if (routed.verdict.letter !== 'K') return nowhere(routed.verdict);
  if (routed.deliveries.length > 0) return routed;
  place.log.error('the tables accept a recipient and send it nowhere', { recipient });
  return nowhere(deferred('the tables send this recipient nowhere; its operator has been told (#4.3.5)'));
}

const NO_DELIVERIES: readonly Delivery[] = [];
const nowhere = (verdict: Verdict): Routed => ({ verdict, deliveries: NO_DELIVERIES });

/** qmail's form, by which a line of another machine's log leads to one of ours. */
const answerOf = (verdict: Verdict, name: string, now: number): Verdict =>
  verdict.letter === 'K' ? accepted(`ok ${now} qp ${name.slice(0, 8)}`) : verdict;

function recordOf(
  { peer, id }: Arrival,
  verdicts: readonly (readonly [string, Verdict])[],
  copies: readonly Copy[],
): SeenRecord {
  const answers = verdicts.flatMap(([recipient, { letter, text }]): SeenRecord['answers'] =>
    letter === 'Z' ? [] : [[recipient, letter, text]],
  );
  return { peer: peer.name, id, answers, keys: copies.map(({ key }) => key) };
}

/**
 * Nothing to remember if all have to wait. If all are refused, our own machines must hear the same again, for they
 * may already have told the sender; strangers could fill the store with it, and have no harm from a second look.
 */
const isWorthKeeping = ({ peer }: Arrival, { answers, keys }: SeenRecord): boolean =>
  keys.length > 0 || (peer.relays && answers.length > 0);

async function stageAll(store: Store, copies: readonly Copy[]): Promise<void> {
  try {
    await inParallel(copies, WRITES_AT_ONCE, ({ key, body }) => store.stage(key, body));
  } catch (error) {
    await unstage(store, copies);
    throw error;
  }
}

/** Their keys are this attempt's own, and no record names them. What cannot be removed now, recovery will. */
async function unstage(store: Store, copies: readonly Copy[]): Promise<void> {
  for (const { key } of copies) {
    try {
      await store.remove(key);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return;
    }
  }
}

async function publishAll(place: Place, keys: readonly string[]): Promise<void> {
  await inParallel(keys, WRITES_AT_ONCE, async (key) => {
    try {
      await place.store.publish(key);
    } finally {
      // One that fails may have happened all the same: who reads there has to look.
      place.published?.(maildirOf(key), key);
    }
  });
}

/** Accepts in progress in this process, by store and arrival: the second of two waits, then finds the first's answers. */
const inHand = new WeakMap<Store, Map<string, Promise<unknown>>>();

async function oneAtATime<T>(store: Store, name: string, work: () => Promise<T>): Promise<T> {
  const running = inHand.get(store) ?? new Map<string, Promise<unknown>>();
  inHand.set(store, running);
  const before = running.get(name);
  const mine = (before ?? Promise.resolve()).then(work, work);
  running.set(name, mine);
  try {
    return await mine;
  } finally {
    if (running.get(name) === mine) running.delete(name);
  }
}
