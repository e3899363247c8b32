/** Somebody moves while mail waits for them, and whatever goes wrong in between, each mail is there once. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { userCommands } from '../../hub/commands/user.ts';
import { editDirectory } from '../../hub/edit-directory.ts';
import type { Hub } from '../../hub/hub.ts';
import { writeOfficeTrips } from '../../hub/instance.ts';
import { replaceByRest } from '../../hub/move-rest.ts';
import { moveUser } from '../../hub/move-user.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import { listEntries, openEntry } from '../../shared/io/maildir.ts';
import { readNote } from '../../shared/io/note.ts';
import { type Store, StoreError } from '../../shared/io/store.ts';
import { newTripState } from '../../shared/io/trip-state.ts';
import { full, office, user } from '../support/directory.ts';
import { Disk, FAULTS, type Fault, Killed, Session } from '../support/faulty-store.ts';
import { hubOnStore, runCommand } from '../support/hub-on-store.ts';

const MAILS = [['holly'], ['holly', 'farid'], ['farid'], ['holly@herat.example.org']];

async function send(hub: Hub, recipients: readonly string[], text: string): Promise<void> {
  const bytes = Buffer.from(`Subject: ${text}\n\nhello\n`);
  const bodyHash = createHash('sha256').update(bytes).digest('hex');
  const mail = {
    sender: 's@example.com',
    recipients: recipients.map(full),
    hops: 0,
    urgency: 5,
    body: bytesBody(bytes),
    bodyHash,
  };
  const verdicts = await accept(hub.place, { peer: { name: 'smtp', relays: false }, id: text, mail }, hub.now());
  expect(verdicts.map(({ letter }) => letter)).toEqual(recipients.map(() => 'K'));
}

async function prepared(staging: Store['staging']): Promise<Disk> {
  const disk = new Disk(staging);
  const hub = await hubOnStore(new Session(disk));
  for (const edit of [
    office('herat'),
    office('mazar'),
    office('farah'),
    user('holly', 'herat'),
    user('farid', 'herat'),
  ])
    await editDirectory(hub, edit);
  for (const [index, recipients] of MAILS.entries()) await send(hub, recipients, `mail ${index}`);
  return disk;
}

/** `herat farid@herat.example.org: mail 2`, sorted, for all that waits and is not settled. */
async function waiting(disk: Disk): Promise<readonly string[]> {
  const store = new Session(disk);
  const lines: string[] = [];
  for (const name of ['herat', 'mazar', 'farah']) {
    for (const { key, name: entryName } of await listEntries(store, `office/${name}`)) {
      const entry = await openEntry(store, key);
      if (!entry) continue;
      const settled = (await readNote(store, `office/${name}`, entryName.id))?.settled ?? {};
      const text = (await readBody(entry.body)).toString();
      const [, subject] = /Subject: (.*)/.exec(text) ?? [];
      for (const to of entry.head.recipients) if (!settled[to]) lines.push(`${name} ${to}: ${subject}`);
    }
  }
  return lines.sort();
}

const postedTo = (post: string): readonly string[] => [
  `${post} holly@${post}.example.org: mail 0`,
  `${post} holly@${post}.example.org: mail 1`,
  `${post} holly@${post}.example.org: mail 3`,
];
const FARIDS = ['herat farid@herat.example.org: mail 1', 'herat farid@herat.example.org: mail 2'];

describe.each(['apart', 'in place'] as const)('staging %s', (staging) => {
  test('her mail moves, his stays', async () => {
    const disk = await prepared(staging);
    const result = await moveUser(await hubOnStore(new Session(disk)), full('holly'), 'mazar');
    expect(result).toEqual({ moved: 3, inFlight: 0, left: 0 });
    expect(await waiting(disk)).toEqual([...FARIDS, ...postedTo('mazar')].sort());
    expect([...disk.files.keys()].filter((key) => key.startsWith('moving/'))).toEqual([]);
  });

  test('before an entry travels, who has moved is taken out of it', async () => {
    const disk = await prepared(staging);
    const hub = await hubOnStore(new Session(disk));
    await moveUser(hub, full('holly'), 'mazar');
    for (const listed of await listEntries(hub.store, 'office/herat'))
      await replaceByRest(hub, 'herat', listed, await readNote(hub.store, 'office/herat', listed.name.id));
    const recipients: string[] = [];
    for (const { key } of await listEntries(hub.store, 'office/herat'))
      recipients.push(...((await openEntry(hub.store, key))?.head.recipients ?? []));
    expect(recipients).toEqual(['farid@herat.example.org', 'farid@herat.example.org']);
    expect(await waiting(disk)).toEqual([...FARIDS, ...postedTo('mazar')].sort());
  });

  test('there and back again: nothing is taken for a repetition', async () => {
    const disk = await prepared(staging);
    const hub = await hubOnStore(new Session(disk));
    for (const post of ['mazar', 'herat', 'mazar', 'herat', 'farah'])
      expect(await moveUser(hub, full('holly'), post)).toEqual({ moved: 3, inFlight: 0, left: 0 });
    expect(await waiting(disk)).toEqual([...FARIDS, ...postedTo('farah')].sort());
  });

  test('to the hub: into the mailbox', async () => {
    const disk = await prepared(staging);
    await moveUser(await hubOnStore(new Session(disk)), full('holly'), 'hub');
    expect(await waiting(disk)).toEqual(FARIDS);
    expect([...disk.files.keys()].filter((key) => key.startsWith('mailbox/holly/new/'))).toHaveLength(3);
  });

  test('at every write, whatever happens to it, and then on to farah', async () => {
    const whole = new Session(await prepared(staging));
    await moveUser(await hubOnStore(whole), full('holly'), 'mazar');
    expect(whole.writes).toBeGreaterThan(12);
    for (let write = 1; write <= whole.writes; write++)
      for (const fault of FAULTS) await interrupted(staging, write, fault);
  });
});

async function interrupted(staging: Store['staging'], write: number, fault: Fault): Promise<void> {
  const disk = await prepared(staging);
  const session = new Session(disk, { faults: new Map([[write, fault]]) });
  try {
    await moveUser(await hubOnStore(session), full('holly'), 'mazar');
  } catch (error) {
    if (!(error instanceof Killed || error instanceof StoreError)) throw error;
  }
  session.kill();
  const hub = await hubOnStore(new Session(disk));
  await moveUser(hub, full('holly'), 'farah');
  expect({ write, fault, waiting: await waiting(disk) }).toEqual({
    write,
    fault,
    waiting: [...FARIDS, ...postedTo('farah')].sort(),
  });
}

test('what the office may have already stays there, and is said', async () => {
  const disk = await prepared('apart');
  const hub = await hubOnStore(new Session(disk));
  const [first] = await listEntries(hub.store, 'office/herat');
  const state = newTripState('0'.repeat(16));
  await writeOfficeTrips(hub, 'herat', {
    ...state,
    ledger: { ...state.ledger, next: 2, open: [[1, { keys: [first?.key ?? ''] }]] },
  });
  const { out, code } = await runCommand(userCommands, hub, 'user move holly mazar');
  expect(code).toBe(0);
  const moved = (await waiting(disk)).filter((line) => line.startsWith('mazar'));
  expect(out.join('\n')).toMatch(new RegExp(`${moved.length} waiting mails have moved`));
  expect((await openEntry(hub.store, first?.key ?? ''))?.id).toBe(first?.name.id);
});

test('more than one page of mail', async () => {
  const disk = await prepared('apart');
  const hub = await hubOnStore(new Session(disk));
  for (let index = 0; index < 450; index++) await send(hub, index % 3 === 0 ? ['farid'] : ['holly'], `more ${index}`);
  expect(await moveUser(hub, full('holly'), 'mazar')).toEqual({ moved: 303, inFlight: 0, left: 0 });
  expect((await waiting(disk)).filter((line) => line.includes('holly@herat'))).toEqual([]);
});
