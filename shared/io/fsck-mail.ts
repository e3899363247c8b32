/**
 * Mail as fsck sees it: entries that wait or are kept, files of people's mailboxes, staged files, and the records
 * that vouch for them. Nothing of it is ever deleted; a record that is lost while its mail is there is written anew
 * from the mail, so that a sender who asks again hears yes and the mail is not taken twice.
 */
import { createHash } from 'node:crypto';
import { EntryError, type EntryHead, entryName, parseEntryName } from '../core/entry.ts';
import { mailId } from '../core/mail-id.ts';
import { type Body, readBody, sliceBody, textBody } from './body.ts';
import type { Fsck, Kind } from './fsck.ts';
import { noteKind } from './fsck-notes.ts';
import { maildirOf, readEntry, readEntryHead } from './maildir.ts';
import { arrivalName, arrivalOfKey, readSeen, type SeenRecord, seenKey } from './seen.ts';
import type { Listed } from './store.ts';
import { StoreError } from './store.ts';

const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);

export interface MailKeys {
  /** Maildirs of entries; the first group is the maildir. */
  readonly waiting: RegExp;
  readonly notes: RegExp;
  readonly mailboxes: RegExp;
}

export const mailKinds = (fsck: Fsck, { waiting, notes, mailboxes }: MailKeys): readonly Kind[] => [
  { what: 'waiting mails', keys: waiting, check: (object) => checkWaiting(fsck, object) },
  noteKind(fsck, notes),
  { what: 'mails of people', keys: mailboxes, check: (object) => checkMailbox(fsck, object) },
  { what: 'answers', keys: /^seen\/[0-9a-f]{2}\/[0-9a-f]{32}(-\d{1,3})?$/, check: ({ key }) => checkSeen(fsck, key) },
];

/** An entry that is kept, and waits for nobody. */
export async function checkKept(fsck: Fsck, { key }: Listed): Promise<void> {
  const fault = await entryFault(fsck, key);
  if (fault !== undefined)
    await fsck.lost({ key, text: fault, means: 'a laptop that is replaced does not get it again' });
}

async function checkWaiting(fsck: Fsck, object: Listed): Promise<void> {
  const { key } = object;
  if (!parseEntryName(nameOf(key))) return misnamed(fsck, key);
  const fault = await entryFault(fsck, key);
  if (fault !== undefined)
    return fsck.lost({ key, text: fault, means: 'tell its sender, if the word beside it can name one' });
  const entry = await readEntry(fsck.store, key);
  if (entry) await checkVouched(fsck, object, entry.head.recipients);
}

/** What is wrong with an entry; undefined: nothing, or it has gone meanwhile. */
async function entryFault({ store, options }: Fsck, key: string): Promise<string | undefined> {
  try {
    const entry = await readEntry(store, key);
    if (!entry || options.quick || (await hashOf(entry.body)) === entry.head.bodyHash) return undefined;
    return `damaged: its body is not what was taken; ${whose(entry.head)}`;
  } catch (error) {
    if (!(error instanceof EntryError)) throw error;
    const head = await headOf(await store.get(key));
    return `damaged: it is not the mail that its name says${head ? `; ${whose(head)}` : ''}`;
  }
}

const whose = ({ sender, recipients }: EntryHead): string =>
  `from <${sender}> for ${recipients.slice(0, 5).join(', ')}${recipients.length > 5 ? ` and ${recipients.length - 5} more` : ''}`;

async function hashOf(body: Body): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body.read()) hash.update(chunk);
  return hash.digest('hex');
}

async function headOf(file: Body | undefined): Promise<EntryHead | undefined> {
  try {
    return file && (await readEntryHead(file, '')).head;
  } catch (error) {
    if (!(error instanceof EntryError)) throw error;
    return undefined;
  }
}

/** Its name was lost (a copy through another file system, a careless tool), and the mail itself may be whole. */
async function misnamed(fsck: Fsck, key: string): Promise<void> {
  const { store } = fsck;
  const file = await store.get(key);
  if (!file) return;
  const head = await headOf(file);
  const body = head && sliceBody(file, (await readEntryHead(file, key)).length);
  if (!head || !body || body.size !== head.size || (await hashOf(body)) !== head.bodyHash)
    return fsck.lost({
      key,
      text: 'no entry: nobody reads it',
      means: 'if it is a mail, hand it in again (agent send, or SMTP at the hub)',
    });
  const arrival = arrivalName({ peer: { name: 'fsck', relays: true }, id: mailId(head) }, 0);
  const named = `${maildirOf(key)}/new/${entryName(head, arrival, mailId(head).slice(0, 8))}`;
  await fsck.found({
    weight: 'fault',
    key,
    text: `a whole mail under a name that nobody reads; ${whose(head)}`,
    remedy: 'named as it should be: it goes on from here',
    repair: async () => {
      await writeAnew(fsck, { arrival, key: named, recipients: head.recipients });
      await store.put(named, file);
      await store.remove(key);
    },
  });
}

/** A file of a mailbox may be anybody's; only those that `accept` made have a record. */
async function checkMailbox(fsck: Fsck, object: Listed): Promise<void> {
  if (arrivalOfKey(object.key) === undefined) return;
  const file = await fsck.store.get(object.key);
  if (!file) return;
  const start = (await readBody(sliceBody(file, 0, Math.min(file.size, 4_096)), 4_096)).toString();
  const [, recipient] = /^Return-Path: <[^\n]*>\nDelivered-To: ([^\n]*)\n/.exec(start) ?? [];
  if (recipient !== undefined) await checkVouched(fsck, object, [recipient]);
}

/** Records are kept for 90 days at least; that an older mail has none is as it should be. */
const RECORD_DAYS = 90;

/** The files of one mail share a record. */
async function checkVouched(fsck: Fsck, object: Listed, recipients: readonly string[]): Promise<void> {
  const record = await seenOf(fsck, seenKey(arrivalOfKey(object.key) ?? ''));
  if (record && record !== 'damaged' && record.keys.includes(object.key)) return;
  await fsck.inTurn(() => judgeVouched(fsck, object, recipients));
}

async function judgeVouched(fsck: Fsck, object: Listed, recipients: readonly string[]): Promise<void> {
  const { store, options } = fsck;
  const { key } = object;
  const arrival = arrivalOfKey(key) ?? '';
  const record = await seenOf(fsck, seenKey(arrival));
  const onBucket = store.staging === 'in place';
  if (record && record !== 'damaged') {
    if (record.keys.includes(key)) return;
    if (record.rebuilt && options.repair) return writeAnew(fsck, { arrival, key, recipients });
    if (onBucket)
      await fsck.found({
        weight: 'note',
        key,
        text: 'left by an attempt that was given up; nobody reads it, and the hub clears it away',
      });
    return;
  }
  if (record === undefined && onBucket && !fsck.isSettled(object)) return;
  if (record === undefined && !onBucket && options.now - object.time / 1_000 > RECORD_DAYS * 86_400) return;
  const damaged = record === 'damaged' ? 'is damaged' : 'is not there';
  await fsck.found({
    weight: onBucket || record === 'damaged' ? 'fault' : 'note',
    key: seenKey(arrival),
    text: `the answer for a mail that is there (${key}) ${damaged}: ${onBucket ? 'nobody reads the mail' : 'brought again, it would be taken twice'}`,
    remedy: 'written anew from the mail',
    repair: async () => {
      if (record === 'damaged')
        await fsck.moveToLost(seenKey(arrival), 'a damaged answer; another was written from the mail');
      await writeAnew(fsck, { arrival, key, recipients });
    },
  });
}

export async function seenOf({ store }: Fsck, key: string): Promise<SeenRecord | 'damaged' | undefined> {
  try {
    return await readSeen(store, key);
  } catch (error) {
    if (!(error instanceof StoreError) || error.cause !== undefined) throw error;
    return 'damaged';
  }
}

interface Anew {
  readonly arrival: string;
  readonly key: string;
  readonly recipients: readonly string[];
}

/** A record that says yes for the recipients of the files that are there. Who sent it and under which id is not known. */
async function writeAnew(fsck: Fsck, { arrival, key, recipients }: Anew): Promise<void> {
  const before = await seenOf(fsck, seenKey(arrival));
  const kept = before && before !== 'damaged' ? before : { answers: [], keys: [] };
  const answered = new Set(kept.answers.map(([recipient]) => recipient));
  const answers = recipients
    .filter((recipient) => !answered.has(recipient))
    .map((recipient) => [recipient, 'K', 'ok'] as [string, 'K', string]);
  const record: SeenRecord = {
    peer: '',
    id: '',
    rebuilt: true,
    answers: [...kept.answers, ...answers],
    keys: [...new Set([...kept.keys, key])],
  };
  await fsck.store.put(seenKey(arrival), textBody(JSON.stringify(record)));
}

async function checkSeen(fsck: Fsck, key: string): Promise<void> {
  // The check of its mail may be writing it anew at this moment.
  if ((await seenOf(fsck, key)) === 'damaged') await fsck.inTurn(() => loseSeen(fsck, key));
}

async function loseSeen(fsck: Fsck, key: string): Promise<void> {
  if ((await seenOf(fsck, key)) !== 'damaged') return;
  await fsck.lost({
    key,
    text: 'a damaged answer: a mail of this name would be put off for ever',
    means: 'a sender who has not heard the answer brings the mail again, and it is taken',
  });
}

/** Staged files of a writer that is gone: what recovery at the next start does with each. */
export async function checkStaged(fsck: Fsck): Promise<void> {
  for await (const { key, publish } of fsck.store.strays('')) {
    const record = await seenOf(fsck, seenKey(arrivalOfKey(key) ?? ''));
    if (record !== 'damaged' && !record?.keys.includes(key)) {
      await fsck.found({
        weight: 'note',
        key,
        text: 'staged by a program that stopped before it said yes: the next start throws it away',
      });
      continue;
    }
    await fsck.found({
      weight: record === 'damaged' ? 'fault' : 'note',
      key,
      text:
        record === 'damaged'
          ? 'accepted mail, and its answer is damaged: no start succeeds'
          : 'accepted mail that a stop kept from its readers: the next start shows it',
      remedy: 'shown to its readers',
      repair: async () => {
        await publish();
        if (record !== 'damaged') return;
        const arrival = arrivalOfKey(key) ?? '';
        await fsck.moveToLost(seenKey(arrival), 'a damaged answer; another was written from the mail');
        const recipients = (await headOf(await fsck.store.get(key)))?.recipients ?? [];
        await writeAnew(fsck, { arrival, key, recipients });
      },
    });
  }
}
