/** What a trip chooses on a bucket, where files of attempts that were given up lie beside the mail. */
import { expect, test } from 'vitest';
import { Ledger } from '../../shared/core/trip-ledger.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import type { Place } from '../../shared/io/mail.ts';
import { Outbox } from '../../shared/io/outbox.ts';
import { Disk, Session } from '../support/faulty-store.ts';

test.each(['00000000', 'ffffffff'])('a mail goes though a file of the attempt %s has its id', async (attempt) => {
  const store = new Session(new Disk('in place'));
  const place: Place = {
    store,
    hostname: 'kabul.example.org',
    log: { info: () => {}, warn: () => {}, error: () => {} },
    route: (_peer, sender, recipient) => ({
      verdict: { letter: 'K', text: 'ok' },
      deliveries: [{ maildir: 'office/herat', form: 'entry', sender, recipient }],
    }),
  };
  const body = bytesBody(Buffer.from('Subject: x\n\ntext\n'));
  const mail = { sender: 'a@b', recipients: ['c@d'], hops: 0, urgency: 5, body, bodyHash: 'a'.repeat(64) };
  await accept(place, { peer: { name: 'smtp', relays: true }, id: 'one', mail }, 1_795_000_000);
  const [entry] = await store.list('office/herat/new/');
  const bytes = await store.get(entry?.key ?? '');
  const stray = `${entry?.key.slice(0, -attempt.length)}${attempt}`;
  await store.put(stray, bytesBody(bytes ? await readBody(bytes) : Buffer.alloc(0)));
  const outbox = new Outbox({
    place,
    maildir: 'office/herat',
    ledger: new Ledger(),
    offerBytesMax: 0,
    groupBytes: () => 0,
    now: () => 1_795_000_000,
  });
  expect(await outbox.choose()).toMatchObject({ keys: [entry?.key] });
  expect(await outbox.choose()).toBeUndefined();
});
