/** A mail that is too large for its office, through the programs as they are shipped: summary, request, attachment. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { jpeg } from '../support/picture.ts';
import { done } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import { until } from '../support/until.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

test('a summary comes, agent fetch brings one attachment or a small picture, and plain=yes the text alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-held-'));
  closing.push(() => rm(folder, { recursive: true }));
  const hub = await HubSite.make({ folder: join(folder, 'hub'), smarthost: '127.0.0.1:1' });
  await hub.start();
  closing.push(() => hub.stop());
  const token = await hub.addOffice('herat');
  done(await hub.command(['user', 'add', 'farid@example.org', 'herat']));
  done(await hub.command(['office', 'limits', 'herat', 'hold=20KB']));
  const office = await OfficeSite.make({ folder: join(folder, 'herat'), name: 'herat', token });

  const photo = Buffer.alloc(30_000, 'photo').toString('base64').replace(/.{76}/g, '$&\r\n');
  const camera = (await jpeg(1_600, 1_200)).toString('base64').replace(/.{76}/g, '$&\r\n');
  const part = 'Content-Disposition: attachment; filename=p.jpg\r\nContent-Transfer-Encoding: base64';
  const wire = Buffer.from(
    `Message-ID: <held@x>\r\nSubject: photo\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>see <b>below</b></p>\r\n--b\r\nContent-Type: image/jpeg\r\n${part}\r\n\r\n${photo}\r\n--b\r\nContent-Type: image/jpeg\r\n${part.replace('p.jpg', 'q.jpg')}\r\n\r\n${camera}\r\n--b--\r\n`,
  );
  const session = await SmtpSession.open(hub.daemon.address('smtp'));
  closing.push(() => session.close());
  const mail = { from: 'friend@example.com', to: ['farid@example.org'], wire };
  expect(await session.send(mail)).toMatchObject({ code: 250 });
  expect((await office.sync()).line).toMatchObject({ ok: true, down: { mails: 1 } });
  const [summary] = await office.mailbox('farid');
  expect(summary?.bytes.toString()).toContain('\nsee below\n\n1  p.jpg  image/jpeg  30 KB\n');

  const { held } = JSON.parse(done(await office.command(['held', '--json'])).out);
  done(await office.command(['fetch', held[0].id, '--part', '1']));
  await until(
    async () => {
      await office.sync();
      return (await office.mailbox('farid')).length === 2 || undefined;
    },
    async () => done(await hub.command(['queue'])).out,
  );
  const texts = (await office.mailbox('farid')).map(({ bytes }) => bytes.toString());
  expect(texts.some((text) => text.includes('filename="p.jpg"') && text.includes('Subject: photo\n'))).toBe(true);

  done(await office.command(['fetch', held[0].id, '--small']));
  const small = await until(
    async () => {
      await office.sync();
      const mails = (await office.mailbox('farid')).map(({ bytes }) => bytes.toString());
      return mails.find((mail) => mail.includes('filename="q-small.jpg"'));
    },
    async () => done(await hub.command(['queue'])).out,
  );
  expect(small).toContain('Pictures of at most 1024 pixels a side. 2: ');

  done(await hub.command(['office', 'limits', 'herat', 'hold=0', 'plain=yes']));
  const html = `<p>${'a longer text '.repeat(20)}</p>`;
  const other = `Message-ID: <plain@x>\r\nSubject: html\r\nContent-Type: text/html\r\n\r\n<style>${'p{}'.repeat(200)}</style>${html}\r\n`;
  expect(await session.send({ ...mail, wire: Buffer.from(other) })).toMatchObject({ code: 250 });
  await office.sync();
  const plain = (await office.mailbox('farid'))
    .map(({ bytes }) => bytes.toString())
    .find((text) => /^Subject: html$/m.test(text));
  expect(plain).toMatch(/Content-Type: text\/plain.*a longer text a longer text.*\[text of a mail of/s);
}, 180_000);
