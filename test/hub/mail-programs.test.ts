/** People of headquarters with ordinary mail programs: curl and mpop from Debian, in TLS. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { officeCommands } from '../../hub/commands/office.ts';
import { userCommands } from '../../hub/commands/user.ts';
import { editDirectory } from '../../hub/edit-directory.ts';
import type { Hub } from '../../hub/hub.ts';
import { startMailPrograms } from '../../hub/mail-programs.ts';
import { officeMailbox } from '../../hub/office-mailbox.ts';
import { listEntries, openEntry } from '../../shared/io/maildir.ts';
import { makeCertificate } from '../support/certificate.ts';
import { alias, office, user } from '../support/directory.ts';
import { runCommand } from '../support/hub-on-store.ts';
import { hasPeer } from '../support/peers.ts';
import { run } from '../support/program.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { wholeHub } from '../support/whole-hub.ts';

const certificate = makeCertificate();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const TLS = `[tls]\ncert = "${certificate?.certFile}"\nkey = "${certificate?.keyFile}"\n`;
const LISTEN = '[listen]\nsubmission = "127.0.0.1:0"\nsubmissions = "127.0.0.1:0"\npop3s = "127.0.0.1:0"\n';

async function headquarters() {
  const edits = [office('herat'), user('farid', 'herat'), user('akbar', 'hub'), user('zia', 'hub')];
  const { hub, close } = await wholeHub({
    toml: LISTEN + TLS,
    edits: [...edits, alias('director', 'akbar'), alias('all', 'akbar', 'zia')],
  });
  closing.push(close);
  const services = await startMailPrograms(hub);
  for (const service of services) closing.push(() => service.close(0));
  const at = Object.fromEntries(services.map(({ name, address }) => [name, address ?? '']));
  const password = passwordIn((await typed(hub, 'user password akbar')).out);
  return { hub, at, password };
}

const typed = (hub: Hub, line: string) => runCommand(userCommands, hub, line);
const passwordIn = (out: readonly string[]): string => /^password of akbar: (\S+)$/m.exec(out.join('\n'))?.[1] ?? '';

interface Letter {
  readonly url: string;
  readonly password: string;
  readonly from?: string;
  readonly to?: string;
}

/** Answers curl's exit code: 0, 67 for a login that was refused, 55 or 56 for a reply that it did not like. */
async function curl({ url, password, from = 'akbar@example.org', to = 'farid@example.org' }: Letter) {
  const { code, err } = await run(
    '/usr/bin/curl',
    [
      ...['-sS', url, '--ssl-reqd', '--cacert', certificate?.certFile ?? '', '--user', `akbar:${password}`],
      ...['--mail-from', from, '--mail-rcpt', to, '-T', '-'],
    ],
    { input: 'Subject: from headquarters\r\n\r\nhello\r\n' },
  );
  return { code, err };
}

async function waiting(hub: Hub): Promise<readonly string[]> {
  const entries = await Promise.all(
    (await listEntries(hub.store, 'office/herat')).map(({ key }) => openEntry(hub.store, key)),
  );
  return entries.map((entry) => `${entry?.head.sender} ${entry?.head.recipients}`);
}

describe.skipIf(!certificate || !hasPeer('curl'))('submission', () => {
  test.each(['submission', 'submissions'])('by %s, a letter goes to the office', async (name) => {
    const { hub, at, password } = await headquarters();
    const url = `${name === 'submission' ? 'smtp' : 'smtps'}://${at[name]}`;
    expect(await curl({ url, password })).toEqual({ code: 0, err: '' });
    expect(await waiting(hub)).toEqual(['akbar@example.org farid@herat.example.org']);
    expect(await curl({ url, password, from: 'director@example.org' })).toEqual({ code: 0, err: '' });
    expect((await curl({ url, password, from: 'zia@example.org' })).err).toContain('550');
    expect((await curl({ url, password: 'wrong' })).code).toBe(67);
  });

  test('without a login nothing is taken, and without TLS no login', async () => {
    const { at } = await headquarters();
    const client = await RawSmtp.open(at.submission ?? '');
    closing.push(async () => client.hangUp());
    await client.say('EHLO x');
    expect(await client.say('AUTH PLAIN AGFrYmFyAHg=')).toMatch(/^538/);
    expect(await client.say('MAIL FROM:<akbar@example.org>')).toMatch(/^530 5\.7\.0 log in/);
  });
});

describe.skipIf(!certificate || !hasPeer('mpop') || !hasPeer('curl'))('POP3', () => {
  test('what was sent to him is fetched by mpop, once', async () => {
    const { at, password } = await headquarters();
    expect((await curl({ url: `smtps://${at.submissions}`, password, to: 'all@example.org' })).code).toBe(0);
    const folder = await mkdtemp(join(tmpdir(), 'fieldpost-mpop-'));
    closing.push(() => rm(folder, { recursive: true }));
    const [host = '', port = ''] = (at.pop3s ?? '').split(':');
    await writeFile(
      join(folder, 'rc'),
      `account hq\nhost ${host}\nport ${port}\ntls on\ntls_starttls off\ntls_trust_file ${certificate?.certFile}\nuser akbar@example.org\npassword ${password}\ndelivery mbox ${folder}/mbox\nuidls_file ${folder}/uidls\nkeep off\n`,
      { mode: 0o600 },
    );
    const fetched = () => run('/usr/bin/mpop', ['-C', join(folder, 'rc'), 'hq']);
    expect((await fetched()).out).toContain('new: 1 message');
    expect((await fetched()).out).toMatch(/no.* messages/);
  });
});

describe.skipIf(!certificate || !hasPeer('fetchmail') || !hasPeer('curl'))('an office without an agent', () => {
  test('fetchmail takes its mail, each recipient apart, and it is gone; what the office writes is handed in', async () => {
    const { hub, at, password: akbars } = await headquarters();
    const to = ['farid@example.org', 'nadia@example.org'];
    await editDirectory(hub, user('nadia', 'herat'));
    const mail = 'Subject: to two\r\nMessage-ID: <1@example.org>\r\n\r\nhello\r\n';
    const rcpt = to.flatMap((recipient) => ['--mail-rcpt', recipient]);
    const sent = ['-sS', `smtps://${at.submissions}`, '--ssl-reqd', '--cacert', certificate?.certFile ?? ''];
    const from = ['--user', `akbar:${akbars}`, '--mail-from', 'akbar@example.org', ...rcpt, '-T', '-'];
    expect((await run('/usr/bin/curl', [...sent, ...from], { input: mail })).code).toBe(0);
    const out = (await runCommand(officeCommands, hub, 'office password herat')).out.join('');
    const password = out.replace('password of herat.example.org: ', '');

    const folder = await mkdtemp(join(tmpdir(), 'fieldpost-fetchmail-'));
    closing.push(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, 'mail'));
    const [, port] = (at.pop3s ?? '').split(':');
    await writeFile(
      join(folder, 'rc'),
      `set no bouncemail\npoll localhost service ${port} protocol POP3 envelope "Delivered-To:" localdomains herat.example.org user herat.example.org password "${password}" is * here ssl sslcertfile ${certificate?.certFile} fetchall no keep no rewrite\nmda "cat > ${folder}/mail/%T"\n`,
      { mode: 0o600 },
    );
    const env = { HOME: folder, FETCHMAILHOME: folder };
    const fetched = await run('/usr/bin/fetchmail', ['-f', join(folder, 'rc'), '--invisible', '--nosyslog'], { env });
    expect(fetched).toMatchObject({ code: 0, out: expect.stringContaining('2 of 2') });
    const came = await readdir(join(folder, 'mail'));
    expect(came.sort()).toEqual(['farid@herat.example.org', 'nadia@herat.example.org']);
    expect(await readFile(join(folder, 'mail/farid@herat.example.org'), 'utf8')).toMatch(
      /Delivered-To: farid@herat\.example\.org\n(.*\n)*Subject: to two\n(.*\n)*\nhello\n/,
    );
    expect(await waiting(hub)).toEqual([]);

    const up = ['--user', `herat.example.org:${password}`, '--mail-from', 'farid@herat.example.org'];
    const letter = [...sent, ...up, '--mail-rcpt', 'akbar@example.org', '-T', '-'];
    expect((await run('/usr/bin/curl', letter, { input: mail })).code).toBe(0);
    const forged = letter.map((word) => (word === 'farid@herat.example.org' ? 'zia@example.org' : word));
    expect((await run('/usr/bin/curl', forged, { input: mail })).err).toContain('550');
  });

  test('a session that is cut takes nothing away', async () => {
    const { hub, at, password: akbars } = await headquarters();
    expect((await curl({ url: `smtps://${at.submissions}`, password: akbars })).code).toBe(0);
    const mailbox = officeMailbox(hub, 'herat');
    const [first] = await mailbox.list();
    expect(first?.uid).toMatch(/^[0-9a-f]{56}-0$/);
    mailbox.close?.();
    expect(await waiting(hub)).toHaveLength(1);
    const again = officeMailbox(hub, 'herat');
    expect((await again.list()).map(({ uid }) => uid)).toEqual([first?.uid]);
    again.close?.();
  });
});

test('who is posted to an office has no password at the hub, and one that is removed opens nothing', async () => {
  const { hub, at, password } = await headquarters();
  expect((await typed(hub, 'user password farid')).error).toBe(
    "farid@example.org has no mailbox at the hub: 'hub user add farid@example.org hub' makes one",
  );
  expect((await typed(hub, 'user password akbar --remove')).code).toBe(0);
  expect((await curl({ url: `smtps://${at.submissions}`, password })).code).toBe(67);
});

test('without a certificate it does not start, and says why', async () => {
  const { hub, close } = await wholeHub({ toml: LISTEN, edits: [] });
  closing.push(close);
  await expect(startMailPrograms(hub)).rejects.toThrow(
    'listen.submission: passwords travel in TLS only: name a certificate in [tls]',
  );
});
