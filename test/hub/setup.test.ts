/** `hub setup`: the configuration that the answers make, and what a wrong answer says. The machine itself is left as it is. */
import { getServers, setServers } from 'node:dns';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { setupCommand } from '../../hub/commands/setup.ts';
import { loadHubConfig } from '../../hub/config.ts';
import { askAll, hubToml, readAnswers } from '../../hub/setup-answers.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { NO_FILES } from '../support/no-files.ts';

const before = getServers();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  setServers(before);
  for (const close of closing.splice(0).reverse()) await close();
});

const ANSWERS = `domain = "example.org"
hostname = "kabul.example.org"
postmaster = "it@example.net"
outgoing = "direct"
store = "folder"
`;

async function setUp(answers: string) {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-setup-'));
  closing.push(() => rm(folder, { recursive: true }));
  const dns = await startDnsServer({});
  closing.push(() => dns.close());
  setServers([dns.address]);
  const file = join(folder, 'hub.toml');
  const run = async () => {
    const lines: string[] = [];
    await setupCommand.run(
      { file },
      {
        positionals: [],
        options: { answers: 'answers', 'only-config': true },
        json: false,
        out: (line) => void lines.push(line),
        ...NO_FILES,
        readFile: async () => Buffer.from(answers),
      },
    );
    return lines;
  };
  return { file, run };
}

test('writes a configuration that works, the keys for their owner alone, and the DNS records to add', async () => {
  const { file, run } = await setUp(ANSWERS);
  const lines = await run();
  expect(lines[0]).toBe(`ok    configuration: ${file} is written`);
  expect(lines).toContain('  example.org. IN MX 10 kabul.example.org.');
  const config = loadHubConfig(file);
  expect(config).toMatchObject({ domain: 'example.org', hostname: 'kabul.example.org', postmaster: 'it@example.net' });
  for (const key of [config.secret_file, config.dkim?.key_file ?? ''])
    expect((await stat(key)).mode & 0o777).toBe(0o600);
});

test('run again it keeps what an operator has changed', async () => {
  const { file, run } = await setUp(ANSWERS);
  await run();
  const secret = await readFile(loadHubConfig(file).secret_file);
  const changed = `${await readFile(file, 'utf8')}\n[limits]\nmail = "3 MB"\n`;
  await writeFile(file, changed);
  expect((await run())[0]).toBe(`ok    configuration: ${file} was there, and stays as it is`);
  expect(await readFile(file, 'utf8')).toBe(changed);
  expect(await readFile(loadHubConfig(file).secret_file)).toEqual(secret);
});

test.each([
  ['direct', 'folder', false],
  ['smtps://user@relay.example.net', 's3://fieldpost-kabul', true],
  ['smtp://relay.example.net:587', 's3://fieldpost-kabul?endpoint=https://s3.example.net', true],
])('outgoing %s with store %s is a configuration of ours', async (outgoing, store, tls) => {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-setup-'));
  closing.push(() => rm(folder, { recursive: true }));
  const file = join(folder, 'hub.toml');
  const text = ANSWERS.replace('"direct"', `"${outgoing}"`).replace('"folder"', `"${store}"`);
  await writeFile(file, hubToml(readAnswers('answers', text), { tls }));
  const config = loadHubConfig(file);
  expect(config.relay.smarthost).toBe(outgoing === 'direct' ? undefined : outgoing);
  expect('path' in config.store).toBe(store === 'folder');
  expect(config.tls !== undefined).toBe(tls);
});

test('each answer that is missing or wrong is named', () => {
  const text = 'domain = "example.org"\nhostname = "kabul"\noutgoing = "pigeon"\nstore = "folder"\ncolour = "red"\n';
  expect(() => readAnswers('answers', text)).toThrow(
    /^answers: hostname: expected a whole host name, such as kabul\.example\.org\n/,
  );
  expect(() => readAnswers('answers', text)).toThrow(
    /answers: postmaster is missing .*\nanswers: outgoing: expected "direct", or smtps:/,
  );
  expect(() => readAnswers('answers', text)).toThrow(/answers: unknown key colour/);
  expect(() => readAnswers('answers', 'domain = ')).toThrow(/^answers:1:10: /);
});

test('on a terminal a question comes again until its answer will do, and nothing typed means what is proposed', async () => {
  const asked: string[] = [];
  const typed = ['example', 'example.org', '', '', '', 'folder'];
  const ask = async (text: string) => {
    asked.push(text);
    return typed.shift() ?? '';
  };
  const answers = await askAll(ask, 'kabul.example.org');
  expect(answers).toEqual({
    domain: 'example.org',
    hostname: 'kabul.example.org',
    postmaster: 'postmaster@example.org',
    outgoing: 'direct',
    store: 'folder',
  });
  expect(asked.map((text) => text.split(/ \[|: $/)[0])).toEqual([
    'The domain that everybody writes to',
    '"example" will not do: expected a domain, such as example.org\nThe domain that everybody writes to',
    "This machine's name in the DNS",
    'Who is told of trouble',
    expect.stringMatching(/^How mail leaves: "direct", or/),
    expect.stringMatching(/^Where mail is kept: "folder", or/),
  ]);
});
