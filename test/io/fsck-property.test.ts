/**
 * Any damage that hits whole objects (removed, cut off, renamed), on a folder and on a bucket: after the repair the machine
 * starts, its queues drain, and each mail that was not hit itself arrives once, also when its sender brings it again.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseEntryName } from '../../shared/core/entry.ts';
import { accepted } from '../../shared/core/verdict.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import { Fsck } from '../../shared/io/fsck.ts';
import { checkStaged, mailKinds } from '../../shared/io/fsck-mail.ts';
import type { Arrival, Place } from '../../shared/io/mail.ts';
import { listEntries, openEntry, removeEntry, takeable } from '../../shared/io/maildir.ts';
import { writeNote } from '../../shared/io/note.ts';
import { recover } from '../../shared/io/recover.ts';
import type { Store } from '../../shared/io/store.ts';
import { changed, placeOf } from '../support/accept-world.ts';
import { Disk, Session } from '../support/faulty-store.ts';

const NOW = 1_795_471_464;
const LATER = NOW + 2 * 86_400;

const ROUTES: Readonly<Record<string, { readonly maildir: string; readonly form: 'entry' | 'mailbox' }>> = {
  'farid@x': { maildir: 'office/herat', form: 'entry' },
  'friend@y': { maildir: 'internet', form: 'entry' },
  'holly@x': { maildir: 'mailbox/holly', form: 'mailbox' },
};
const RECIPIENTS = Object.keys(ROUTES);

const route: Place['route'] = (_peer, sender, recipient) => ({
  verdict: accepted('ok'),
  deliveries: [{ maildir: '', form: 'entry', ...ROUTES[recipient], sender, recipient }],
});

/** All was written two days ago. */
function machine(disk: Disk) {
  const session = new Session(disk);
  const store = changed(session, {
    list: async (prefix, page) =>
      (await session.list(prefix, page)).map((listed) => ({ ...listed, time: NOW * 1_000 })),
  });
  return {
    store: { ...store, create: session.create } satisfies Store,
    place: placeOf({ ...store, create: session.create }, route),
  };
}

function arrival(number: number): Arrival {
  const body = Buffer.from(`Subject: ${number}\n\n${'text '.repeat(number * 7)}\n`);
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const mail = { sender: 'writer@z', recipients: RECIPIENTS, hops: 1, urgency: 5, body: bytesBody(body), bodyHash };
  return { peer: { name: 'office/farah', relays: true }, id: bodyHash, mail };
}

const DAMAGES = ['remove', 'cut', 'rename'] as const;
interface Damage {
  readonly what: (typeof DAMAGES)[number];
  /** Which object, in thousandths of all of them. */
  readonly at: number;
}

interface Hit {
  /** Keys, as they were at first. */
  readonly damaged: ReadonlySet<string>;
  readonly renamed: ReadonlySet<string>;
}

/** A renamed file is whole. */
function damage(disk: Disk, damages: readonly Damage[]): Hit {
  const damaged = new Set<string>();
  const names = new Map<string, string>();
  for (const [index, { what, at }] of damages.entries()) {
    const keys = [...disk.files.keys()].sort();
    const key = keys[Math.floor((at * keys.length) / 1_000)] ?? '';
    const bytes = disk.files.get(key) ?? Buffer.alloc(0);
    const first = names.get(key) ?? key;
    if (what === 'rename' && parseEntryName(first.slice(first.lastIndexOf('/') + 1)) === undefined) continue;
    if (what !== 'cut') disk.files.delete(key);
    if (what === 'cut') disk.files.set(key, bytes.subarray(0, Math.floor(bytes.length / 2)));
    if (what !== 'rename') damaged.add(first);
    else {
      const renamed = `${key.slice(0, key.lastIndexOf('/'))}/LOST${index}`;
      disk.files.set(renamed, bytes);
      names.set(renamed, first);
    }
  }
  return { damaged, renamed: new Set(names.values()) };
}

async function repair(store: Store): Promise<Fsck> {
  const fsck = new Fsck({ store, now: LATER, repair: true, alone: true, quick: false, found: () => {} });
  await checkStaged(fsck);
  await fsck.run([
    ...mailKinds(fsck, {
      waiting: /^(?:office\/herat|internet)\/(?:new|cur)\//,
      notes: /^(office\/herat|internet)\/note\//,
      mailboxes: /^mailbox\//,
    }),
    { what: 'lost', keys: /^lost\+found\// },
  ]);
  return fsck;
}

/** `recipient number` for each mail that is taken away. */
async function drain(store: Store): Promise<readonly string[]> {
  const taken: string[] = [];
  for (const maildir of ['office/herat', 'internet'])
    for (const { key } of await listEntries(store, maildir)) {
      const entry = await openEntry(store, key);
      if (!entry) continue;
      const [, number] = /^Subject: (\d+)/.exec((await readBody(entry.body)).toString()) ?? [];
      taken.push(...entry.head.recipients.map((recipient) => `${recipient} ${number}`));
      await removeEntry(store, entry);
    }
  for (const { key } of await store.list('mailbox/holly/new/')) {
    const body = (await takeable(store, key)) ? await store.get(key) : undefined;
    const [, number] = /^Subject: (\d+)/m.exec(body ? (await readBody(body)).toString() : '') ?? [];
    if (number !== undefined) taken.push(`holly@x ${number}`);
    await store.remove(key);
  }
  return taken;
}

const PEOPLE = new Map(Object.entries(ROUTES).map(([recipient, { maildir }]) => [maildir, recipient]));

test.each(['apart', 'in place'] as const)('staging %s', async (staging) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ what: fc.constantFrom(...DAMAGES), at: fc.integer({ min: 0, max: 999 }) }), {
        maxLength: 12,
      }),
      fc.boolean(),
      async (damages, senderComesAgain) => {
        const disk = new Disk(staging);
        const mails = [1, 2, 3, 4].map(arrival);
        const first = machine(disk);
        for (const mail of mails) await accept(first.place, mail, NOW);
        const numberOf = new Map<string, number>();
        for (const [index, mail] of mails.entries())
          for (const [key, bytes] of disk.files)
            if (Buffer.from(bytes).includes(`Subject: ${index + 1}\n`) && mail) numberOf.set(key, index + 1);
        for (const { name } of await listEntries(first.store, 'internet'))
          await writeNote(first.store, 'internet', name.id, { attempts: 1, nextTry: 0, settled: {} });
        const hit = damage(disk, damages);
        const whole = [...numberOf].filter(([key]) => !hit.damaged.has(key));
        const answersHit = [...hit.damaged].some((key) => key.startsWith('seen/'));
        const { store, place } = machine(disk);
        await repair(store);
        const again = await repair(store);
        expect([again.faults, again.repaired]).toEqual([0, 0]);
        await recover(place);
        const taken = [...(await drain(store))];
        if (senderComesAgain) {
          for (const mail of mails)
            expect((await accept(place, mail, LATER)).map(({ letter }) => letter)).toEqual(['K', 'K', 'K']);
          taken.push(...(await drain(store)));
        }
        for (const [key, number] of whole) {
          const person = `${PEOPLE.get(key.slice(0, key.lastIndexOf('/new/')))} ${number}`;
          const times = taken.filter((name) => name === person).length;
          // Without its name and its answer both, nothing says that it is the mail which its sender brings again.
          const mayComeTwice = senderComesAgain && answersHit && hit.renamed.has(key);
          expect([1, ...(mayComeTwice ? [2] : [])], person).toContain(times);
        }
      },
    ),
    { numRuns: 150 },
  );
});
