/** A writer's mail that is too large for the link, through the programs as they are shipped. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { done } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

test('a mail program hands in a large mail; after the sync its writer reads why it waits', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-waits-'));
  closing.push(() => rm(folder, { recursive: true }));
  const hub = await HubSite.make({ folder: join(folder, 'hub'), smarthost: '127.0.0.1:1' });
  await hub.start();
  closing.push(() => hub.stop());
  const token = await hub.addOffice('herat');
  done(await hub.command(['user', 'add', 'farid@example.org', 'herat']));
  const more = '[[link]]\nname = "iridium"\nprice_per_mb = 100\ncurrency = "USD"\nmax_mail = "20 KB"\n';
  const office = await OfficeSite.make({ folder: join(folder, 'herat'), name: 'herat', token, more });
  expect((await office.sync()).line).toMatchObject({ ok: true });
  await office.start();
  closing.push(() => office.stop());

  const session = await SmtpSession.open(office.daemon.address('smtp'));
  closing.push(() => session.close());
  const wire = Buffer.from(`Subject: the map\r\nMessage-ID: <map@x>\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(600)}`);
  expect(await session.send({ from: 'farid@example.org', to: ['friend@example.com'], wire })).toMatchObject({
    code: 250,
  });
  const synced = done(await office.command(['sync', '--link', 'iridium', '--json']));
  expect(JSON.parse(synced.out)).toMatchObject({ ok: true, up: { mails: 0 }, waiting: { up: { mails: 1 } } });
  const [note] = await office.mailbox('farid');
  expect(note?.bytes.toString()).toContain('it is too large for iridium, which carries mails of at most 20 KB.');
  expect(note?.bytes.toString()).toMatch(/^iridium: mails of at most 20 KB; this one about \d\.\d\d USD$/m);
}, 180_000);
