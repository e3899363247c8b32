/** A hub that has worked: each kind of damage, done by hand, is told in words and repaired without loss. */
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sync } from '../../agent/sync.ts';
import { readContact } from '../../hub/contact.ts';
import { openDirectory } from '../../hub/live-directory.ts';
import { lockData } from '../../hub/open-hub.ts';
import { DEFAULT_LIMITS } from '../../shared/core/directory.ts';
import { accept } from '../../shared/io/accept.ts';
import { listEntries } from '../../shared/io/maildir.ts';
import { readNote, writeNote } from '../../shared/io/note.ts';
import { recover } from '../../shared/io/recover.ts';
import { arrivalOf } from '../support/accept-world.ts';
import { type Checked, fsckHub } from '../support/fsck.ts';
import { HERAT, postDown, postUp, type SyncPair, syncPair } from '../support/sync-office.ts';
import { until } from '../support/until.ts';

let pair: SyncPair;
let store: string;

const mail = (name: string, bytes = 10): Buffer =>
  Buffer.from(`Message-ID: <${name}@x>\nSubject: ${name}\n\n${'word '.repeat(bytes / 5)}\n`);

beforeEach(async () => {
  pair = await syncPair({ tables: true, office: { ...HERAT, limits: { ...DEFAULT_LIMITS, holdBytesMax: 20_000 } } });
  const { hub } = pair;
  store = join(hub.folder, 'store');
  await writeFile(hub.config.secret_file, hub.secret, { mode: 0o600 });
  await hub.directory.edit({ do: 'office.add', office: 'herat', domains: [...HERAT.domains], keyId: HERAT.keyId });
  await postUp(pair.agent, mail('up'));
  await postDown(hub, mail('down'));
  await postDown(hub, mail('large', 30_000));
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  await tripsNoted(1);
  await postDown(hub, mail('waits'));
});
afterEach(() => pair.close());

/** The hub has written all that a trip leaves behind. */
const tripsNoted = (trips: number): Promise<boolean> =>
  until(
    async () => ((await readContact(pair.hub, 'herat'))?.months[0]?.[1].trips === trips ? true : undefined),
    async () => `the hub has not noted ${trips} trips`,
  );

const fsck = (options: Record<string, boolean> = {}): Promise<Checked> =>
  fsckHub(join(pair.hub.folder, 'hub.toml'), options);
const files = async (folder: string): Promise<readonly string[]> => {
  const names = await readdir(join(store, folder)).catch(() => []);
  return names.sort().map((name) => join(store, folder, name));
};
/** The file of a mail that waits. */
const entryFile = async (subject: string, folder = 'office/herat/new'): Promise<string> => {
  for (const file of await files(folder))
    if ((await readFile(file, 'utf8')).includes(`Subject: ${subject}\n`)) return file;
  throw new Error(`no mail ${subject} in ${folder}`);
};
const keyOf = (file: string): string => file.slice(store.length + 1);
const lost = (key: string): Promise<string> => readFile(join(store, 'lost+found', key), 'utf8');
const idOf = (file: string): string => /\.([0-9a-f]{64})\./.exec(file)?.[1] ?? '';
const arrivalOfFile = (file: string): string => /\.([0-9a-f]{32})\.[0-9a-f]{8}$/.exec(file)?.[1] ?? '';
const seenFile = (file: string): string => join(store, 'seen', arrivalOfFile(file).slice(0, 2), arrivalOfFile(file));
const cutInHalf = async (file: string): Promise<void> => truncate(file, Math.floor((await stat(file)).size / 2));

/** What is found is repaired, and then there is nothing more to repair. */
async function repairs(key: string, text: RegExp): Promise<Checked> {
  const before = await fsck();
  expect(before.findings).toContainEqual(
    expect.objectContaining({ key, text: expect.stringMatching(text), repaired: false }),
  );
  const after = await fsck({ repair: true });
  expect(after.findings).toContainEqual(expect.objectContaining({ key, repaired: true }));
  expect(await fsck()).toMatchObject({ code: 0, faults: 0 });
  return before;
}

test('a hub that has worked has no fault, every object of it is of a known kind, and looking changes nothing', async () => {
  const before = await readdir(store, { recursive: true });
  const checked = await fsck();
  expect(checked).toMatchObject({ code: 0, faults: 0, notes: 0, findings: [] });
  expect(checked.counts).toMatchObject({ 'waiting mails': { objects: 3 }, 'tokens of held mail': { objects: 1 } });
  expect(checked.counts.answers?.objects).toBeGreaterThan(3);
  expect(await readdir(store, { recursive: true })).toEqual(before);
});

test('while a hub works it looks, and does not repair', async () => {
  const lock = await lockData(pair.hub.config);
  expect(await fsck()).toMatchObject({ code: 0 });
  expect(await fsck({ repair: true })).toMatchObject({ code: 75, error: expect.stringContaining('systemctl stop') });
  await lock?.release();
});

describe('a waiting mail', () => {
  test('cut off goes to lost+found, and the word there says whose it is', async () => {
    const file = await entryFile('large');
    await cutInHalf(file);
    const { code } = await repairs(
      keyOf(file),
      /damaged: .*from <postmaster@herat.example.org> for farid@herat.example.org/,
    );
    expect(code).toBe(65);
    expect(await lost(`${keyOf(file)}.why`)).toContain('for farid@herat.example.org');
    expect(await lost(keyOf(file))).toContain('Subject: large');
  });

  test('with other bytes in its body is found by its hash, unless bodies are not read', async () => {
    const file = await entryFile('waits');
    await writeFile(file, (await readFile(file, 'latin1')).replace('word word', 'work word'), 'latin1');
    expect(await fsck({ quick: true })).toMatchObject({ code: 0 });
    await repairs(keyOf(file), /its body is not what was taken/);
  });

  test('under a lost name goes on, once', async () => {
    const file = await entryFile('waits');
    await rename(file, join(dirname(file), 'WAITS_1.TXT'));
    await repairs('office/herat/new/WAITS_1.TXT', /a whole mail under a name that nobody reads/);
    expect(await sync(pair.agent)).toMatchObject({ ok: true, down: { mails: 1 } });
    expect((await readdir(join(pair.agent.config.data, 'users/farid/new'))).length).toBeGreaterThan(1);
  });

  test('that is no mail is moved away', async () => {
    await writeFile(join(store, 'office/herat/new/letter.txt'), 'Dear all');
    await repairs('office/herat/new/letter.txt', /no entry: nobody reads it/);
    expect(await lost('office/herat/new/letter.txt')).toBe('Dear all');
  });

  test('that was staged, answered and never shown is shown', async () => {
    const file = await entryFile('waits');
    const staged = join(store, 'tmp/staged', `${keyOf(file)},000000000000.1.999999.1`);
    await mkdir(dirname(staged), { recursive: true });
    await rename(file, staged);
    expect(await fsck()).toMatchObject({
      notes: 1,
      findings: [{ text: expect.stringContaining('kept from its readers') }],
    });
    await fsck({ repair: true });
    expect(keyOf(await entryFile('waits'))).toBe(keyOf(file));
  });

  test('the same with a damaged answer, with which no start succeeds', async () => {
    const file = await entryFile('waits');
    const staged = join(store, 'tmp/staged', `${keyOf(file)},000000000000.1.999999.1`);
    await mkdir(dirname(staged), { recursive: true });
    await rename(file, staged);
    await writeFile(seenFile(file), '{"peer":"do');
    await expect(recover(pair.hub.place)).rejects.toThrow('damaged');
    await fsck({ repair: true });
    await recover(pair.hub.place);
    expect(await sync(pair.agent)).toMatchObject({ ok: true, down: { mails: 1 } });
  });
});

describe('an answer', () => {
  const again = async (): Promise<number> => {
    await postDown(pair.hub, mail('waits'));
    return (await listEntries(pair.hub.store, 'office/herat')).length;
  };

  test('that is damaged, or gone, is written anew from its mail: brought again, that is not taken twice', async () => {
    const file = await entryFile('waits');
    for (const damage of [() => cutInHalf(seenFile(file)), () => rm(seenFile(file))]) {
      await damage();
      await repairs(keyOf(seenFile(file)), /is damaged|is not there/);
      expect(await again()).toBe(2);
    }
  });

  test('that is damaged, and whose mail has gone on, is moved away: a mail of its name is taken again', async () => {
    const file = await entryFile('waits');
    await rm(file);
    await cutInHalf(seenFile(file));
    await expect(postDown(pair.hub, mail('waits'))).rejects.toThrow('not accepted');
    await repairs(keyOf(seenFile(file)), /put off for ever/);
    expect(await again()).toBe(2);
  });
});

describe('a note', () => {
  test('that is cut off holds up its mail; who had an answer in it is not asked again', async () => {
    const file = await entryFile('up', 'internet/new');
    const settled = { 'a"b@x': { letter: 'K', text: 'ok' }, 'c@x': { letter: 'D', text: 'no' } } as const;
    await writeNote(pair.hub.store, 'internet', idOf(file), {
      attempts: 3,
      nextTry: 0,
      settled,
      lastError: 'x'.repeat(50),
    });
    const note = join(store, 'internet/note', idOf(file));
    await truncate(note, (await stat(note)).size - 20);
    await expect(readNote(pair.hub.store, 'internet', idOf(file))).rejects.toThrow('damaged');
    await repairs(keyOf(note), /its mail is held up/);
    expect(await readNote(pair.hub.store, 'internet', idOf(file))).toMatchObject({ settled });
  });

  test('without its mail is removed', async () => {
    await writeNote(pair.hub.store, 'internet', 'e'.repeat(64), { attempts: 1, nextTry: 0, settled: {} });
    await repairs(`internet/note/${'e'.repeat(64)}`, /a note without its mail/);
  });
});

describe('what trips leave', () => {
  test.each([
    ['cut off: the same laptop goes on', async (file: string) => cutInHalf(file)],
    ['unreadable: the next laptop is taken', async (file: string) => writeFile(file, '\0'.repeat(100))],
  ])('a state that is %s, and no mail comes twice', async (_, damage) => {
    await damage(join(store, 'office/herat/trips/000000000000'));
    expect(await sync(pair.agent)).toMatchObject({ ok: false });
    await repairs('office/herat/trips/000000000000', /no trip can be made with it/);
    await postUp(pair.agent, mail('up 2'));
    expect(await sync(pair.agent)).toMatchObject({ ok: true, up: { mails: 1 }, down: { mails: 1 } });
    await postDown(pair.hub, mail('down 2'));
    expect(await sync(pair.agent)).toMatchObject({ ok: true, down: { mails: 1 } });
    expect(await readdir(join(pair.agent.config.data, 'users/farid/new'))).toHaveLength(4);
  });

  test('a state of a newer version is left alone', async () => {
    const file = join(store, 'office/herat/trips/000000000000');
    const state = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...state, more: 1 }));
    expect(await fsck({ repair: true })).toMatchObject({
      code: 65,
      findings: [{ text: expect.stringContaining('newer version') }],
    });
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveProperty('more');
  });

  test('histories and parts are moved away when they are damaged, and mail goes on', async () => {
    const [piece = ''] = await files('office/herat/history/down');
    await cutInHalf(piece);
    await repairs(keyOf(piece), /damaged piece of a history/);
    const part = join(store, 'office/herat/parts/up', 'a'.repeat(64));
    await mkdir(dirname(part), { recursive: true });
    await writeFile(part, 'other bytes');
    await repairs(keyOf(part), /not what its name says/);
    expect(await sync(pair.agent)).toMatchObject({ ok: true, down: { mails: 1 } });
  });
});

describe('held mail', () => {
  test('whose token is gone can be asked for again, and no second summary comes', async () => {
    const [token = ''] = await files('office/herat/held');
    await rm(token);
    await repairs(keyOf(await entryFile('large')), /cannot ask for: its token is gone/);
    expect(await sync(pair.agent)).toMatchObject({ ok: true, down: { mails: 1 } });
    expect(await files('office/herat/held')).toEqual([token]);
  });

  test('a token that is damaged is made anew', async () => {
    const [token = ''] = await files('office/herat/held');
    await cutInHalf(token);
    expect(await fsck()).toMatchObject({ code: 65, findings: [{ key: keyOf(token) }] });
    await fsck({ repair: true });
    await sync(pair.agent);
    expect(await files('office/herat/held')).toEqual([token]);
  });

  test('a token without its mail is a note', async () => {
    await rm(await entryFile('large'));
    expect(await fsck()).toMatchObject({
      code: 0,
      findings: expect.arrayContaining([expect.objectContaining({ text: expect.stringContaining('mail is gone') })]),
    });
  });

  test('tokens of another secret betray that the secret is not the one', async () => {
    await writeFile(pair.hub.config.secret_file, Buffer.alloc(32, 8));
    expect(await fsck()).toMatchObject({
      code: 65,
      findings: expect.arrayContaining([
        expect.objectContaining({ text: expect.stringContaining('not the secret that this hub had') }),
      ]),
    });
  });
});

test.each([
  ['office/herat/contact', 'hub status'],
  ['office/herat/asked/0123456789abcdef0123456789abcdef', 'requests'],
  ['moving/0123456789abcdef0123456789abcdef', 'the start'],
])('%s, damaged, stops %s until it is moved away', async (key) => {
  await mkdir(dirname(join(store, key)), { recursive: true });
  await writeFile(join(store, key), '{"time":17');
  await repairs(key, /it cannot be read/);
  expect(await readContact(pair.hub, 'herat')).toEqual(key.endsWith('contact') ? undefined : expect.anything());
});

describe('the directory', () => {
  const edit = (address: string) => pair.hub.directory.edit({ do: 'user.add', address, post: 'herat' });
  const log = (version: number): string => join(store, 'directory', String(version).padStart(10, '0'));
  const users = async (): Promise<readonly string[]> => [
    ...(await openDirectory(pair.hub.store, pair.hub.config)).current.users.keys(),
  ];

  test('an edit behind a hole does not come into force when the hole is filled', async () => {
    for (const name of ['a', 'b', 'c']) await edit(`${name}@example.org`);
    await rm(log(3));
    await repairs('directory/0000000004', /edit 3 is missing/);
    expect(await users()).toEqual(['a@example.org']);
    expect(await lost('directory/0000000004.why')).toContain('"address":"c@example.org"');
    const directory = await openDirectory(pair.hub.store, pair.hub.config);
    await directory.edit({ do: 'user.add', address: 'd@example.org', post: 'herat' });
    expect(await users()).toEqual(['a@example.org', 'd@example.org']);
  });

  test('a damaged edit, and a damaged snapshot', async () => {
    for (let n = 0; n < 66; n += 1) await edit(`u${n}@example.org`);
    const [snapshot = ''] = await files('directory-snapshot');
    await cutInHalf(snapshot);
    await expect(users()).rejects.toThrow('damaged');
    await repairs(keyOf(snapshot), /damaged snapshot/);
    expect(await users()).toHaveLength(66);
    await cutInHalf(log(67));
    await repairs('directory/0000000067', /damaged edit/);
    expect(await users()).toHaveLength(65);
  });

  test('mail of an office that it does not know is told', async () => {
    await mkdir(join(store, 'office/farah/new'), { recursive: true });
    const file = await entryFile('waits');
    await rename(file, file.replace('/herat/', '/farah/'));
    expect(await fsck()).toMatchObject({
      code: 65,
      findings: expect.arrayContaining([
        expect.objectContaining({ key: 'office/farah', text: expect.stringContaining('hub office add farah') }),
      ]),
    });
  });
});

describe('the folder', () => {
  test('secrets that others can read, and one that is gone', async () => {
    const { secret_file: secret } = pair.hub.config;
    await chmod(secret, 0o644);
    await repairs(secret, /others can read it/);
    expect((await stat(secret)).mode & 0o777).toBe(0o600);
    await rm(secret);
    expect(await fsck()).toMatchObject({
      code: 65,
      findings: [{ key: secret, text: expect.stringContaining('enrolled again') }],
    });
    await expect(stat(secret)).rejects.toThrow('ENOENT');
  });

  test('names that are no keys, what is no file, objects of a newer version, files of other users', async () => {
    await writeFile(join(store, 'office/herat/new/a b'), '');
    await writeFile(join(store, 'office/herat/new/ümlaut'), '');
    await symlink('/nowhere', join(store, 'office/link'));
    await mkdir(join(store, 'office/herat/lanterns'));
    await writeFile(join(store, 'office/herat/lanterns/1'), '');
    const { code, findings } = await fsck({ repair: true });
    expect(code).toBe(0);
    const texts = findings.map(({ key, text }) => `${key.replace(`${store}/`, '')}: ${text}`).sort();
    expect(texts).toEqual([
      expect.stringMatching(/^office\/herat\/lanterns\/: 1 object is not known to this version/),
      'office/herat/new/a b: no name of ours: nobody reads it',
      'office/herat/new/ümlaut: no name of ours: nobody reads it',
      'office/link: neither file nor folder: passed over',
    ]);
  });

  test.runIf(process.getuid?.() === 0)('files of another user are told, with the command', async () => {
    const file = await entryFile('waits');
    await chown(file, 4_321, 4_321);
    expect(await fsck()).toMatchObject({
      code: 65,
      findings: [{ key: file, text: expect.stringContaining(`chown -R --reference=${store}`) }],
    });
  });
});

test('a hub that is refused its mail by a damaged answer takes it after the repair: kept mail stays as it is', async () => {
  const kept = await files(`office/herat/delivered/${(await readdir(join(store, 'office/herat/delivered')))[0]}`);
  expect(kept.length).toBe(2);
  const [first = ''] = kept;
  await cutInHalf(first);
  await repairs(keyOf(first), /damaged/);
  expect(await lost(keyOf(first))).toContain('Return-Path');
  expect((await accept(pair.hub.place, arrivalOf(['farid@example.org']), pair.hub.now()))[0]?.letter).toBe('K');
});
