/** People of headquarters with ordinary mail programs: curl and mpop from Debian, in TLS. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { userCommands } from '../../hub/commands/user.ts';
import type { Hub } from '../../hub/hub.ts';
import { startMailPrograms } from '../../hub/mail-programs.ts';
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
