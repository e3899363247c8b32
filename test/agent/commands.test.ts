/** The agent's commands as processes: enrolment, people, and what is told about the office. */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runAgent } from '../support/agent-program.ts';
import { type OfficeFolder, officeFolder, officeToken } from '../support/office-folder.ts';

let office: OfficeFolder;
beforeAll(async () => {
  office = await officeFolder('[[queue]]\npath = "queue"\nprefix = "q-"\n');
});
afterAll(() => office.close());

describe('agent enrol', () => {
  const enrol = (name: string, words: readonly string[], input = '') => {
    const folder = join(office.folder, name);
    return runAgent(['enrol', ...words, '--data', join(folder, 'data'), '--config', join(folder, 'agent.toml')], {
      input,
    });
  };
  const read = (path: string): Promise<string> => readFile(join(office.folder, path), 'utf8');

  test('writes a configuration that is understood, a key that only its owner can read, and needs no link', async () => {
    const { code, out } = await enrol('one', [officeToken()]);
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/office herat[\s\S]*that is fine/) });
    expect((await stat(join(office.folder, 'one/agent.key'))).mode & 0o777).toBe(0o600);
    expect(await read('one/agent.toml')).toMatch(/^office = "herat"\nhub = "127\.0\.0\.1:1"$/m);
    const check = await runAgent(['check', '--json', '--config', join(office.folder, 'one/agent.toml')]);
    expect({ code: check.code, ...JSON.parse(check.out) }).toMatchObject({ code: 0, ok: true });
    // Every option that the file shows in a comment is one.
    const all = (await read('one/agent.toml')).replace(/^# (?=[a-z_]+ = |\[\[)/gm, '');
    await mkdir(join(office.folder, 'all'));
    await writeFile(join(office.folder, 'all/agent.toml'), all);
    const status = await runAgent(['status', '--json', '--config', join(office.folder, 'all/agent.toml')]);
    expect(JSON.parse(status.out).links).toMatchObject([{ name: 'iridium' }, { name: 'hotel' }, { name: 'nncp' }]);
  });

  test('the token by standard input', async () => {
    expect((await enrol('two', ['-'], `${officeToken()}\n`)).code).toBe(0);
    expect((await read('two/agent.key')).trim()).toBe(officeToken());
  });

  test('again for the same office: a new key, and what the operator wrote stays', async () => {
    const config = join(office.folder, 'two/agent.toml');
    await writeFile(config, `${await readFile(config, 'utf8')}# mine\n`);
    const token = officeToken('herat', '127.0.0.1:2');
    expect((await enrol('two', [token])).code).toBe(0);
    expect((await read('two/agent.key')).trim()).toBe(token);
    expect(await read('two/agent.toml')).toMatch(/# mine\n$/);
  });

  test('for another office: only by --force', async () => {
    const { code, err } = await enrol('two', [officeToken('mazar')]);
    expect({ code, err }).toMatchObject({ code: 65, err: expect.stringMatching(/belongs to office herat.*--force/) });
    expect((await read('two/agent.key')).trim()).toBe(officeToken('herat', '127.0.0.1:2'));
    expect((await enrol('two', [officeToken('mazar'), '--force'])).code).toBe(0);
    expect(await read('two/agent.toml')).toMatch(/^office = "mazar"$/m);
  });

  test.each([
    ['no token', 'hello'],
    ['cut short', officeToken().slice(0, -6)],
    ['a wrong letter', `${officeToken().slice(0, 30)}0${officeToken().slice(31)}`],
  ])('%s: 65, and nothing is written', async (_, token) => {
    const { code, err } = await enrol('three', [token]);
    expect({ code, err }).toMatchObject({ code: 65, err: expect.stringMatching(/token/) });
    await expect(stat(join(office.folder, 'three'))).rejects.toThrow(/ENOENT/);
  });
});

describe('agent user', () => {
  test('add prints a password once; list and remove', async () => {
    const { code, out } = await office.agent(['user', 'add', 'farid']);
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^password of farid: [a-z2-9-]{19}\n$/),
    });
    const listed = await office.agent(['user', 'list', '--json']);
    expect(JSON.parse(listed.out)).toEqual({
      users: [
        { name: 'farid', password: true, posted: 'farid@example.org' },
        { name: 'holly', password: false, posted: 'holly@example.org' },
      ],
    });
    expect(await readFile(join(office.folder, 'data/accounts'), 'utf8')).not.toContain(out.trim().slice(-19));
    expect((await stat(join(office.folder, 'data/accounts'))).mode & 0o777).toBe(0o600);
    const removed = await office.agent(['user', 'remove', 'farid']);
    expect(removed.out).toContain(join(office.folder, 'data/users/farid'));
    expect((await office.agent(['user', 'remove', 'farid'])).code).toBe(65);
  });

  test('who is not posted here by the hub is told how to get there', async () => {
    const { code, out } = await office.agent(['user', 'add', 'guest', '--password-stdin'], { input: 'secret\n' });
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringMatching(/hub user add guest@example\.org herat/),
    });
    await office.agent(['user', 'remove', 'guest']);
  });

  test('many at once: nobody is lost', async () => {
    const names = ['a1', 'a2', 'a3', 'a4'];
    await Promise.all(names.map((name) => office.agent(['user', 'add', name])));
    const { out } = await office.agent(['user', 'list']);
    for (const name of names) expect(out).toMatch(new RegExp(`^${name} +has a password$`, 'm'));
  });

  test.each([
    ['an address', ['farid@example.org'], ''],
    ['a way out of the folder', ['../x'], ''],
    ['a folder of a Maildir', ['new'], ''],
    ['upper case', ['Farid'], ''],
    ['an empty password', ['farid', '--password-stdin'], '\n'],
  ])('%s: 65', async (_, words, input) => {
    expect((await office.agent(['user', 'add', ...words], { input })).code).toBe(65);
  });
});

describe('what is told', () => {
  test('status, queue and check name what waits, what does not fit, and how to mend it', async () => {
    for (const part of ['new', 'cur']) await mkdir(join(office.folder, 'queue', part), { recursive: true });
    await writeFile(join(office.folder, 'queue/new/1.misfit'), 'hello\n');
    await office.agent(['send', '-f', 'farid@example.org', 'friend@example.com'], { input: 'Subject: x\n\nx\n' });

    const status = await office.agent(['status']);
    expect(status.out).toMatch(/^waiting +1 mail, /m);
    expect(status.out).toMatch(/^agent run +does not run/m);
    expect(status.out).toMatch(/not taken: .*1\.misfit: its first line/);
    const json = JSON.parse((await office.agent(['status', '--json'])).out);
    expect(json).toMatchObject({ office: 'herat', running: false, waiting: { mails: 1 }, directory: { people: 6 } });

    const queue = JSON.parse((await office.agent(['queue', '--json'])).out);
    expect(queue).toMatchObject({
      count: 1,
      mails: [{ sender: 'farid@example.org', recipients: ['friend@example.com'], attempts: 0 }],
      misfits: [{ reason: expect.stringMatching(/first line/) }],
    });
    expect((await office.agent(['queue'])).out).toMatch(/<farid@example\.org> to friend@example\.com\n1 mail, /);

    const check = await office.agent(['check']);
    expect(check.code).toBe(65);
    expect(check.out).toMatch(/^queue +FAULT: .*1\.misfit is not taken/m);
    expect(check.out).toMatch(/^hub +no connection to 127\.0\.0\.1:1: nothing listens there/m);
  });

  test('a damaged file in the queue hides nothing else', async () => {
    const { store } = await office.open();
    const [entry] = await store.list('out/new/');
    const path = join(office.folder, 'data', entry?.key ?? '');
    const good = await readFile(path);
    await writeFile(path, good.subarray(0, -1));
    const { code, out } = await office.agent(['queue']);
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/is damaged: /) });
    await writeFile(path, good);
  });

  test('no link: sync ends with 75 and one sentence, and the mail stays', async () => {
    const { code, err } = await office.agent(['sync']);
    expect({ code, err }).toMatchObject({ code: 75, err: expect.stringMatching(/^agent: .*nothing listens there/m) });
    expect(JSON.parse((await office.agent(['queue', '--json'])).out).count).toBe(1);
    expect((await office.agent(['sync', '--link', 'moon'])).code).toBe(64);
  });

  test('the data folder of another program: 69', async () => {
    const data = join(office.folder, 'data-of-hub');
    await mkdir(data);
    await writeFile(join(data, '.owner'), 'fieldpost hub\n');
    const config = join(office.folder, 'other.toml');
    await writeFile(config, `office = "herat"\nhub = "127.0.0.1:1"\ndata = "${data}"\n`);
    for (const command of ['check', 'status', 'run'])
      expect((await runAgent([command, '--config', config])).code).toBe(69);
    await rm(data, { recursive: true });
  });
});
