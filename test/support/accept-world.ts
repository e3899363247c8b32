/**
 * A sender who retries, a machine that fails and restarts, and readers who take mail away at any time. At the end every
 * recipient has what the sender was told: K exactly once, D not at all.
 */
import { createHash } from 'node:crypto';
import type { Delivery, Routed } from '../../shared/core/delivery.ts';
import { accepted, deferred, refused, type Verdict } from '../../shared/core/verdict.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import type { Log } from '../../shared/io/log.ts';
import type { Arrival, Place } from '../../shared/io/mail.ts';
import { listEntries, openEntry, removeEntry, takeable } from '../../shared/io/maildir.ts';
import { recover } from '../../shared/io/recover.ts';
import type { Store } from '../../shared/io/store.ts';
import { Disk, type Fault, Killed, Session } from './faulty-store.ts';

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };

const ENTRIES = ['office/herat', 'office/mazar', 'internet'];
const MAILBOXES = ['mailbox/holly', 'mailbox/akbar'];

const TABLE: Readonly<Record<string, readonly Omit<Delivery, 'recipient' | 'sender'>[]>> = {
  'farid@example.org': [{ maildir: 'office/herat', form: 'entry' }],
  'zahra@example.org': [{ maildir: 'office/herat', form: 'entry' }],
  'omid@example.org': [{ maildir: 'office/mazar', form: 'entry' }],
  'friend@example.com': [{ maildir: 'internet', form: 'entry' }],
  'holly@example.org': [{ maildir: 'mailbox/holly', form: 'mailbox' }],
  'akbar@example.org': [{ maildir: 'mailbox/akbar', form: 'mailbox' }],
};
const RECIPIENTS: readonly string[] = [...Object.keys(TABLE), 'nobody@example.org', 'later@example.org'];

/** Where recipients go; `later` has to wait until it has been asked for `laterAfter` times. */
function tables(laterAfter: number): Place['route'] {
  let asked = 0;
  return (_peer, sender, recipient): Routed => {
    if (recipient === 'later@example.org' && ++asked <= laterAfter)
      return { verdict: deferred('not yet (#4.2.1)'), deliveries: [] };
    const known = recipient === 'later@example.org' ? TABLE['omid@example.org'] : TABLE[recipient];
    if (!known) return { verdict: refused('no such user (#5.1.1)'), deliveries: [] };
    return { verdict: accepted('ok'), deliveries: known.map((to) => ({ ...to, sender, recipient })) };
  };
}

export const BODY = Buffer.from('Received: by x; y\nMessage-ID: <1@x>\nSubject: tea\n\nat four\n');

export const arrivalOf = (recipients: readonly string[], bytes: Uint8Array = BODY): Arrival => ({
  peer: { name: 'office/farah', relays: true },
  id: 'f'.repeat(64),
  mail: {
    sender: 'writer@example.net',
    recipients,
    hops: 1,
    urgency: 5,
    body: bytesBody(bytes),
    bodyHash: createHash('sha256').update(bytes).digest('hex'),
  },
});

export interface WorldOptions {
  readonly staging: Store['staging'];
  /** For each attempt, what goes wrong at which write. Later attempts go well. */
  readonly faults: readonly ReadonlyMap<number, Fault>[];
  /** How often in ten steps a reader comes by. */
  readonly readers: number;
  /** In how many attempts the sender does not hear the answers. */
  readonly answersLost: number;
  readonly laterAfter: number;
  readonly withCreate: boolean;
  /** Changes the store as the machine sees it: to show that this world finds a wrong order. */
  readonly seenBy?: (session: Session) => Store;
}

export interface Outcome {
  readonly told: ReadonlyMap<string, Verdict>;
  readonly taken: ReadonlyMap<string, number>;
}

const ATTEMPTS_MAX = 30;

/** One mail, until its sender has heard K or D for everyone. */
export async function carryOne(options: WorldOptions): Promise<Outcome> {
  const disk = new Disk(options.staging);
  const taken = new Map<string, number>();
  // One reader at a time, as each of ours sees to it: another that comes waits for the same round.
  let reading: Promise<void> | undefined;
  const take = (): Promise<void> => {
    reading ??= takeAll(new Session(disk), taken).finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const route = tables(options.laterAfter);
  let steps = 0;
  const meanwhile = async (): Promise<void> => {
    if (++steps % 10 < options.readers) await take();
  };
  const told = new Map<string, Verdict>();
  let session: Session | undefined;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    // A process goes on after a failure, and its successor comes after a kill.
    const faults = options.faults[attempt] ?? new Map();
    if (session?.alive) session.kill();
    session = new Session(disk, { faults, meanwhile });
    const verdicts = await attemptOne(session, { options, route, now: 1_795_471_464 + attempt });
    if (!verdicts || attempt < options.answersLost) continue;
    RECIPIENTS.forEach((recipient, index) => {
      const verdict = verdicts[index];
      if (verdict && verdict.letter !== 'Z') told.set(recipient, verdict);
    });
    if (verdicts.every(({ letter }) => letter !== 'Z')) break;
  }
  session?.kill();
  await recover(placeOf(new Session(disk), route));
  await take();
  return { told, taken };
}

export const placeOf = (store: Store, route: Place['route']): Place => ({
  store,
  hostname: 'kabul.example.org',
  log: SILENT,
  route,
});

/** Undefined when the process was killed. */
async function attemptOne(
  session: Session,
  { options, route, now }: { readonly options: WorldOptions; readonly route: Place['route']; readonly now: number },
): Promise<readonly Verdict[] | undefined> {
  const store = options.seenBy?.(session) ?? (options.withCreate ? session : withoutCreate(session));
  const place = placeOf(store, route);
  try {
    await recover(place);
    return await accept(place, arrivalOf(RECIPIENTS), now);
  } catch (error) {
    if (error instanceof Killed) return undefined;
    // Recovery may meet a failing disk, too; the program then starts again.
    if (error instanceof Error && error.constructor.name === 'StoreError') return undefined;
    throw error;
  }
}

/** A store as the machine sees it, with some verbs changed. */
export function changed(session: Session, changes: Partial<Store>): Store {
  const store: Store = {
    staging: session.staging,
    put: (key, body) => session.put(key, body),
    get: (key) => session.get(key),
    list: (prefix, page) => session.list(prefix, page),
    remove: (key) => session.remove(key),
    stage: (key, body) => session.stage(key, body),
    publish: (key) => session.publish(key),
    strays: (prefix) => session.strays(prefix),
  };
  return { ...store, ...changes };
}

const withoutCreate = (session: Session): Store => changed(session, {});

/** Readers: offices and the relay take entries, people take their files, and all of it goes from the disk. */
async function takeAll(store: Store, taken: Map<string, number>): Promise<void> {
  const got = (recipient: string): void => void taken.set(recipient, (taken.get(recipient) ?? 0) + 1);
  for (const maildir of ENTRIES)
    for (const { key } of await listEntries(store, maildir)) {
      const entry = await openEntry(store, key);
      if (!entry) continue;
      entry.head.recipients.forEach(got);
      await removeEntry(store, entry);
    }
  for (const maildir of MAILBOXES)
    for (const { key } of await store.list(`${maildir}/new/`)) {
      if (!(await takeable(store, key))) continue;
      const body = await store.get(key);
      const text = body ? (await readBody(body)).toString() : '';
      got(/^Delivered-To: (.*)$/m.exec(text)?.[1] ?? `unknown in ${key}`);
      await store.remove(key);
    }
}

/** What is wrong with an outcome, in words; undefined when all is well. */
export function fault({ told, taken }: Outcome): string | undefined {
  for (const recipient of RECIPIENTS) {
    const count = taken.get(recipient) ?? 0;
    const letter = told.get(recipient)?.letter ?? 'nothing';
    if (letter === 'nothing') return `${recipient} was never answered`;
    if (letter === 'K' && count !== 1) return `${recipient} was accepted and has it ${count} times`;
    if (letter === 'D' && count !== 0) return `${recipient} was refused and has it`;
  }
  return undefined;
}
