/** The hub's command line, with a hub that serves and without one. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { done } from '../support/program.ts';
import { HubSite } from '../support/sites.ts';

let folder: string;
let hub: HubSite;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-commands-'));
  hub = await HubSite.make({ folder, smarthost: '127.0.0.1:9' });
});

afterAll(async () => {
  await hub?.stop();
  await rm(folder, { recursive: true });
});

const list = async (words: readonly string[]): Promise<string> => done(await hub.command(words)).out;

describe('without a hub that serves', () => {
  test('a command works on the store itself', async () => {
    expect(await hub.addOffice('herat')).toMatch(/^fieldpost1-/);
    expect(await list(['office', 'list'])).toContain('herat');
  });

  test('a command that is cut short leaves nothing to wait for', async () => {
    await hub.command(['office', 'list'], { started: (child) => setTimeout(() => child.kill('SIGKILL'), 150) });
    expect(await list(['office', 'list'])).toContain('herat');
  });
});

describe('with a hub that serves', () => {
  beforeAll(() => hub.start());

  test('it knows at once what a command has done', async () => {
    done(await hub.command(['user', 'add', 'holly@example.org', 'herat']));
    expect(await list(['user', 'list'])).toContain('holly@example.org');
    expect(await list(['status'])).toContain('herat');
  });

  test('a file named on the command line is read where the command is typed', async () => {
    const file = join(folder, 'aliases');
    await writeFile(file, 'info@example.org: holly@example.org;\n');
    done(await hub.command(['alias', 'import', file]));
    expect(await list(['alias', 'list'])).toContain('info@example.org');
    expect(await hub.command(['alias', 'import', join(folder, 'none')])).toMatchObject({
      code: 65,
      err: expect.stringContaining('cannot be read (ENOENT)'),
    });
  });

  test('a stick is written and read where the command is typed', async () => {
    await hub.addOffice('farah');
    const file = join(folder, 'to-farah.batch');
    expect(await list(['export', 'farah', file])).toContain('0 mails');
    expect((await readFile(file)).toString('latin1', 0, 17)).toBe('fieldpost batch 1');
    expect(await hub.command(['import', file])).toMatchObject({
      code: 65,
      err: expect.stringContaining('goes to an office'),
    });
  });

  test('errors and their exit codes come through', async () => {
    const outcome = await hub.command(['user', 'add', 'tom@example.org', 'nowhere']);
    expect(outcome.code).toBe(65);
    expect(outcome.err).toMatch(/^hub: .*nowhere/);
  });

  test('nobody gets in without the secret', async () => {
    const { host, port } = hub.daemon.address('admin');
    const answer = await fetch(`http://${host}:${port}/command`, {
      method: 'POST',
      headers: { authorization: 'Bearer guess' },
      body: '{}',
    });
    expect(answer.status).toBe(401);
  });

  test('a supervisor sees its health', async () => {
    const { host, port } = hub.daemon.address('admin');
    expect((await fetch(`http://${host}:${port}/healthz`)).status).toBe(200);
  });

  test('a second hub on the same folder is refused in words', async () => {
    expect(await hub.command(['serve'])).toMatchObject({
      code: 75,
      err: expect.stringContaining('another hub serves'),
    });
  });

  test('it stops when told, and commands work on the store again', async () => {
    expect(await hub.stop()).toBe(0);
    expect(await list(['user', 'list'])).toContain('holly@example.org');
  });

  test('one that was killed leaves a run file that misleads nobody', async () => {
    await hub.start();
    await hub.kill9();
    expect(await list(['user', 'list'])).toContain('holly@example.org');
  });
});

describe('words', () => {
  test.each([
    [['offices'], 64, /no command 'offices/],
    [['office'], 64, /after 'office' comes one of: add, list/],
    [['office', 'add'], 64, /1 argument expected, got 0\nusage: hub office add NAME/],
    [['status', '--jsn'], 64, /Unknown option '--jsn'/],
    [['office', 'add', 'Herat City'], 65, /Herat City/],
  ])('%j: %d', async (words, code, says) => {
    expect(await hub.command(words)).toMatchObject({ code, err: expect.stringMatching(says) });
  });
});
