/** A hub takes over from a qmail: its files as the 2004 set-up has them, in a folder. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { importQmailCommands } from '../../hub/commands/import-qmail.ts';
import { readBody } from '../../shared/io/body.ts';
import { listEntries, openEntry } from '../../shared/io/maildir.ts';
import { runCommand } from '../support/hub-on-store.ts';
import { wholeHub } from '../support/whole-hub.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const MAIL =
  'Return-Path: <friend@example.com>\nDelivered-To: qrelay-herat-farid@herat.example.org\nSubject: hi\n\nhello\n';

const FILES = {
  'control/virtualdomains':
    '# queues\nherat.example.org:qrelay-herat\n.west.example.org:qrelay-herat\nmazar.example.org:qrelay-mazar\nboss@example.net:alias-boss\nexcept.example.org:\n:alias-ppp\n',
  'users/assign': '=akbar:akbar:1000:100:/srv/akbar:::\n+qrelay-:alias:7790:2108:/var/qmail/alias:-:qrelay-:\n.\n',
  'alias/.qmail-qrelay-herat-default': '/var/qmail/qrelay/herat/\n',
  'alias/.qmail-qrelay-mazar-default': './mazar/\n',
  'alias/.qmail-staff': '# all\n&farid\nholly@mazar.example.org\n',
  'alias/.qmail-staff-owner': '&akbar\n',
  'alias/.qmail-robot': '| /usr/local/bin/robot\n',
  'alias/.qmail-default': '| fastforward -d /etc/aliases.cdb\n',
  'qrelay/herat/new/1000.1.kabul': MAIL,
  'qrelay/herat/cur/1001.2.kabul:2,S': MAIL.replace('hello', 'again'),
  'qrelay/herat/new/1002.3.kabul': 'From: nobody\n\nno envelope\n',
};

const ALIASES =
  'farid: farid@herat.example.org\nholly: holly@mazar.example.org\ninfo: holly, partner@example.com\nnews: "|/bin/news"\n';

async function qmail(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-qmail-'));
  closing.push(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

async function imported(...flags: string[]) {
  const [{ hub, close }, folder] = [await wholeHub({ toml: '', edits: [] }), await qmail()];
  closing.push(close);
  const run = async (more: readonly string[] = flags) => {
    const line = ['import-qmail', folder, '--aliases=ALIASES', ...more, '--json'].join(' ');
    const { code, out, error } = await runCommand(importQmailCommands, hub, line, { files: { ALIASES } });
    return { code, error, result: JSON.parse(out[0] ?? 'null') };
  };
  return { hub, folder, run };
}

const PEOPLE = {
  'akbar@example.org': 'hub',
  'farid@example.org': 'herat',
  'holly@example.org': 'mazar',
};

test('says what it makes of it, and changes nothing', async () => {
  const { hub, folder, run } = await imported();
  const { code, result } = await run();
  expect(code).toBe(0);
  expect(result).toMatchObject({
    applied: false,
    offices: [
      { name: 'herat', domains: ['herat.example.org', '.west.example.org'], mails: 3 },
      { name: 'mazar', domains: ['mazar.example.org'], mails: 0 },
    ],
    people: PEOPLE,
    aliases: ['info@example.org', 'staff@example.org'],
  });
  expect(result.leftOut.map((line: string) => line.replace(folder, ''))).toEqual([
    "control/virtualdomains:5: one person of a queue: 'hub user add boss@example.net OFFICE' posts them",
    "control/virtualdomains:6: except.example.org is excepted: a hub excepts a person by 'hub user add @except.example.org internet'",
    'control/virtualdomains:7: the rest of the world: a hub sends it to the Internet by itself',
    expect.stringMatching(/^ALIASES:4: /),
    'alias/.qmail-default: "| fastforward -d /etc/aliases.cdb": give the source of its table with --aliases',
    'alias/.qmail-robot: "| /usr/local/bin/robot": a hub runs no programs for a mail',
  ]);
  expect(hub.directory.current.offices.size).toBe(0);
});

test('does it: offices, people, lists, and the waiting mail, once', async () => {
  const { hub, folder, run } = await imported('--apply');
  for (const mails of [2, 2]) {
    const { result } = await run();
    expect(result.offices[0].mails).toBe(mails);
    expect(result.leftOut.at(-1)).toBe(
      `${folder}/qrelay/herat/new/1002.3.kabul: its first line is not "Return-Path: <sender>"`,
    );
  }
  expect(Object.fromEntries(hub.directory.current.users)).toEqual(PEOPLE);
  expect(hub.directory.current.aliases.get('staff@example.org')).toEqual({
    targets: ['farid@example.org', 'holly@mazar.example.org'],
    owner: 'staff-owner@example.org',
  });
  const entries = await listEntries(hub.store, 'office/herat');
  const mails = await Promise.all(entries.map(({ key }) => openEntry(hub.store, key)));
  const texts = await Promise.all(mails.map(async (mail) => mail && (await readBody(mail.body)).toString()));
  expect(mails.map((mail) => [mail?.head.sender, mail?.head.recipients])).toEqual([
    ['friend@example.com', ['farid@herat.example.org']],
    ['friend@example.com', ['farid@herat.example.org']],
  ]);
  expect(texts.map((text) => text?.split('\n').slice(1).join('\n')).sort()).toEqual([
    'Subject: hi\n\nagain\n',
    'Subject: hi\n\nhello\n',
  ]);
  expect(await readdir(join(folder, 'qrelay/herat/new'))).toHaveLength(2);
});

test('a folder that is no qmail’s is refused with the remedy', async () => {
  const { hub, close } = await wholeHub({ toml: '', edits: [] });
  closing.push(close);
  const { code, error } = await runCommand(importQmailCommands, hub, 'import-qmail /nowhere');
  expect(code).toBe(65);
  expect(error).toMatch(
    /^\/nowhere has no control\/virtualdomains that can be read: name the folder that was \/var\/qmail/,
  );
});
