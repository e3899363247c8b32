/** `hub office`, `hub user` and `hub alias`, as an operator types them. */
import { beforeEach, describe, expect, test } from 'vitest';
import { aliasCommands } from '../../hub/commands/alias.ts';
import { officeCommands } from '../../hub/commands/office.ts';
import { userCommands } from '../../hub/commands/user.ts';
import type { Hub } from '../../hub/hub.ts';
import { readOfficeTrips, writeOfficeTrips } from '../../hub/instance.ts';
import { deriveOfficeKey } from '../../hub/office-key.ts';
import { decodeToken } from '../../shared/core/token.ts';
import { newTripState } from '../../shared/io/trip-state.ts';
import { Disk, Session } from '../support/faulty-store.ts';
import { hubOnStore, type Ran, runCommand } from '../support/hub-on-store.ts';

const COMMANDS = [...officeCommands, ...userCommands, ...aliasCommands];

let hub: Hub;
beforeEach(async () => {
  hub = await hubOnStore(new Session(new Disk('apart')));
});

const type = (line: string, files: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  runCommand(COMMANDS, hub, line, { files });

async function typed(...lines: readonly string[]): Promise<readonly string[]> {
  let last: Ran = { code: 0, out: [] };
  for (const line of lines) {
    last = await type(line);
    expect({ line, code: last.code, error: last.error }).toEqual({ line, code: 0, error: undefined });
  }
  return last.out;
}

const jsonOf = async (line: string): Promise<unknown> => JSON.parse((await typed(line)).join('\n'));

describe('office', () => {
  test('add prints the token as its last line, alone', async () => {
    const out = await typed('office add herat --domain=herat.example.org');
    const { identity, key, ...rest } = decodeToken(out.at(-1) ?? '');
    expect(rest).toEqual({
      hub: 'kabul.example.org:4433',
      office: 'herat',
      domain: 'example.org',
      officeDomains: ['herat.example.org'],
    });
    const office = hub.directory.office('herat');
    expect(identity).toBe(`${office?.keyId}.1`);
    expect(Buffer.from(key)).toEqual(deriveOfficeKey(hub.secret, office?.keyId ?? '', 1));
  });

  test('without a domain it gets one; a suffix alone is not enough', async () => {
    await typed('office add mazar', 'office add farah --domain=.west.example.org');
    expect(hub.directory.office('mazar')?.domains).toEqual(['mazar.example.org']);
    expect(hub.directory.office('farah')?.domains).toEqual(['farah.example.org', '.west.example.org']);
  });

  test('a new key has a new token, and the old data folder need not be the one that calls', async () => {
    await typed('office add herat');
    await writeOfficeTrips(hub, 'herat', newTripState('0'.repeat(16)));
    const out = await typed('office rekey herat');
    expect(decodeToken(out.at(-1) ?? '').identity).toBe(`${hub.directory.office('herat')?.keyId}.2`);
    expect(await readOfficeTrips(hub, 'herat')).toMatchObject({ readmit: true });
  });

  test('revoke, readmit', async () => {
    await typed('office add herat');
    await writeOfficeTrips(hub, 'herat', newTripState('0'.repeat(16)));
    await typed('office revoke herat');
    expect(await jsonOf('office list --json')).toMatchObject([{ name: 'herat', revoked: true }]);
    await typed('office readmit herat');
    expect(hub.directory.office('herat')?.revoked).toBe(false);
    expect(await readOfficeTrips(hub, 'herat')).toMatchObject({ readmit: true });
  });

  test('limits: set, shown, and each mistake named', async () => {
    await typed('office add herat', 'office limits herat mail=1.5MB concurrency=3 users=any');
    expect(await jsonOf('office limits herat --json')).toEqual({
      mail: 1_500_000,
      concurrency: 3,
      users: 'any',
      hold: 0,
      plain: false,
      spam: 'mark',
    });
    for (const [pair, says] of [
      ['mail=big', /size/],
      ['hold=big', /size/],
      ['plain=maybe', /plain=yes/],
      ['spam=eat', /spam=mark, spam=hold or spam=refuse/],
      ['hold=2KB', /at least 5000 bytes/],
      ['concurrency=0', /1 to/],
      ['users=all', /known or users=any/],
      ['colour=red', /mail=SIZE, hold=SIZE/],
      ['mail', /mail=SIZE/],
    ] as const)
      expect(await type(`office limits herat ${pair}`)).toMatchObject({ code: 64, error: expect.stringMatching(says) });
    expect(await type('office limits nix mail=1')).toMatchObject({ code: 65 });
    expect(await type('office show nix')).toMatchObject({ code: 65, error: expect.stringMatching(/no office "nix"/) });
  });
});

describe('user', () => {
  beforeEach(() => typed('office add herat', 'office add mazar'));

  test('add, move, list, remove', async () => {
    await typed('user add Farid herat', 'user add akbar@example.org hub', 'user move farid mazar');
    expect(await jsonOf('user list --json')).toEqual([
      { address: 'akbar@example.org', office: 'hub' },
      { address: 'farid@example.org', office: 'mazar' },
    ]);
    expect(await typed('user list hub')).toHaveLength(1);
    await typed('user remove farid');
    expect(await jsonOf('user list --json')).toHaveLength(1);
  });

  test.each([
    ['user add ../x herat', /mailbox/],
    ['user add x nix', /no office "nix"/],
    ['user move x herat', /user add/],
    ['user remove x', /user list/],
  ])('%s: 65', async (line, says) =>
    expect(await type(line)).toMatchObject({ code: 65, error: expect.stringMatching(says) }),
  );
});

describe('alias', () => {
  beforeEach(() => typed('office add herat', 'user add farid herat', 'user add holly herat'));

  test('set, list, remove', async () => {
    await typed('alias set staff farid holly --owner=it@example.com');
    expect(await jsonOf('alias list --json')).toEqual([
      { address: 'staff@example.org', targets: ['farid@example.org', 'holly@example.org'], owner: 'it@example.com' },
    ]);
    await typed('alias remove STAFF');
    expect(await jsonOf('alias list --json')).toEqual([]);
  });

  test.each([
    ['alias set a a', /only to itself/],
    ['alias set a gone', /gone@example\.org/],
  ])('%s: done, and its trouble said', async (line, says) => expect((await typed(line)).join(' ')).toMatch(says));

  test('export, import into another hub, export: the same', async () => {
    await typed(
      'alias set staff farid holly --owner=it@example.com',
      'alias set @old.example farid',
      'alias set web@ holly',
    );
    const out = await typed('alias export');
    hub = await hubOnStore(new Session(new Disk('apart')));
    expect(await type('alias import f', { f: `${out.join('\n')}\n` })).toMatchObject({ code: 0 });
    expect(await typed('alias export')).toEqual(out);
  });

  test('import says which lines it could not use, all of them, and changes nothing', async () => {
    const f = 'root: farid\nx: |prog\nfarid: holly\ny: /dev/null\n';
    const { code, error = '' } = await type('alias import f', { f });
    expect(code).toBe(65);
    expect(error.match(/^f:\d+:/gm)).toEqual(['f:2:', 'f:3:', 'f:4:']);
    expect(await jsonOf('alias list --json')).toEqual([]);
  });

  test('import says what was left out, what leads nowhere, what was replaced', async () => {
    await typed('alias set root holly');
    const { out } = await type('alias import f --json', { f: 'root: farid\nroot: holly\na: gone\n' });
    expect(JSON.parse(out.join(''))).toMatchObject({
      format: 'sendmail',
      aliases: 2,
      replaced: 1,
      notes: [{ line: 2 }, { line: 3 }],
    });
  });

  test('a format that is none: 64', async () =>
    expect(await type('alias import f --format=exim', { f: 'a: b' })).toMatchObject({ code: 64 }));
});
