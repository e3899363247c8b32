import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { LinkConfig } from '../../agent/config.ts';
import { sync } from '../../agent/sync.ts';
import { readParts } from '../../hub/mail-parts.ts';
import { replaceByPlain } from '../../hub/plain.ts';
import { composePlain, kindOf, trimHeader } from '../../hub/plain-mail.ts';
import { answerRequests } from '../../hub/requests.ts';
import { DEFAULT_LIMITS } from '../../shared/core/directory.ts';
import { headerBlock } from '../../shared/core/headers.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { readNote, writeNote } from '../../shared/io/note.ts';
import { HERAT, type SyncPair, syncPair } from '../support/sync-office.ts';

const LOGO = Buffer.alloc(6_000, 'logo');
const TABLE = Buffer.alloc(3_000, 'a;b;c\n');
const TRACES = Array.from(
  { length: 10 },
  (_, n) => `Received: from relay${n}.example.net by mx${n}.example.com; today`,
);
const MAIL = Buffer.from(
  [
    ...TRACES,
    'DKIM-Signature: v=1; a=rsa-sha256; d=example.com;',
    `\tb=${'x'.repeat(300)}`,
    'Disposition-Notification-To: <friend@example.com>',
    'From: Friend <friend@example.com>',
    'Subject: a long',
    '\tsubject',
    'Message-ID: <plain@example.com>',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="m"',
    '',
    '--m',
    'Content-Type: multipart/related; boundary="r"',
    '',
    '--r',
    'Content-Type: text/html; charset=utf-8',
    '',
    `<p>We meet at <b>four</b>, as größer.</p><img src="cid:logo"><img src="https://track.example.com/p.gif">`,
    '--r',
    'Content-Type: image/png; name="logo.png"',
    'Content-ID: <logo>',
    'Content-Disposition: inline; filename="logo.png"',
    'Content-Transfer-Encoding: base64',
    '',
    LOGO.toString('base64').replace(/.{76}/g, '$&\n'),
    '--r--',
    '--m',
    'Content-Type: text/csv',
    'Content-Disposition: attachment; filename="table.csv"',
    'Content-Transfer-Encoding: base64',
    '',
    TABLE.toString('base64').replace(/.{76}/g, '$&\n'),
    '--m--',
    '',
  ].join('\n'),
);

describe('over trips', () => {
  let pair: SyncPair;
  afterEach(() => pair.close());

  const start = async (plain: boolean): Promise<void> => {
    pair = await syncPair({ tables: true, office: { ...HERAT, limits: { ...DEFAULT_LIMITS, plain } } });
  };

  async function post(bytes: Buffer, sender = 'friend@example.com'): Promise<void> {
    const { hub } = pair;
    const bodyHash = createHash('sha256').update(bytes).digest('hex');
    const recipients = ['farid@example.org', 'holly@example.org'];
    const mail = { sender, recipients, hops: 0, urgency: 5, body: bytesBody(bytes), bodyHash };
    await accept(hub.place, { peer: { name: 'smtp', relays: false }, id: bodyHash, mail }, hub.now());
  }

  async function mailbox(name = 'farid'): Promise<readonly string[]> {
    const folder = join(pair.agent.config.data, `users/${name}/new`);
    const names = await readdir(folder).catch(() => []);
    const files = await Promise.all(names.map((file) => readFile(join(folder, file), 'utf8')));
    return files.sort((a, b) => a.length - b.length);
  }

  async function ask(text: string, to: string): Promise<void> {
    const { place, now } = pair.agent;
    const bytes = Buffer.from(`Message-ID: <ask-${text}@x>\n\n${text}\n`);
    const bodyHash = createHash('sha256').update(bytes).digest('hex');
    const body = bytesBody(bytes);
    const mail = { sender: 'holly@example.org', recipients: [to], hops: 0, urgency: 5, body, bodyHash };
    await accept(place, { peer: { name: 'send', relays: true }, id: bodyHash, mail }, now());
    await sync(pair.agent, { up: true, down: false });
    await answerRequests(pair.hub);
    await sync(pair.agent);
  }

  const askAt = (text: string): string => /write "all" to (held\+[a-z2-7]{20}@example\.org)\]/.exec(text)?.[1] ?? '';

  test('an office with plain=yes gets text and real attachments; whoever it is for gets the original', async () => {
    await start(true);
    await post(MAIL);
    expect(await sync(pair.agent)).toMatchObject({ down: { mails: 1 }, waiting: { down: { mails: 0 } } });
    const [plain = ''] = await mailbox();
    expect(plain).toContain(
      'From: Friend <friend@example.com>\nSubject: a long\n\tsubject\nMessage-ID: <plain@example.com>',
    );
    expect(plain).toContain('We meet at four, as größer.');
    expect(plain).toMatch(/\[text of a mail of 14 KB; without 1 logo\.png 6 KB\. The original: write "all" to held/);
    expect(plain).toContain('filename="table.csv"');
    expect(plain).not.toMatch(/Received:|DKIM|Disposition-Notification|track\.example|image\/png/);
    expect(await mailbox('holly')).toHaveLength(1);
    await ask('all', askAt(plain));
    const [, whole = ''] = await mailbox();
    expect(whole.endsWith(MAIL.toString())).toBe(true);
    await ask('1', askAt(plain));
    expect((await mailbox('holly')).some((mail) => mail.includes('Content-Type: image/png'))).toBe(true);
    await ask('drop', askAt(plain));
    expect(await pair.hub.entries('office/herat')).toEqual([]);
  });

  test('a link with plain = true gets it, another link does not', async () => {
    await start(false);
    await post(MAIL);
    expect(await sync(pair.agent)).toMatchObject({ down: { mails: 1 } });
    expect((await mailbox())[0]?.endsWith(MAIL.toString())).toBe(true);
    const other = Buffer.from(MAIL.toString().replace('plain@', 'other@'));
    await post(other);
    await sync(pair.agent, { link: { name: 'hf', plain: true } as LinkConfig });
    expect((await mailbox())[0]).toContain('[text of a mail of 14 KB');
  });

  test('a stop at any point neither loses nor doubles: the next trip ends it, over any link', async () => {
    await start(false);
    await post(MAIL);
    const { hub } = pair;
    const [listed] = await hub.entries('office/herat');
    if (!listed) throw new Error('nothing waits');
    const original = await hub.store.get(listed.key);
    expect(await replaceByPlain(hub, { office: 'herat', wanted: true }, listed)).toBe('gone');
    // As if the hub had stopped before the original went, with the plain version under way or delivered.
    if (original) await hub.store.put(listed.key, original);
    await writeNote(hub.store, 'office/herat', listed.name.id, { attempts: 0, nextTry: 0, settled: {}, plain: 'made' });
    await sync(pair.agent);
    await sync(pair.agent);
    expect(await mailbox()).toEqual([expect.stringContaining('[text of a mail of')]);
    expect(await hub.entries('office/herat')).toEqual([]);
    expect(await readNote(hub.store, 'office/herat', listed.name.id)).toBeUndefined();
  });

  test('a plain text loses its traces alone; a report, and what is short, stay as they are', async () => {
    await start(true);
    const text = `${TRACES.join('\n')}\nSubject: text\nContent-Type: text/plain\n\nbytes \u0001 as they are\n`;
    await post(Buffer.from(text));
    await post(Buffer.from('Subject: short\n\nhello\n'));
    await post(MAIL, '');
    await sync(pair.agent);
    const mails = await mailbox();
    expect(mails.map((mail) => mail.replace(/^Return-Path: .*\nDelivered-To: .*\n/, ''))).toEqual([
      'Subject: short\n\nhello\n',
      'Subject: text\nContent-Type: text/plain\n\nbytes \u0001 as they are\n',
      MAIL.toString(),
    ]);
  });
});

test('a signed mail says that it was', async () => {
  const header = Buffer.from('Content-Type: multipart/signed; boundary=x; protocol="application/pgp-signature"\n');
  expect(kindOf(header)).toBe('signed');
  const body = '--x\n\nthe text\n--x\nContent-Type: application/pgp-signature; name=s.asc\n\nsig\n--x--\n';
  const parts = await readParts(bytesBody(Buffer.from(`${header}\n${body}`)));
  if (!parts) throw new Error('not read');
  const plain = composePlain({ header, parts, bytes: 900, signed: true, askAt: 'a@b', id: '0'.repeat(64) }).toString();
  expect(plain).toContain('the text\n\n[text of a signed mail of 900 B; without 1 s.asc');
});

const CORPUS = 'test/corpus';
const files = readdirSync(CORPUS, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.eml'));
const words = (text: string): readonly string[] => text.match(/[\p{L}\p{N}]+/gu) ?? [];

test(`every mail of the corpus (${files.length}) goes through and keeps its text and its attachments`, async () => {
  expect(files.length).toBeGreaterThan(20);
  for (const file of files) {
    const bytes = Buffer.from(readFileSync(join(CORPUS, file), 'latin1').replaceAll('\r\n', '\n'), 'latin1');
    const header = headerBlock(bytes);
    const before = await readParts(bytesBody(bytes));
    if (!before) continue;
    const kind = kindOf(header);
    const plain =
      kind === 'mixed' || kind === 'signed'
        ? composePlain({ header, parts: before, bytes: 1, signed: false, askAt: 'a@b', id: '0'.repeat(64) })
        : Buffer.concat([trimHeader(header), bytes.subarray(header.length)]);
    const after = await readParts(bytesBody(plain));
    expect(words(after?.text ?? '').slice(0, words(before.text).length), file).toEqual(words(before.text));
    expect(after?.subject, file).toBe(before.subject);
    const kept = before.attachments.filter(({ belongs }) => kind === 'simple' || !belongs);
    expect(
      after?.attachments.map((part) => Buffer.from(part.bytes).toString('hex')),
      file,
    ).toEqual(kept.map((part) => Buffer.from(part.bytes).toString('hex')));
  }
}, 60_000);
