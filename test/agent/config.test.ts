/** Each file of test/configs/agent names, in its first line, the error that it must give: it fails as expected, not by chance. */
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeToken } from '../../shared/core/token.ts';
import { runAgent } from '../support/agent-program.ts';

const CONFIGS = join(import.meta.dirname, '../configs/agent');

const TOKEN = encodeToken({
  hub: '127.0.0.1:1',
  office: 'herat',
  domain: 'example.org',
  officeDomains: ['herat.example.org'],
  identity: '0000000000000001.1',
  key: Buffer.alloc(32, 7),
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-configs-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function prepare(name: string, { key = `${TOKEN}\n`, toml = '' } = {}): Promise<string> {
  const file = join(folder, `${name}.toml`);
  if (toml) await writeFile(file, toml);
  else await copyFile(join(CONFIGS, `${name}.toml`), file);
  // A table may end the file, and a key after it would be the table's.
  await writeFile(file, `data = ${JSON.stringify(join(folder, `data-${name}`))}\n${await readFile(file, 'utf8')}`);
  await writeFile(join(folder, 'agent.key'), key, { mode: 0o600 });
  return file;
}

/** Exit code 78 and sentences, without a stack. */
async function check(file: string, says: string): Promise<void> {
  const [{ code, err }, served] = await Promise.all([
    runAgent(['check', '--config', file]),
    runAgent(['run', '--config', file]),
  ]);
  expect({ code: served.code, err: served.err }).toEqual({ code: 78, err: expect.stringContaining(says) });
  expect(served.err).not.toMatch(/\n\s+at /);
  expect({ code, err }).toMatchObject({ code: 78 });
}

const names = (await readdir(CONFIGS)).map((name) => name.replace('.toml', ''));

test.each(names)('%s', async (name) => {
  const text = await readFile(join(CONFIGS, `${name}.toml`), 'utf8');
  const [, gives = ''] = /^# gives: (.+)$/m.exec(text) ?? [];
  expect(gives).not.toBe('');
  await check(await prepare(name), gives.replace('no-toml.toml:4:', 'no-toml.toml:5:'));
});

const PLAIN = 'office = "herat"\nhub = "127.0.0.1:1"\n';

test('a damaged key', async () =>
  check(await prepare('damaged', { key: TOKEN.slice(0, -5), toml: PLAIN }), 'agent.key" is damaged: enrol again'));

test('a key that others can read', async () => {
  const file = await prepare('readable', { toml: PLAIN });
  await chmod(join(folder, 'agent.key'), 0o640);
  await check(file, "can be read by others (mode 640): run 'chmod 600");
  await chmod(join(folder, 'agent.key'), 0o600);
});

test('what is right is right: every form of every key', async () => {
  const file = await prepare('right', {
    toml: `${PLAIN}interval = "off"\nidle = "1 min"\n[listen]\nsmtp = "127.0.0.1:0"\nlan = "192.168.7.0/24"\n[[queue]]\npath = "q"\n[[link]]\nname = "iridium"\nmatch = { interface = "ppp9", gateway = "10.0.0.1", ssid = "x", command = ["false"] }\nprice_per_minute = 1.44\nprice_per_mb = 100\nmax_mail = "20 KB"\nbudget = "300 KB/day"\n[limits]\nmail = "5 MB"\nconnections = 5\nrecipients = 10\nidle = "30 s"\n`,
  });
  const { out } = await runAgent(['check', '--config', file]);
  expect(out).toMatch(/^configuration +\//m);
  expect(out).toMatch(/q\/new is not taken: it is not there/);
});
