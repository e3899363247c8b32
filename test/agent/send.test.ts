/** `agent send` and sendmail's command line, as a process: input, exit codes, and what is on the disk afterwards. */
import { symlink } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendmailArguments } from '../../agent/sendmail-arguments.ts';
import { readBody } from '../../shared/io/body.ts';
import { listEntries, openEntry, removeEntry } from '../../shared/io/maildir.ts';
import { type OfficeFolder, officeFolder } from '../support/office-folder.ts';
import { run } from '../support/program.ts';

let office: OfficeFolder;
beforeAll(async () => {
  office = await officeFolder('[limits]\nmail = "100 KB"\n');
});
afterAll(() => office.close());

/** Takes what waits for the hub out of the queue. */
async function taken() {
  const { store } = await office.open();
  const mails = [];
  for (const { key } of await listEntries(store, 'out')) {
    const entry = await openEntry(store, key);
    if (!entry) continue;
    const { sender, recipients } = entry.head;
    mails.push({ sender, recipients, text: (await readBody(entry.body)).toString('latin1') });
    await removeEntry(store, entry);
  }
  return mails;
}

describe('agent send', () => {
  test('a whole mail keeps every byte behind the trace line', async () => {
    const text = 'From: farid@example.org\nDate: now\nMessage-ID: <1@x>\nSubject: a\n\n.\n..\nFrom x\n\0\xff\r\nno end';
    const input = Buffer.from(text, 'latin1');
    const { code } = await office.agent(['send', '-f', 'farid@example.org', 'friend@example.com'], { input });
    expect(code).toBe(0);
    const [mail, ...more] = await taken();
    expect(more).toEqual([]);
    expect(mail).toMatchObject({ sender: 'farid@example.org', recipients: ['friend@example.com'] });
    expect(mail?.text.replace(/^Received: .*\n/, '')).toBe(text);
  });

  test('what every mail must have is added where it is missing', async () => {
    expect((await office.agent(['send', 'friend@example.com'], { input: 'Subject: a\n\nb\n' })).code).toBe(0);
    const [mail] = await taken();
    const me = `${userInfo().username}@herat.example.org`;
    expect(mail?.sender).toBe(me);
    expect(mail?.text).toMatch(
      /^Received: .*\nMessage-ID: <[0-9a-f]+@herat\.example\.org>\nDate: .* \+0000\nFrom: \S+\nSubject: a\n\nb\n$/,
    );
    expect(mail?.text).toContain(`From: ${me}\n`);
  });

  test('text without a header gets one', async () => {
    expect((await office.agent(['send', 'friend@example.com'], { input: 'it rains\n' })).code).toBe(0);
    expect((await taken())[0]?.text).toMatch(/\nFrom: \S+\n\nit rains\n$/);
  });

  test('-t takes recipients from the header, and Bcc out of it', async () => {
    const input =
      'To: Tom <tom@example.com>,\n\t"Kurz, Eva" <eva@x.org>\nBCC: secret@x.org,\n other@x.org\nCc: ali@x.org\nSubject: a\n\nBcc: stays\n';
    expect((await office.agent(['send', '-t', 'named@x.org'], { input })).code).toBe(0);
    const [mail] = await taken();
    expect(mail?.recipients).toEqual([
      'named@x.org',
      'tom@example.com',
      'eva@x.org',
      'secret@x.org',
      'other@x.org',
      'ali@x.org',
    ]);
    expect(mail?.text).not.toMatch(/secret|other@/);
    expect(mail?.text).toContain('Cc: ali@x.org\nSubject: a\n\nBcc: stays\n');
  });

  test('without -t no byte of the header goes', async () => {
    const input = 'Message-ID: <1@x>\nDate: now\nFrom: a@b.org\nBcc: x@y.org\n\nb\n';
    expect((await office.agent(['send', 'friend@example.com'], { input })).code).toBe(0);
    expect((await taken())[0]?.text.replace(/^Received: .*\n/, '')).toBe(input);
  });

  test('a name alone is somebody here; all at this office never travels', async () => {
    expect((await office.agent(['send', 'farid', 'holly@example.org'], { input: 'Subject: a\n\nb\n' })).code).toBe(0);
    expect(await taken()).toEqual([]);
    const { store } = await office.open();
    for (const name of ['farid', 'holly']) expect(await store.list(`users/${name}/new/`)).toHaveLength(1);
  });

  test('a bounce of somebody else has no sender', async () => {
    expect((await office.agent(['send', '-f', '<>', 'x@y.org'], { input: 'Subject: a\n\nb\n' })).code).toBe(0);
    expect(await taken()).toMatchObject([{ sender: '' }]);
  });

  test.each<[what: string, args: string[], input: string, code: number, says: RegExp]>([
    ['nobody', [], 'x', 64, /name recipients/],
    ['nobody in the header', ['-t'], 'Subject: x\n\nTo: x@y.org\n', 65, /no recipients/],
    [
      '-t with a header that has no end',
      ['-t'],
      `To: x@y.org${',\n a@y.org'.repeat(9_000)}\n`,
      65,
      /at most 65536 bytes/,
    ],
    ['a user who is not there', ['x@y.org', 'nobody@herat.example.org'], 'x', 65, /nobody@.*nothing was sent/],
    ['a recipient that is none', ['a\u0001b@y.org'], 'x', 65, /control character/],
    ['a sender that is none', ['-f', `${'x'.repeat(1000)}@y.org`, 'x@y.org'], 'x', 65, /sender.*longer/],
    ['too large', ['x@y.org'], 'x'.repeat(110_000), 65, /larger than 100000 bytes/],
    ['SMTP on standard input', ['-bs'], '', 64, /-bs/],
    ['an option that there is not', ['-Z', 'x@y.org'], '', 64, /-Z/],
  ])('%s: one sentence, and nothing is sent', async (_, args, input, code, says) => {
    const outcome = await office.agent(['send', ...args], { input });
    expect({ code: outcome.code, err: outcome.err }).toEqual({ code, err: expect.stringMatching(says) });
    expect(outcome.err).not.toMatch(/\n\s+at /);
    expect(await taken()).toEqual([]);
  });

  test('kill -9 at any moment: what was said to be sent is there, once, and the next start clears the rest', async () => {
    const input = `Subject: k\n\n${'x'.repeat(90_000)}\n`;
    let promised = 0;
    for (const ms of [0, 200, 300, 350, 400, 450, 500, 600]) {
      const { code } = await office.agent(['send', 'friend@example.com'], {
        input,
        started: (child) => void setTimeout(() => child.kill('SIGKILL'), ms),
      });
      expect([0, -1]).toContain(code);
      if (code === 0) promised += 1;
    }
    const mails = await taken();
    expect(mails.length).toBeGreaterThanOrEqual(promised);
    for (const mail of mails) expect(mail.text.endsWith(`\n\n${'x'.repeat(90_000)}\n`)).toBe(true);
  });
});

describe('sendmail', () => {
  test('is agent send, with the flags that programs use', async () => {
    const sendmail = join(office.folder, 'sendmail');
    await symlink(join(import.meta.dirname, '../../agent/main.ts'), sendmail);
    const args = ['-C', office.config, '-oi', '-FFarid', '-f', 'farid@example.org', '-t'];
    const input = 'To: friend@example.com\nSubject: cron\n\n.\nafter the dot\n';
    const { code, err } = await run(process.execPath, [sendmail, ...args], { input });
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(await taken()).toMatchObject([
      { recipients: ['friend@example.com'], text: expect.stringMatching(/\n\n\.\nafter the dot\n$/) },
    ]);
  });

  test.each<[words: string[], means: string[]]>([
    [
      ['-i', 'a@b.org'],
      ['--', 'a@b.org'],
    ],
    [
      ['-bm', '-oem', '-f', 'x@y.org', 'a@b.org'],
      ['--from=x@y.org', '--', 'a@b.org'],
    ],
    [
      ['-fx@y.org', '-t'],
      ['--from=x@y.org', '-t', '--'],
    ],
    [
      ['-r', 'x@y.org', '-F', 'Full Name', '-N', 'never', 'a@b.org'],
      ['--from=x@y.org', '--', 'a@b.org'],
    ],
    [
      ['-B8BITMIME', '-G', '-v', '--', '-odd@b.org'],
      ['--', '-odd@b.org'],
    ],
    [
      ['--config', 'c', '--help'],
      ['--config', 'c', '--help', '--'],
    ],
  ])('%j', (words, means) => {
    expect(sendmailArguments(words)).toEqual(means);
  });

  test.each([['-bs'], ['-bd'], ['-bp'], ['-q'], ['-q30m'], ['-bi'], ['-f']])('%s is refused', (word) => {
    expect(() => sendmailArguments([word])).toThrow(/^-|needs a value/);
  });
});
