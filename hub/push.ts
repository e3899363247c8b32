/**
 * `hub push`: sends what waits for an office to that office's own QMTP server, as maildirqmtp did, for an office that
 * runs plain qmail. One package an entry, with all its recipients; an entry goes when each of them has K or D.
 *
 * An answer that is lost in a cut leaves a doubt that QMTP cannot resolve: the mail may have arrived, and goes again
 * with the next push. It is counted as unconfirmed.
 */
import { EntryError } from '../shared/core/entry.ts';
import { refused, type Verdict } from '../shared/core/verdict.ts';
import { bounceMail } from '../shared/io/bounce.ts';
import { dial } from '../shared/io/dial.ts';
import { type Entry, listEntries, openEntry, removeEntry } from '../shared/io/maildir.ts';
import { type Note, readNote, writeNote } from '../shared/io/note.ts';
import { type QmtpVerdicts, sendByQmtp } from '../shared/io/qmtp-client.ts';
import { StoreError } from '../shared/io/store.ts';
import type { Hub } from './hub.ts';
import { offeredIds } from './instance.ts';
import { withOffice } from './office-lock.ts';

const CONNECT_SECONDS = 60;
const PAGE = 200;
const TOO_LARGE = 'the mail is larger than its office takes (#5.3.4)';

export interface PushTarget {
  readonly office: string;
  readonly host: string;
  readonly port: number;
}

export interface PushResult extends PushTarget {
  /** Entries that are done with. */
  mails: number;
  /** Recipients, by the answers of the office's server. */
  accepted: number;
  refused: number;
  deferred: number;
  /** Recipients whose answer was lost: the mail may have arrived, and goes again. */
  unconfirmed: number;
  /** Mails that a trip has offered without an answer: the office may have them, and only the next trip can tell. */
  offered: number;
  /** Files that are no sound entries: the log names them. */
  damaged: number;
  /** Bytes written. */
  bytes: number;
  /** Why the push ended before everything was sent and answered. */
  cut?: string;
}

/** Another push for the same office goes on: two at once would deliver everything twice. */
export class PushBusy extends Error {}

const busy = new WeakMap<Hub, Set<string>>();

/** Sends all that waits. Throws DialError when there is no connection, PushBusy, StoreError. */
export async function push(hub: Hub, target: PushTarget): Promise<PushResult> {
  const offices = busy.get(hub) ?? new Set();
  busy.set(hub, offices);
  if (offices.has(target.office))
    throw new PushBusy(`another push for ${target.office} goes on; wait until it has ended`);
  offices.add(target.office);
  try {
    // Nobody else chooses or moves entries of the office meanwhile: no trip, no `user move`.
    return await withOffice(hub, target.office, () => new Push(hub, target).run());
  } finally {
    offices.delete(target.office);
  }
}

/** An entry on its way: the recipients that are not settled yet. */
interface Pushed {
  readonly entry: Entry;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly body: Entry['body'];
}

class Push {
  readonly #hub: Hub;
  readonly #maildir: string;
  readonly #result: PushResult;

  constructor(hub: Hub, target: PushTarget) {
    this.#hub = hub;
    this.#maildir = `office/${target.office}`;
    this.#result = {
      ...target,
      mails: 0,
      accepted: 0,
      refused: 0,
      deferred: 0,
      unconfirmed: 0,
      offered: 0,
      damaged: 0,
      bytes: 0,
    };
  }

  async run(): Promise<PushResult> {
    const { host, port, office } = this.#result;
    const socket = await dial({ host, port, seconds: CONNECT_SECONDS });
    const sent = await sendByQmtp(socket, this.#waiting(), {
      idleSeconds: this.#hub.config.limits.idle,
      settle: (pushed, verdicts) => this.#settle(pushed, verdicts),
    });
    Object.assign(this.#result, sent);
    this.#hub.log.info('pushed', { ...this.#result, office });
    return this.#result;
  }

  /** A page of names at a time; each entry is opened when its turn has come. */
  async *#waiting(): AsyncGenerator<Pushed> {
    const { store } = this.#hub;
    const offered = await offeredIds(this.#hub, this.#result.office);
    let after: string | undefined;
    for (;;) {
      const page = await listEntries(store, this.#maildir, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const { key, name } of page) {
        const isOffered = offered.has(name.id);
        if (isOffered) this.#result.offered += 1;
        const pushed = isOffered ? undefined : await this.#open(key);
        if (pushed) yield pushed;
      }
      after = page.at(-1)?.key;
      if (page.length < PAGE) return;
    }
  }

  async #open(key: string): Promise<Pushed | undefined> {
    const { store } = this.#hub;
    const entry = await this.#entry(key);
    if (!entry) return undefined;
    const note = await readNote(store, this.#maildir, entry.id);
    const recipients = entry.head.recipients.filter((recipient) => !Object.hasOwn(note?.settled ?? {}, recipient));
    const pushed = { entry, sender: entry.head.sender, recipients, body: entry.body };
    // None is left when a stop came between the last answer and the removal.
    if (recipients.length === 0) await removeEntry(store, entry);
    else if (!this.#isTooLarge(entry)) return pushed;
    else
      await this.#settle(
        pushed,
        recipients.map(() => refused(TOO_LARGE)),
      );
    return undefined;
  }

  /** What the office would refuse after all of it has crossed the link does not leave. */
  #isTooLarge({ body }: Entry): boolean {
    const limit = this.#hub.directory.office(this.#result.office)?.limits.mailBytesMax ?? 0;
    return limit > 0 && body.size > limit;
  }

  /** A damaged file stays where it is, and does not stop the others. */
  async #entry(key: string): Promise<Entry | undefined> {
    try {
      return await openEntry(this.#hub.store, key);
    } catch (error) {
      if (!(error instanceof EntryError)) throw error;
      this.#hub.log.error('an entry cannot be pushed', { key, error: error.message });
      this.#result.damaged += 1;
      return undefined;
    }
  }

  /** Bounces first, then the note or the removal: a stop between two of these repeats, and never loses. */
  async #settle({ entry, recipients }: Pushed, verdicts: QmtpVerdicts): Promise<void> {
    const { store, place, now } = this.#hub;
    const answered = recipients.flatMap((recipient, index): { recipient: string; verdict: Verdict }[] => {
      const verdict = verdicts[index];
      return verdict ? [{ recipient, verdict }] : [];
    });
    const of = (letter: Verdict['letter']) => answered.filter(({ verdict }) => verdict.letter === letter);
    const failures = of('D').map(({ recipient, verdict }) => ({ recipient, ...verdict }));
    const told = await bounceMail(place, entry, failures, { kind: 'failed', now: now() });
    if (told.letter === 'Z') throw new StoreError(`the report on ${entry.id} cannot be kept: ${told.text}`);
    this.#result.accepted += of('K').length;
    this.#result.refused += of('D').length;
    this.#result.deferred += of('Z').length;
    const settled = [...of('K'), ...of('D')];
    if (settled.length === recipients.length) {
      await removeEntry(store, entry);
      this.#result.mails += 1;
      return;
    }
    // Read again: others write to it too.
    const note = await readNote(store, this.#maildir, entry.id);
    await writeNote(store, this.#maildir, entry.id, noteAfter({ note, settled, waiting: of('Z'), now: now() }));
  }
}

type Answered = readonly { readonly recipient: string; readonly verdict: Verdict }[];

function noteAfter({
  note,
  settled,
  waiting,
  now,
}: {
  note: Note | undefined;
  settled: Answered;
  waiting: Answered;
  now: number;
}): Note {
  const lastError = waiting.at(-1)?.verdict.text ?? note?.lastError;
  return {
    ...note,
    attempts: (note?.attempts ?? 0) + 1,
    nextTry: now,
    settled: { ...note?.settled, ...Object.fromEntries(settled.map(({ recipient, verdict }) => [recipient, verdict])) },
    ...(lastError === undefined ? {} : { lastError }),
  };
}
