/**
 * A domain that headquarters' own mail server and the hub share, with Postfix as that server: the MX is the hub, and the MX is Postfix.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startRelay } from '../../hub/relay.ts';
import { startSmtp } from '../../hub/smtp.ts';
import { listEntries, openEntry } from '../../shared/io/maildir.ts';
import { office, user } from '../support/directory.ts';
import { hasPeer } from '../support/peers.ts';
import { startPostfix } from '../support/postfix.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { freePort } from '../support/sites.ts';
import { until } from '../support/until.ts';
import { wholeHub } from '../support/whole-hub.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** farid is at Herat, everybody else of example.org at headquarters. */
async function sharedDomain() {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-hq-'));
  closing.push(() => rm(folder, { recursive: true }));
  const hubPort = await freePort();
  const headquarters = await startPostfix({
    folder,
    more: `virtual_mailbox_domains = example.org\ntransport_maps = inline:{ {farid@example.org=smtp:[127.0.0.1]:${hubPort}} }\nvirtual_mailbox_maps = inline:{ {ann@example.org=all/}, {farid@example.org=all/} }\nlocal_recipient_maps =\n`,
  });
  closing.push(() => headquarters.stop());
  const { hub, close } = await wholeHub({
    toml: `[listen]\nsmtp = "127.0.0.1:${hubPort}"\n[relay.routes]\n"example.org" = "127.0.0.1:${headquarters.port}"\n`,
    edits: [office('herat'), user('farid', 'herat'), { do: 'user.add', address: '@example.org', post: 'internet' }],
  });
  closing.push(close);
  const relay = startRelay(hub);
  closing.push(() => relay.close(0));
  const [smtp] = await startSmtp(hub);
  closing.push(async () => smtp?.close(0));
  const atHerat = async () => {
    const entries = await Promise.all(
      (await listEntries(hub.store, 'office/herat')).map(({ key }) => openEntry(hub.store, key)),
    );
    return entries.map((entry) => entry?.head.recipients.join());
  };
  return { headquarters, hubPort, atHerat };
}

async function send(port: number, to: string): Promise<string> {
  const client = await RawSmtp.open(`127.0.0.1:${port}`);
  expect(await client.begin('friend@example.com', [to])).toMatch(/^354/);
  client.send(`Subject: to ${to}\r\nMessage-ID: <${to}>\r\n\r\nhello\r\n.\r\n`);
  const reply = await client.reply();
  client.hangUp();
  return reply;
}

describe.skipIf(!hasPeer('postfix') || process.getuid?.() !== 0)('a shared domain', () => {
  test('the MX is the hub: who is at headquarters is handed on to its server', async () => {
    const { headquarters, hubPort, atHerat } = await sharedDomain();
    expect(await send(hubPort, 'ann@example.org')).toMatch(/^250/);
    expect(await send(hubPort, 'farid@example.org')).toMatch(/^250/);
    expect(await atHerat()).toEqual(['farid@herat.example.org']);
    const path = await until(
      async () => (await headquarters.delivered())[0],
      () => headquarters.log(),
    );
    expect(await readFile(path, 'utf8')).toMatch(
      /^Return-Path: <SRS0=.*=example\.com=friend@example\.org>\n(.*\n)*Subject: to ann@example\.org\n/,
    );
  });

  test('the MX is headquarters: who is in the field is handed on to the hub', async () => {
    const { headquarters, atHerat } = await sharedDomain();
    expect(await send(headquarters.port, 'farid@example.org')).toMatch(/^250/);
    expect(
      await until(
        async () => (await atHerat())[0],
        () => headquarters.log(),
      ),
    ).toBe('farid@herat.example.org');
  });
});
