/** Held mail and plain text through the programs as they are shipped, with the hub's mail in a folder and in a bucket. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withoutTrace } from '../support/mails.ts';
import { openOutside } from '../support/outside.ts';
import { jpeg } from '../support/picture.ts';
import { done } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import { until } from '../support/until.ts';

const MORE = '[limits]\nmail = "150 MB"\n[held]\nper_day = "0"\n';
const LARGE_BYTES = 100_000_000;
/** The hub itself, its thread that reads requests, and what streams through: far less than the mail and its decoded parts together. */
const MEMORY_BYTES_MAX = 350_000_000;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\r\n');

const attachment = (name: string, type: string, bytes: Uint8Array): string =>
  `--b\r\nContent-Type: ${type}\r\nContent-Disposition: attachment; filename=${name}\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(bytes)}\r\n`;

const mail = (name: string, ...parts: readonly string[]): Buffer =>
  Buffer.from(
    `Message-ID: <${name}@x>\r\nSubject: ${name}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<style>${'p{}'.repeat(300)}</style><p>see <b>below</b></p>\r\n${parts.join('')}--b--\r\n`,
  );

describe.each(['folder', 's3'] as const)('store: %s', (store) => {
  const closing: (() => Promise<unknown>)[] = [];
  let hub: HubSite;
  let office: OfficeSite;

  beforeEach(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fieldpost-held-store-'));
    closing.push(() => rm(folder, { recursive: true }));
    const outside = await openOutside(store);
    closing.push(() => outside.close());
    const { address: smarthost } = outside.sink;
    hub = await HubSite.make({ folder: join(folder, 'hub'), smarthost, more: MORE, ...outside.bucket });
    await hub.start();
    closing.push(() => hub.stop());
    const token = await hub.addOffice('herat');
    done(await hub.command(['user', 'add', 'farid@example.org', 'herat']));
    office = await OfficeSite.make({ folder: join(folder, 'herat'), name: 'herat', token });
  });

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function post(wire: Buffer): Promise<void> {
    const session = await SmtpSession.open(hub.daemon.address('smtp'));
    expect(await session.send({ from: 'friend@example.com', to: ['farid@example.org'], wire })).toMatchObject({
      code: 250,
    });
    await session.close();
  }

  /** The first mail that comes which holds this text, syncing until it is there. */
  const comes = (text: string): Promise<Buffer> =>
    until(
      async () => {
        await office.sync();
        return (await office.mailbox('farid')).find(({ bytes }) => bytes.includes(text))?.bytes;
      },
      async () => done(await hub.command(['queue'])).out,
    );

  const held = async (): Promise<readonly { readonly id: string }[]> =>
    JSON.parse(done(await office.command(['held', '--json'])).out).held;

  test('parts of a held mail come, and the original of a plain one', async () => {
    done(await hub.command(['office', 'limits', 'herat', 'hold=20KB']));
    const photo = attachment('photo.jpg', 'image/jpeg', await jpeg(1_600, 1_200));
    await post(mail('bridge', photo, attachment('table.csv', 'text/csv', Buffer.alloc(9_000, 'a;b\n'))));
    expect((await comes('X-Fieldpost-Held:')).toString()).toContain('2  table.csv  text/csv  9 KB\n');
    const [{ id } = { id: '' }] = await held();
    done(await office.command(['fetch', id, '--part', '2']));
    done(await office.command(['fetch', id, '--small']));
    expect((await comes('filename="table.csv"')).toString()).toContain('Subject: bridge\n');
    expect((await comes('filename="photo-small.jpg"')).toString()).toContain('at most 1024 pixels');

    done(await hub.command(['office', 'limits', 'herat', 'hold=0', 'plain=yes']));
    await post(mail('plain'));
    const plain = (await comes('[text of a mail of')).toString();
    expect(plain).not.toContain('<style>');
    const [, to = ''] = /write "all" to (held\+\S+)\]/.exec(plain) ?? [];
    done(await office.command(['send', '-f', 'farid@example.org', to], { input: 'Subject: Re: plain\n\nall\n' }));
    expect((await comes('<b>below</b>')).toString()).toContain('Subject: plain\n');
  }, 240_000);

  test('a mail of 100 MB is held and comes when it is asked for, in bounded memory', async () => {
    done(await hub.command(['office', 'limits', 'herat', 'hold=20KB', 'plain=yes']));
    const film = mail('film', attachment('film.mp4', 'video/mp4', randomBytes(Math.floor((LARGE_BYTES / 78) * 57))));
    await post(film);
    expect((await comes('X-Fieldpost-Held:')).toString()).toContain('Subject: [held 98.7 MB] film\n');
    done(await office.command(['fetch', (await held())[0]?.id ?? '']));
    const come = await comes('film.mp4');
    const body = withoutTrace(come, ['Return-Path', 'Delivered-To', 'Received']);
    expect(body.equals(Buffer.from(film.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'))).toBe(true);
    expect(await hub.daemon.memoryPeakBytes()).toBeLessThan(MEMORY_BYTES_MAX);
  }, 400_000);
});
