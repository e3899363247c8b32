/** An office's mail is read by other people's programs: Dovecot and mutt open the Maildir, mpop and fetchmail ask by POP3. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../../tools/project.ts';
import { startDovecot } from '../support/dovecot.ts';
import { readMails, smtpForm } from '../support/mails.ts';
import { readByMutt } from '../support/mutt.ts';
import { Network } from '../support/network.ts';
import { hasPeer } from '../support/peers.ts';
import { done, run } from '../support/program.ts';
import { type OfficeSite, readMaildir } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';

const mails = (await readMails(`${ROOT}test/corpus/office-day`)).slice(0, 15);
const isRoot = process.getuid?.() === 0;

let folder: string;
let network: Network;
let herat: OfficeSite;
/** What lies in Farid's Maildir. */
let files: readonly string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-readers-'));
  network = await Network.open({ folder, store: 'folder' });
  herat = network.offices.get('herat') as OfficeSite;
  await send(mails);
  files = (await herat.mailbox('farid')).map(({ bytes }) => bytes.toString('latin1'));
});

afterAll(async () => {
  await network?.close();
  await rm(folder, { recursive: true });
});

/** Internet → hub → herat. */
async function send(some: typeof mails): Promise<void> {
  const session = await SmtpSession.open(network.hub.daemon.address('smtp'));
  for (const { bytes } of some)
    expect(
      await session.send({ from: 'friend@example.com', to: ['farid@example.org'], wire: smtpForm(bytes).wire }),
    ).toMatchObject({ code: 250 });
  await session.close();
  done(await herat.command(['sync']));
}

test('all mails lie in the Maildir', () => {
  expect(files).toHaveLength(mails.length);
});

test.skipIf(!hasPeer('mutt'))('mutt shows every mail with its own bytes', async () => {
  const seen = await readByMutt(join(herat.data, 'users/farid'), join(folder, 'mutt'));
  expect([...seen].sort()).toEqual([...files].sort());
});

test.skipIf(!hasPeer('mpop'))('mpop fetches every mail by POP3, with its own bytes', async () => {
  done(await herat.command(['user', 'add', 'farid', '--password-stdin'], { input: 'secret\n' }));
  const { host, port } = herat.daemon.address('pop3');
  const maildir = join(folder, 'fetched');
  for (const part of ['', '/new', '/cur', '/tmp']) execFileSync('mkdir', ['-p', `${maildir}${part}`]);
  const config = join(folder, 'mpoprc');
  const lines = [
    `host ${host}`,
    `port ${port}`,
    'user farid',
    'password secret',
    'tls off',
    'auth user',
    'keep on',
    'received_header off',
  ];
  await writeFile(
    config,
    ['account farid', ...lines, `delivery maildir ${maildir}`, `uidls_file ${folder}/uidls`, ''].join('\n'),
    { mode: 0o600 },
  );
  done(await run('/usr/bin/mpop', ['-C', config, 'farid']));
  const fetched = (await readMaildir(maildir)).map(({ bytes }) => bytes.toString('latin1'));
  expect([...fetched].sort()).toEqual([...files].sort());
});

test.skipIf(!hasPeer('dovecot') || !hasPeer('curl') || !isRoot)(
  'Dovecot serves every mail by IMAP, and what it leaves in the Maildir disturbs nobody (needs root)',
  async () => {
    execFileSync('chmod', ['o+x', folder, herat.folder, herat.data]);
    const dovecot = await startDovecot({ folder: join(folder, 'dovecot'), users: join(herat.data, 'users') });
    try {
      const url = `imap://127.0.0.1:${dovecot.imapPort}/INBOX`;
      const seen: string[] = [];
      for (const index of files.keys()) {
        const { out } = done(
          await run('/usr/bin/curl', ['-sS', '-u', 'farid:secret', `${url};MAILINDEX=${index + 1}`]),
        );
        seen.push(Buffer.from(out, 'utf8').toString('latin1').replaceAll('\r\n', '\n'));
      }
      expect(seen.sort()).toEqual([...files].sort());
    } finally {
      await dovecot.stop();
    }
    execFileSync('chown', ['-R', 'root:root', join(herat.data, 'users')]);
    execFileSync('chmod', ['o-x', herat.data]);
    await send([
      {
        name: 'after',
        bytes: Buffer.from('Subject: after Dovecot\nMessage-ID: <after@example.com>\n\nstill there?\n'),
      },
    ]);
    const now = (await herat.mailbox('farid')).map(({ bytes }) => bytes.toString('latin1'));
    expect(now).toHaveLength(files.length + 1);
    expect(now).toEqual(expect.arrayContaining([...files]));
  },
);
