/** `agent user` as a process of its own, beside an agent that serves. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startPop3 } from '../../agent/pop3.ts';
import { bytesBody } from '../../shared/io/body.ts';
import { type BareAgent, bareAgent } from '../support/bare-agent.ts';
import { network } from '../support/directory.ts';
import { Pop3Client } from '../support/pop3-client.ts';
import { done, type Outcome, run } from '../support/program.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Office {
  readonly agent: BareAgent;
  user(args: readonly string[], input?: string): Promise<Outcome>;
  /** Whether the name and the password open a mailbox. */
  logsIn(name: string, password: string): Promise<boolean>;
}

async function office(): Promise<Office> {
  const agent = await bareAgent({ toml: '[listen]\npop3 = "127.0.0.1:0"\n', directory: network() });
  closing.push(() => agent.close());
  const address = agent.started(await startPop3(agent));
  return {
    agent,
    user: (args, input = '') =>
      run(process.execPath, ['agent/main.ts', 'user', ...args, '--config', agent.config.file], { input }),
    logsIn: async (name, password) => {
      const [client, answer] = await Pop3Client.logIn(address, name, password);
      await client.say('QUIT');
      client.hangUp();
      return answer.startsWith('+OK');
    },
  };
}

test('a password is made and printed once; a second one takes its place', async () => {
  const { user, logsIn, agent } = await office();
  const passwords: string[] = [];
  for (let time = 0; time < 2; time += 1) {
    const { out } = done(await user(['add', 'farid']));
    passwords.push(/^password of farid: (\S{12,})\n$/.exec(out)?.[1] ?? `none in ${out}`);
  }
  const [first = '', second = ''] = passwords;
  expect(first).not.toBe(second);
  expect(await logsIn('farid', first)).toBe(false);
  expect(await logsIn('farid', second)).toBe(true);
  const record = join(agent.config.data, 'accounts');
  expect((await stat(record)).mode & 0o777).toBe(0o600);
  expect(await readFile(record, 'utf8')).not.toContain(second);
});

test('a password from standard input', async () => {
  const { user, logsIn } = await office();
  const { out } = done(await user(['add', 'farid', '--password-stdin'], 'with blanks äö\nsecond line\n'));
  expect(out).not.toContain('blanks');
  expect(await logsIn('farid', 'with blanks äö')).toBe(true);
  expect(await logsIn('farid', 'second line')).toBe(false);
});

test('who is removed reads no more, and the mail stays', async () => {
  const { user, logsIn, agent } = await office();
  await agent.store.put('users/farid/new/1.A.herat', bytesBody(Buffer.from('Subject: a\n\nb\n')));
  done(await user(['add', 'farid', '--password-stdin'], 'secret\n'));
  expect(done(await user(['remove', 'farid'])).out).toContain(join(agent.config.data, 'users/farid'));
  expect(await logsIn('farid', 'secret')).toBe(false);
  expect(await agent.files('users/farid')).toHaveLength(1);
  expect(await user(['remove', 'farid'])).toMatchObject({ code: 65 });
});

test('the list shows who has a password and who is posted here', async () => {
  const { user } = await office();
  done(await user(['add', 'omar', '--password-stdin'], 'secret\n'));
  done(await user(['add', 'farid', '--password-stdin'], 'secret\n'));
  const { out } = done(await user(['list', '--json']));
  expect(JSON.parse(out)).toEqual({
    users: [
      { name: 'farid', password: true, posted: 'farid@example.org' },
      { name: 'holly', password: false, posted: 'holly@example.org' },
      { name: 'omar', password: true },
    ],
  });
  expect(done(await user(['list'])).out.split('\n')).toHaveLength(4);
});

test('somebody whom the directory does not post here is added, with a word on what is missing', async () => {
  const { user } = await office();
  expect(done(await user(['add', 'omar', '--password-stdin'], 'secret\n')).out).toContain(
    'hub user add omar@example.org herat',
  );
});

test('many at once are all kept', async () => {
  const { user } = await office();
  const names = ['ali', 'bibi', 'chaman', 'dawud'];
  await Promise.all(names.map(async (name) => done(await user(['add', name, '--password-stdin'], 'secret\n'))));
  const { users } = JSON.parse(done(await user(['list', '--json'])).out) as {
    users: { name: string; password: boolean }[];
  };
  expect(users.filter(({ password }) => password).map(({ name }) => name)).toEqual(names);
});

test.each([
  [['add', 'farid@example.org'], '', 65, /no user name.*such as farid; not an address/],
  [['add', '../holly'], '', 65, /no user name/],
  [['add', 'new'], '', 65, /no user name/],
  [['add', 'farid', '--password-stdin'], '\n', 65, /the first line of standard input is empty/],
  [['add'], '', 64, /1 argument expected, got 0\nusage: agent user add NAME/],
  [['remove', 'nobody'], '', 65, /nobody has no password here/],
])('%j with input %j: exit code %i', async (args, input, code, fault) => {
  const { user, agent } = await office();
  const outcome = await user(args, input);
  expect(outcome.code).toBe(code);
  expect(outcome.err).toMatch(fault);
  expect(await agent.store.get('accounts')).toBeUndefined();
});
