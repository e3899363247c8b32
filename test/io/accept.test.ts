import { describe, expect, test } from 'vitest';
import type { Delivery, Routed } from '../../shared/core/delivery.ts';
import { accepted, deferred, refused } from '../../shared/core/verdict.ts';
import { accept, HOPS_MAX } from '../../shared/io/accept.ts';
import { type Body, readBody } from '../../shared/io/body.ts';
import type { Place } from '../../shared/io/mail.ts';
import { listEntries, openEntry } from '../../shared/io/maildir.ts';
import { StoreError } from '../../shared/io/store.ts';
import { arrivalOf, BODY, changed, placeOf } from '../support/accept-world.ts';
import { Disk, Session } from '../support/faulty-store.ts';

const NOW = 1_795_471_464;

/** `a@office/herat.x` goes to that maildir as an entry, `a@mailbox/holly.x` to that mailbox, others are unknown. */
function route(sender: string, recipient: string): Routed {
  const [, maildir = ''] = /@(.*)\.x$/.exec(recipient) ?? [];
  if (maildir === '') return { verdict: refused('no such user (#5.1.1)'), deliveries: [] };
  const form = maildir.startsWith('mailbox/') ? 'mailbox' : 'entry';
  return { verdict: accepted('ok'), deliveries: [{ maildir, form, sender, recipient }] };
}

function machine(change: Partial<Place> = {}): { readonly store: Session; readonly place: Place } {
  const store = new Session(new Disk('apart'));
  return { store, place: { ...placeOf(store, (_peer, sender, recipient) => route(sender, recipient)), ...change } };
}

async function entriesOf(store: Session, maildir: string) {
  const opened = await Promise.all((await listEntries(store, maildir)).map(({ key }) => openEntry(store, key)));
  return opened.flatMap((entry) => (entry ? [entry] : []));
}

async function filesOf(store: Session, maildir: string): Promise<readonly string[]> {
  const bodies = await Promise.all((await store.list(`${maildir}/new/`)).map(({ key }) => store.get(key)));
  return Promise.all(bodies.map(async (body) => (await readBody(body as Body)).toString()));
}

const letters = (verdicts: readonly { readonly letter: string }[]): string =>
  verdicts.map(({ letter }) => letter).join('');

describe('copies', () => {
  test('three hundred recipients over three offices are three entries', async () => {
    const { store, place } = machine();
    const offices = ['office/herat', 'office/mazar', 'office/farah'];
    const recipients = Array.from({ length: 300 }, (_, n) => `user${n}@${offices[n % 3]}.x`);
    expect(letters(await accept(place, arrivalOf(recipients), NOW))).toBe('K'.repeat(300));
    for (const [index, office] of offices.entries()) {
      const [entry, ...more] = await entriesOf(store, office);
      expect(more).toEqual([]);
      expect(entry?.head.recipients).toEqual(recipients.filter((_, n) => n % 3 === index));
      expect(entry?.head).toMatchObject({ sender: 'writer@example.net', hops: 2, urgency: 5, accepted: NOW });
      expect(await readBody(entry?.body as Body)).toEqual(BODY);
    }
  });

  test('a mailbox shows nobody else', async () => {
    const { store, place } = machine();
    await accept(place, arrivalOf(['holly@mailbox/holly.x', 'secret@mailbox/akbar.x', 'bcc@office/herat.x']), NOW);
    const [mail, ...more] = await filesOf(store, 'mailbox/holly');
    expect(more).toEqual([]);
    expect(mail).toBe(`Return-Path: <writer@example.net>\nDelivered-To: holly@mailbox/holly.x\n${BODY}`);
  });

  test('a person has one copy, however many addresses lead there', async () => {
    const { store, place } = machine();
    await accept(place, arrivalOf(['holly@mailbox/holly.x', 'it@mailbox/holly.x', 'holly@mailbox/holly.x']), NOW);
    expect(await filesOf(store, 'mailbox/holly')).toHaveLength(1);
  });

  test('a list with an owner goes on under its own sender', async () => {
    const owned = (delivery: Delivery): Delivery => ({ ...delivery, sender: 'owner@office/herat.x' });
    const { store, place } = machine({
      route: (_peer, sender, recipient) => {
        const { verdict, deliveries } = route(sender, recipient);
        return { verdict, deliveries: recipient.startsWith('list') ? deliveries.map(owned) : deliveries };
      },
    });
    await accept(place, arrivalOf(['list@office/herat.x', 'a@office/herat.x', 'b@office/herat.x']), NOW);
    const heads = (await entriesOf(store, 'office/herat')).map(({ head }) => [head.sender, head.recipients.join()]);
    expect(heads.sort()).toEqual([
      ['owner@office/herat.x', 'list@office/herat.x'],
      ['writer@example.net', 'a@office/herat.x,b@office/herat.x'],
    ]);
  });

  test('recipients that one entry has no room for make two', async () => {
    const { store, place } = machine();
    const recipients = Array.from({ length: 1200 }, (_, n) => `${n}${'x'.repeat(900)}@internet.x`);
    expect(letters(await accept(place, arrivalOf(recipients), NOW))).toBe('K'.repeat(1200));
    const entries = await entriesOf(store, 'internet');
    expect(entries.flatMap(({ head }) => head.recipients).sort()).toEqual([...recipients].sort());
    expect(entries.length).toBeGreaterThan(1);
  });
});

describe('answers', () => {
  test('one for each recipient, in order, and the same again', async () => {
    const { store, place } = machine();
    const arrival = arrivalOf(['nobody', 'a@internet.x', 'x\n@internet.x', 'a@internet.x']);
    const first = await accept(place, arrival, NOW);
    expect(letters(first)).toBe('DKDK');
    expect(first[0]?.text).toContain('#5.1.1');
    expect(first[1]?.text).toMatch(/^ok 1795471464 qp [0-9a-f]{8}$/);
    expect(first[2]?.text).toContain('#5.1.3');
    expect(await accept(place, arrival, NOW + 1000)).toEqual(first);
    expect(await listEntries(store, 'internet')).toHaveLength(1);
  });

  test('an answer stays, whatever the tables say later', async () => {
    const { store } = machine();
    const arrival = arrivalOf(['nobody', 'a@internet.x']);
    const before = placeOf(store, (_peer, sender, recipient) => route(sender, recipient));
    const after = placeOf(store, (_peer, sender) => route(sender, 'b@office/herat.x'));
    const first = await accept(before, arrival, NOW);
    expect(await accept(after, arrival, NOW)).toEqual(first);
    expect(await listEntries(store, 'office/herat')).toEqual([]);
  });

  test('a sender that breaks a header line is refused for all', async () => {
    const { place } = machine();
    const arrival = arrivalOf(['a@internet.x', 'b@internet.x']);
    const odd = { ...arrival, mail: { ...arrival.mail, sender: 'x\nBcc: y' } };
    expect((await accept(place, odd, NOW)).map(({ text }) => text)).toEqual([
      'sender: address holds a control character (#5.1.7)',
      'sender: address holds a control character (#5.1.7)',
    ]);
  });

  test('a mail that goes round ends', async () => {
    const { store, place } = machine();
    const { peer, id, mail } = arrivalOf(['a@internet.x']);
    const last = { peer, id, mail: { ...mail, hops: HOPS_MAX - 1 } };
    expect(letters(await accept(place, last, NOW))).toBe('K');
    const [entry] = await entriesOf(store, 'internet');
    expect(entry?.head.hops).toBe(HOPS_MAX);
    const [verdict] = await accept(place, { peer, id: '0'.repeat(64), mail: { ...mail, hops: HOPS_MAX } }, NOW);
    expect(verdict).toMatchObject({ letter: 'D', text: expect.stringContaining('#5.4.6') });
  });

  test('a mail that comes back by another way is another mail', async () => {
    const { store, place } = machine();
    const arrival = arrivalOf(['a@internet.x']);
    await accept(place, arrival, NOW);
    await accept(place, { ...arrival, peer: { name: 'office/mazar', relays: true } }, NOW);
    expect(await listEntries(store, 'internet')).toHaveLength(2);
  });

  test('strangers who are refused leave nothing in the store; our own machines hear the same again', async () => {
    const { store, place } = machine();
    const arrival = arrivalOf(['nobody']);
    await accept(place, { ...arrival, peer: { name: 'smtp', relays: false } }, NOW);
    expect(store.disk.files.size).toBe(0);
    const first = await accept(place, arrival, NOW);
    const later = placeOf(store, (_peer, sender) => route(sender, 'a@internet.x'));
    expect(await accept(later, arrival, NOW)).toEqual(first);
  });

  test('a recipient named like a part of JavaScript is remembered as well', async () => {
    const { store, place } = machine();
    const arrival = arrivalOf(['__proto__', 'constructor', '__proto__@internet.x']);
    const first = await accept(place, arrival, NOW);
    expect(letters(first)).toBe('DDK');
    expect(await accept(place, arrival, NOW)).toEqual(first);
    expect(await listEntries(store, 'internet')).toHaveLength(1);
  });

  test('tables that accept and deliver nothing are said, and nothing is lost', async () => {
    const said: string[] = [];
    const { place } = machine({
      route: () => ({ verdict: accepted('ok'), deliveries: [] }),
      log: { info: () => {}, warn: () => {}, error: (event) => void said.push(event) },
    });
    expect(letters(await accept(place, arrivalOf(['a@internet.x']), NOW))).toBe('Z');
    expect(said).toEqual(['the tables accept a recipient and send it nowhere']);
  });
});

describe('trouble', () => {
  test('a store that fails defers everyone, says it once, and leaves nothing behind', async () => {
    const said: string[] = [];
    const { store, place } = machine();
    let stages = 0;
    const full = changed(store, {
      stage: async (key, body) => {
        stages += 1;
        if (stages === 3) throw new StoreError('the disk is full');
        await store.stage(key, body);
      },
    });
    const log = { info: () => {}, warn: (event: string) => void said.push(event), error: () => {} };
    const recipients = ['nobody', 'a@office/herat.x', 'b@office/mazar.x', 'c@internet.x'];
    expect(letters(await accept({ ...place, store: full, log }, arrivalOf(recipients), NOW))).toBe('ZZZZ');
    expect(said).toEqual(['a mail could not be stored']);
    expect(store.disk.staged.size + store.disk.files.size).toBe(0);
    expect(letters(await accept(place, arrivalOf(recipients), NOW))).toBe('DKKK');
  });

  test('who has to wait is answered in a later round, the others have theirs', async () => {
    let ready = false;
    const { store, place } = machine({
      route: (_peer, sender, recipient) =>
        recipient.startsWith('later') && !ready
          ? { verdict: deferred('not yet (#4.2.1)'), deliveries: [] }
          : route(sender, recipient),
    });
    const arrival = arrivalOf(['a@internet.x', 'later@internet.x']);
    const [first, wait] = await accept(place, arrival, NOW);
    expect(wait).toEqual(deferred('not yet (#4.2.1)'));
    ready = true;
    const [again, done] = await accept(place, arrival, NOW + 60);
    expect(again).toEqual(first);
    expect(done?.letter).toBe('K');
    const heads = (await entriesOf(store, 'internet')).map(({ head }) => head.recipients);
    expect(heads.sort()).toEqual([['a@internet.x'], ['later@internet.x']]);
  });

  test('one mail that comes in many times at once is one mail', async () => {
    const { store, place } = machine();
    const all = await Promise.all(Array.from({ length: 20 }, () => accept(place, arrivalOf(['a@internet.x']), NOW)));
    expect(new Set(all.map((verdicts) => verdicts[0]?.text)).size).toBe(1);
    expect(await listEntries(store, 'internet')).toHaveLength(1);
  });

  test('two processes with one store and one mail: one of them writes it', async () => {
    for (const staging of ['apart', 'in place'] as const) {
      const disk = new Disk(staging);
      const places = [1, 2, 3].map(() => placeOf(new Session(disk), (_peer, sender, to) => route(sender, to)));
      const all = await Promise.all(places.map((place, n) => accept(place, arrivalOf(['a@internet.x']), NOW + n)));
      expect(new Set(all.map(([verdict]) => verdict?.text)).size).toBe(1);
      expect([...disk.files.keys()].filter((key) => key.startsWith('internet/'))).toHaveLength(1);
      expect(disk.staged.size).toBe(0);
    }
  });

  test('a record that is damaged defers, it does not double', async () => {
    const { store, place } = machine();
    const arrival = arrivalOf(['a@internet.x']);
    await accept(place, arrival, NOW);
    for (const key of store.disk.files.keys())
      if (key.startsWith('seen/')) store.disk.files.set(key, Buffer.from('{"peer":'));
    expect(letters(await accept(place, arrival, NOW))).toBe('Z');
  });

  test('whoever waits for a maildir is told once it is there', async () => {
    const told: string[] = [];
    const { place } = machine({ published: (maildir) => void told.push(maildir) });
    await accept(place, arrivalOf(['a@internet.x', 'b@internet.x', 'c@office/herat.x']), NOW);
    expect(told.sort()).toEqual(['internet', 'office/herat']);
  });
});
