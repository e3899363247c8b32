/** Postfix hands mail to the hub, and is the hub's smarthost: both ends are programs that we did not write. */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../tools/project.ts';
import { readMails, smtpForm, withoutTrace } from '../support/mails.ts';
import { hasPeer } from '../support/peers.ts';
import { type Postfix, startPostfix } from '../support/postfix.ts';
import { done, run } from '../support/program.ts';
import { HubSite, readMaildir } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import { until } from '../support/until.ts';

const isRoot = process.getuid?.() === 0;
const mails = (await readMails(`${ROOT}test/corpus/office-day`)).slice(0, 12);

describe.skipIf(!hasPeer('postfix') || !isRoot)('Postfix (needs root and the package postfix)', () => {
  let folder: string;
  let outer: Postfix;
  let inner: Postfix;
  let hub: HubSite;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fieldpost-postfix-'));
    // Postfix works as its own user, who must get through to its folders.
    await chmod(folder, 0o711);
    outer = await startPostfix({ folder: join(folder, 'outer') });
    hub = await HubSite.make({
      folder: join(folder, 'kabul'),
      smarthost: `127.0.0.1:${outer.port}`,
      more: '[[allow]]\naddress = "127.0.0.0/8"\noffice = "herat"\n',
    });
    done(await hub.command(['office', 'add', 'herat', '--domain', 'herat.example.org']));
    done(await hub.command(['user', 'add', 'akbar@example.org', 'hub']));
    await hub.start();
    inner = await startPostfix({ folder: join(folder, 'inner'), relayTo: hub.daemon.address('smtp').port });
  });

  afterAll(async () => {
    await inner?.stop();
    await hub?.stop();
    await outer?.stop();
    await rm(folder, { recursive: true });
  });

  test('what it hands over arrives, with nothing changed below its own trace lines', async () => {
    const session = await SmtpSession.open({ host: '127.0.0.1', port: inner.port });
    for (const { bytes } of mails)
      expect(
        await session.send({ from: 'friend@example.net', to: ['akbar@example.org'], wire: smtpForm(bytes).wire }),
      ).toMatchObject({ code: 250 });
    await session.close();
    const mailbox = join(hub.folder, 'store/mailbox/akbar');
    const files = await until(
      async () => {
        const found = await readMaildir(mailbox);
        return found.length >= mails.length ? found : undefined;
      },
      async () => `${await inner.queue()}\n${await inner.log()}`,
    );
    const came = files.map(({ bytes }) =>
      withoutTrace(bytes, ['Return-Path', 'Delivered-To', 'Received', 'Received, folded']),
    );
    expect(new Set(came.map(String))).toEqual(new Set(mails.map(({ bytes }) => String(smtpForm(bytes).rest))));
  });

  test('an unknown user is refused to it while it speaks to us, so that it can tell the sender', async () => {
    const session = await SmtpSession.open({ host: '127.0.0.1', port: inner.port });
    await session.send({
      from: 'friend@example.net',
      to: ['nobody@example.org'],
      wire: Buffer.from('Subject: who?\r\n\r\n'),
    });
    await session.close();
    const log = await until(
      async () => {
        const text = await inner.log();
        return text.includes('to=<nobody@example.org>') ? text : undefined;
      },
      () => inner.log(),
    );
    expect(log).toMatch(/to=<nobody@example\.org>.*dsn=5\.1\.1, status=bounced/);
  });

  test('as smarthost it gets each mail once', async () => {
    const before = (await outer.delivered()).length;
    const session = await SmtpSession.open(hub.daemon.address('smtp'));
    for (const { bytes } of mails)
      expect(
        await session.send({ from: 'akbar@example.org', to: ['friend@example.com'], wire: smtpForm(bytes).wire }),
      ).toMatchObject({ code: 250 });
    await session.close();
    const files = await until(
      async () => {
        const found = await outer.delivered();
        return found.length >= before + mails.length ? found.slice(before) : undefined;
      },
      () => outer.log(),
    );
    const came = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    for (const { bytes } of mails) {
      const [, body = ''] = String(bytes).split(/\n\n([\s\S]*)/);
      expect(came.filter((text) => text.endsWith(body))).toHaveLength(1);
    }
  });

  test.skipIf(!hasPeer('swaks'))(
    'swaks says that the hub takes mail for its users and refuses to relay for strangers',
    async () => {
      const server = hub.daemon.listen.smtp ?? '';
      const swaks = (to: string) =>
        run('/usr/bin/swaks', ['--server', server, '--from', 'friend@example.net', '--to', to, '--hide-all']);
      expect((await swaks('akbar@example.org')).code).toBe(0);
      expect((await swaks('nobody@example.org')).code).toBe(24);
    },
  );
});
