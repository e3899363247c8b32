import { describe, expect, test } from 'vitest';
import { EntryError } from '../../shared/core/entry.ts';
import { accepted } from '../../shared/core/verdict.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody, readBody, textBody } from '../../shared/io/body.ts';
import { countMaildir, listEntries, openEntry, removeEntry, takeable } from '../../shared/io/maildir.ts';
import { noteKey, readNote, writeNote } from '../../shared/io/note.ts';
import { recover } from '../../shared/io/recover.ts';
import { StoreError } from '../../shared/io/store.ts';
import { arrivalOf, placeOf } from '../support/accept-world.ts';
import { Disk, Killed, Session } from '../support/faulty-store.ts';

const NOW = 1_795_471_464;
const OUT = 'office/herat';

const place = (store: Session, maildir = OUT) =>
  placeOf(store, (_peer, sender, recipient) => ({
    verdict: accepted('ok'),
    deliveries: [{ maildir, form: maildir.startsWith('mailbox/') ? 'mailbox' : 'entry', sender, recipient }],
  }));

/** `count` mails, the later ones accepted earlier. */
async function fill(store: Session, count: number, size = 10): Promise<void> {
  for (let n = 0; n < count; n++)
    await accept(place(store), { ...arrivalOf(['a@x'], Buffer.alloc(size, `${n} `)), id: `${n}` }, NOW - n);
}

const first = async (store: Session) => {
  const [entry] = await listEntries(store, OUT);
  if (!entry) throw new Error('no entry');
  return entry;
};

describe('listing', () => {
  test('gives urgent mail first, then small before large, then old before new', async () => {
    const store = new Session(new Disk('apart'));
    const mails = [
      { urgency: 8, size: 10, at: 0 },
      { urgency: 5, size: 100_000, at: 1 },
      { urgency: 5, size: 10, at: 3 },
      { urgency: 5, size: 10, at: 2 },
      { urgency: 1, size: 100_000, at: 4 },
    ];
    for (const { urgency, size, at } of mails) {
      const arrival = arrivalOf(['a@x'], Buffer.alloc(size));
      await accept(place(store), { ...arrival, id: `${at}`, mail: { ...arrival.mail, urgency } }, NOW + at);
    }
    const order = (await listEntries(store, OUT)).map(({ name }) => name.accepted - NOW);
    expect(order).toEqual([4, 2, 3, 1, 0]);
  });

  test('goes page by page, over files that are no mail and files that a mail program has moved', async () => {
    const store = new Session(new Disk('apart'));
    await fill(store, 25);
    const keys = (await listEntries(store, OUT)).map(({ key }) => key);
    for (const key of keys.slice(3, 9)) {
      await store.put(`${key.replace('/new/', '/cur/')}:2,S`, bytesBody(store.disk.files.get(key) as Uint8Array));
      await store.remove(key);
    }
    for (let n = 0; n < 12; n++) await store.put(`${OUT}/new/${n}.foreign`, textBody('x'));
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await listEntries(store, OUT, { limit: 4, ...(after === undefined ? {} : { after }) });
      seen.push(...page.map(({ name }) => name.id));
      after = page.at(-1)?.key;
      if (page.length < 4) break;
    }
    expect(new Set(seen).size).toBe(25);
    expect(seen).toHaveLength(25);
  });

  test('counts, and tells of a file that is no mail', async () => {
    const store = new Session(new Disk('apart'));
    expect(await countMaildir(store, OUT)).toEqual({ mails: 0, bytes: 0 });
    await fill(store, 3);
    const bytes = [...store.disk.files]
      .filter(([key]) => key.startsWith(OUT))
      .reduce((sum, [, file]) => sum + file.length, 0);
    await store.put(`${OUT}/new/README`, textBody('x'));
    expect(await countMaildir(store, OUT)).toEqual({ mails: 3, bytes, oldest: NOW - 2, foreign: `${OUT}/new/README` });
  });
});

describe('opening', () => {
  test('a mail that is gone is undefined', async () => {
    const store = new Session(new Disk('apart'));
    await fill(store, 1);
    const { key } = await first(store);
    await store.remove(key);
    expect(await openEntry(store, key)).toBeUndefined();
  });

  test('a damaged file is said, not sent', async () => {
    const store = new Session(new Disk('apart'));
    await fill(store, 1);
    const { key } = await first(store);
    const bytes = Buffer.from(store.disk.files.get(key) as Uint8Array);
    const damaged = {
      'cut off in the body': bytes.subarray(0, -1),
      'cut off in the block': bytes.subarray(0, 40),
      empty: Buffer.alloc(0),
      'another recipient': Buffer.from(bytes.toString().replace('a@x', 'b@x')),
      'no entry': Buffer.from('Subject: x\n\ny\n'),
    };
    for (const [what, file] of Object.entries(damaged)) {
      store.disk.files.set(key, file);
      await expect(openEntry(store, key), what).rejects.toThrow(EntryError);
    }
  });

  test('a block of many recipients is read whole', async () => {
    const store = new Session(new Disk('apart'));
    const recipients = Array.from({ length: 3000 }, (_, n) => `recipient-${n}@example.org`);
    await accept(place(store), arrivalOf(recipients), NOW);
    const entry = await openEntry(store, (await first(store)).key);
    expect(entry?.head.recipients).toEqual(recipients);
    expect(entry && (await readBody(entry.body)).toString()).toContain('at four');
  });
});

describe('on a bucket, where a file is seen before it is vouched for', () => {
  /** Killed right before the record is written. */
  async function stagedOnly(maildir: string): Promise<{ readonly store: Session; readonly key: string }> {
    const disk = new Disk('in place');
    const faulty = new Session(disk, { faults: new Map([[2, 'killed before']]) });
    await expect(accept(place(faulty, maildir), arrivalOf(['a@x']), NOW)).rejects.toThrow(Killed);
    const [key = ''] = [...disk.files.keys()];
    return { store: new Session(disk), key };
  }

  test.each([OUT, 'mailbox/holly'])('nobody takes a file of %s without its record', async (maildir) => {
    const { store, key } = await stagedOnly(maildir);
    expect(key).toContain(`${maildir}/new/`);
    expect(await takeable(store, key)).toBe(false);
    await accept(place(store, maildir), arrivalOf(['a@x']), NOW);
    const keys = (await store.list(`${maildir}/new/`)).map((listed) => listed.key);
    expect(keys).toHaveLength(2);
    const takes = await Promise.all(keys.map((each) => takeable(store, each)));
    expect(takes.filter(Boolean)).toHaveLength(1);
    expect(await takeable(store, key)).toBe(false);
  });

  test('an entry without its record does not open', async () => {
    const { store, key } = await stagedOnly(OUT);
    expect(await openEntry(store, key)).toBeUndefined();
  });
});

describe('notes', () => {
  const note = {
    attempts: 3,
    nextTry: NOW,
    settled: { ['__proto__']: { letter: 'K', text: 'ok' }, 'b@x': { letter: 'D', text: 'no (#5.1.1)' } },
    lastError: 'connection refused',
    told: true,
  } as const;

  test('are read as they were written, whatever a recipient is called', async () => {
    const store = new Session(new Disk('apart'));
    expect(await readNote(store, OUT, 'id')).toBeUndefined();
    await writeNote(store, OUT, 'id', note);
    const found = await readNote(store, OUT, 'id');
    expect(found).toEqual(note);
    expect(Object.hasOwn(found?.settled ?? {}, '__proto__')).toBe(true);
  });

  test('a damaged one is said: losing it would send the mail again', async () => {
    const store = new Session(new Disk('apart'));
    await store.put(noteKey(OUT, 'id'), textBody('{"attempts":1'));
    await expect(readNote(store, OUT, 'id')).rejects.toThrow(StoreError);
  });

  test('go after their entry', async () => {
    const store = new Session(new Disk('apart'));
    await fill(store, 1);
    const { key, name } = await first(store);
    await writeNote(store, OUT, name.id, note);
    const order: string[] = [];
    const watched = { ...store, staging: store.staging, remove: async (each: string) => void order.push(each) };
    await removeEntry(watched as unknown as Session, { key, id: name.id });
    expect(order).toEqual([key, noteKey(OUT, name.id)]);
  });
});

test('after a stop, what was accepted is published and wakes its reader; what was not is dropped', async () => {
  const disk = new Disk('apart');
  const told: string[] = [];
  for (const [write, id] of [
    [2, 'before the record'],
    [3, 'before publication'],
  ] as const) {
    const faulty = new Session(disk, { faults: new Map([[write, 'killed before']]) });
    await expect(accept(place(faulty), { ...arrivalOf(['a@x']), id }, NOW)).rejects.toThrow(Killed);
  }
  expect(disk.staged.size).toBe(2);
  const store = new Session(disk);
  await recover({ ...place(store), published: (maildir) => void told.push(maildir) });
  expect(disk.staged.size).toBe(0);
  expect(await listEntries(store, OUT)).toHaveLength(1);
  expect(told).toEqual([OUT]);
});
