/** Mail between an office and the hub through Debian's UUCP and NNCP, both ways, over lines that are cut, with files that come twice. */
import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EXIT } from '../../shared/io/command-line.ts';
import { makeNncp, type NncpNodes, nncpProgram } from '../support/nncp.ts';
import { hasPeer } from '../support/peers.ts';
import { done, type Outcome, run } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { openUucp, type UucpLine } from '../support/uucp.ts';

const MAILS = 6;

let folder: string;
let hub: HubSite;
let herat: OfficeSite;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-carriers-'));
});
afterEach(async () => {
  await hub.stop();
  await rm(folder, { recursive: true, force: true });
});

const words = (command: readonly string[]): string => JSON.stringify(command);

/** The two sites, each with its carrier; the office has never called over a link. */
async function makeSites(carriers: {
  readonly office: { readonly command: readonly string[]; readonly inbox: string };
  readonly hub: { readonly command: readonly string[]; readonly inbox: string };
}): Promise<void> {
  const at = ({ command, inbox }: { command: readonly string[]; inbox: string }): string =>
    `command = ${words(command)}\ninbox = ${JSON.stringify(inbox)}\n`;
  const more = `[[carrier]]\noffice = "herat"\ninterval = "1 day"\n${at(carriers.hub)}`;
  hub = await HubSite.make({ folder: join(folder, 'kabul'), smarthost: '127.0.0.1:1', more });
  const token = await hub.addOffice('herat');
  for (const [address, post] of [
    ['farid@example.org', 'herat'],
    ['akbar@example.org', 'hub'],
  ] as const)
    done(await hub.command(['user', 'add', address, post]));
  await hub.start();
  herat = await OfficeSite.make({
    folder: join(folder, 'herat'),
    name: 'herat',
    token,
    hub: '127.0.0.1:1',
    more: `[[link]]\nname = "carrier"\nmatch = { command = ["true"] }\n${at(carriers.office)}`,
  });
}

/** Folders that a carrier's programs of any user may write into. */
async function inboxes(): Promise<{ readonly office: string; readonly hub: string }> {
  const made = { office: join(folder, 'in-office'), hub: join(folder, 'in-hub') };
  for (const path of Object.values(made)) {
    await mkdir(path);
    await chmod(path, 0o777);
  }
  await chmod(folder, 0o755);
  return made;
}

const mail = (name: string, bytes = 20_000): string =>
  `From: a@b\nSubject: ${name}\n\n${randomBytes(bytes).toString('base64')}\n`;

const send = async (to: string, name: string, bytes?: number): Promise<void> => {
  done(await herat.command(['send', '-f', 'farid@herat.example.org', to], { input: mail(name, bytes) }));
};

const sync = (): Promise<Outcome> => herat.command(['sync']);
const carry = (): Promise<Outcome> => hub.command(['carry', 'herat']);

/** Subjects of a Maildir, sorted. */
async function subjects(...path: readonly string[]): Promise<readonly string[]> {
  const place = join(...path, 'new');
  const names = await readdir(place).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(place, name), 'utf8')));
  return texts.map((text) => /^Subject: (.*)$/m.exec(text)?.[1] ?? '').sort();
}

const atHub = (): Promise<readonly string[]> => subjects(folder, 'kabul/store/mailbox/akbar');
const atOffice = (): Promise<readonly string[]> => subjects(herat.data, 'users/farid');
const queued = async (): Promise<string> => done(await herat.command(['queue'])).out;

/** Mail of a person at headquarters for the office. */
async function sendDown(name: string): Promise<void> {
  const { host, port } = hub.daemon.address('smtp');
  const { SmtpSession } = await import('../support/smtp-client.ts');
  const session = await SmtpSession.open({ host, port });
  const wire = Buffer.from(mail(name).replaceAll('\n', '\r\n'));
  expect(await session.send({ from: 'friend@example.com', to: ['farid@example.org'], wire })).toMatchObject({
    code: 250,
  });
  await session.close();
}

const names = (word: string): readonly string[] => Array.from({ length: MAILS }, (_, n) => `${word} ${n}`);

/** Carries until nothing waits at the office: `move` takes what lies in the carrier's queues to the other side. */
async function exchange(move: () => Promise<void>): Promise<void> {
  for (const name of names('up')) await send('akbar@example.org', name);
  for (const name of names('down')) await sendDown(name);
  done(await sync());
  expect(await queued()).toMatch(/with carrier for/);
  done(await carry());
  await move();
  done(await sync());
  done(await carry());
  await move();
  done(await sync());
  expect([await atHub(), await atOffice()]).toEqual([names('up'), names('down')]);
  expect(await queued()).toContain('nothing waits');
  done(await carry());
  expect(done(await hub.command(['queue', 'herat'])).out).toContain('nothing waits');
}

describe.skipIf(!hasPeer('uucp') || process.getuid?.() !== 0)('Taylor UUCP (needs root)', () => {
  let line: UucpLine;
  beforeEach(async () => {
    const inbox = await inboxes();
    const bin = { office: join(folder, 'bin-office'), hub: join(folder, 'bin-hub') };
    // What runs there puts its input into the inbox, under a name of its own, and whole.
    for (const end of ['office', 'hub'] as const) {
      await mkdir(bin[end]);
      await writeFile(
        join(bin[end], 'fieldpost-in'),
        `#!/bin/sh\nset -e\nPATH=/usr/bin:/bin\nfile=$(mktemp ${inbox[end]}/.XXXXXXXXXX)\ncat > "$file"\nchmod 644 "$file"\nmv "$file" "${inbox[end]}/\${file##*/.}"\n`,
        { mode: 0o755 },
      );
    }
    line = await openUucp({
      folder: join(folder, 'uucp'),
      protocol: 't',
      commands: {
        office: { names: 'fieldpost-in', path: bin.office },
        hub: { names: 'fieldpost-in', path: bin.hub },
      },
    });
    await makeSites({
      office: { command: line.uux('office', ['hub!fieldpost-in']), inbox: inbox.office },
      hub: { command: line.uux('hub', ['office!fieldpost-in']), inbox: inbox.hub },
    });
  });
  afterEach(() => line.close());

  const move = async (): Promise<void> => {
    for (let calls = 0; calls < 60; calls += 1) if (await line.call()) break;
    for (const end of ['office', 'hub'] as const) await line.execute(end);
  };

  test('carries mail both ways, and the answers', () => exchange(move));

  test('a line that is cut every 40 KB carries all, each mail once', async () => {
    line.proxy.every = 40_000;
    await exchange(move);
  });
});

describe.skipIf(!hasPeer('nncp'))('NNCP', () => {
  let nodes: NncpNodes;
  const nncp = async (name: string, args: readonly string[]): Promise<Outcome> =>
    done(await run(nncpProgram(name), args));
  beforeEach(async () => {
    const inbox = await inboxes();
    nodes = await makeNncp({
      folder: join(folder, 'nncp'),
      office: { incoming: inbox.office },
      hub: { incoming: inbox.hub },
    });
    const file = (end: 'office' | 'hub', to: string): readonly string[] => [
      nncpProgram('file'),
      ...nodes.configOf[end],
      '-noprogress',
      '{file}',
      `${to}:`,
    ];
    await makeSites({
      office: { command: file('office', 'hub'), inbox: inbox.office },
      hub: { command: file('hub', 'office'), inbox: inbox.hub },
    });
  });

  /** A disk that is carried to and fro, of which each packet is taken twice. */
  const move = async (): Promise<void> => {
    const disk = join(folder, 'disk');
    for (const [from, to] of [
      ['office', 'hub'],
      ['hub', 'office'],
    ] as const) {
      await mkdir(disk, { recursive: true });
      await nncp('xfer', [...nodes.configOf[from], '-noprogress', '-tx', '-mkdir', disk]);
      await cp(disk, `${disk}-copy`, { recursive: true });
      for (const path of [disk, `${disk}-copy`]) {
        await nncp('xfer', [...nodes.configOf[to], '-noprogress', '-rx', path]);
        await nncp('toss', [...nodes.configOf[to], '-noprogress']);
        await rm(path, { recursive: true });
      }
    }
  };

  test('carries mail both ways, each file twice, and each mail once', async () => {
    await exchange(move);
    expect(await readdir(join(folder, 'in-hub'))).toEqual([]);
    expect(await readdir(join(folder, 'herat/data/carrier/carrier'))).toEqual([]);
  });
});

describe('a program', () => {
  const carried = async (command: readonly string[]): Promise<void> => {
    const inbox = await inboxes();
    await makeSites({
      office: { command, inbox: inbox.office },
      hub: { command: ['cp', '{file}', inbox.office], inbox: inbox.hub },
    });
  };

  test('that fails: one clear error with its own words, and nothing counts as sent', async () => {
    await carried(['sh', '-c', 'echo the modem is off >&2; exit 3']);
    await send('akbar@example.org', 'up');
    const { code, err } = await sync();
    expect(code).toBe(EXIT.later);
    expect(err).toBe('agent: link carrier: sh: exit code 3; it said: the modem is off: nothing counts as sent\n');
    expect(await queued()).not.toContain('with carrier');
    const missing = await herat.command(['sync', '--link', 'default']);
    expect(missing.code).toBe(EXIT.later);
    expect(done(await herat.command(['check'])).out).toMatch(/^hub +link carrier hands mail to sh: there is no line/m);
    await rm(join(folder, 'in-office'), { recursive: true });
    expect(await herat.command(['check'])).toMatchObject({
      code: EXIT.config,
      out: expect.stringMatching(/^inbox .*ENOENT/m),
    });
  });

  test('that is not there, or does not end', async () => {
    await carried(['/usr/bin/no-such-carrier', '{file}']);
    await send('akbar@example.org', 'up');
    expect((await sync()).err).toContain('/usr/bin/no-such-carrier: cannot be run (ENOENT)');
    const toml = await readFile(herat.configFile, 'utf8');
    await writeFile(
      herat.configFile,
      toml.replace('["/usr/bin/no-such-carrier","{file}"]', '["sleep", "600"]\ncommand_timeout = "1 s"'),
    );
    expect((await sync()).err).toContain('did not end within 1 s, and was stopped');
    expect(await queued()).not.toContain('with carrier');
  });

  test('names with blanks and quotes are words, and no shell sees them', async () => {
    const odd = join(tmpdir(), "odd $(touch oops) 'name");
    await rm(odd, { recursive: true, force: true });
    await mkdir(odd);
    await carried(['cp', '{file}', odd]);
    await send('akbar@example.org', 'up');
    done(await sync());
    const [file = ''] = await readdir(odd);
    expect(file).toMatch(/^herat-up-[0-9a-f]{16}\.batch$/);
    expect(done(await hub.command(['import', join(odd, file)])).out).toContain('1 mails taken');
    await rm(odd, { recursive: true });
  });

  test('has a mail until stick_wait is over, and then a second batch has it: it arrives once', async () => {
    await carried(['cp', '{file}', join(folder, 'lost')]);
    const toml = await readFile(herat.configFile, 'utf8');
    await writeFile(herat.configFile, `${toml}stick_wait = "1 s"\n`);
    await mkdir(join(folder, 'lost'));
    await send('akbar@example.org', 'up');
    done(await sync());
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    done(await sync());
    const files = await readdir(join(folder, 'lost'));
    expect(files).toHaveLength(2);
    for (const file of files) done(await hub.command(['import', join(folder, 'lost', file)]));
    expect(await atHub()).toEqual(['up']);
    done(await carry());
    done(await sync());
    expect(await queued()).toContain('nothing waits');
  });

  test('a file that is cut short or not ours stays in the inbox, and holds up no other', async () => {
    await carried(['cp', '{file}', join(folder, 'in-hub')]);
    await send('akbar@example.org', 'one');
    done(await sync());
    const inbox = join(folder, 'in-hub');
    const [file = ''] = await readdir(inbox);
    const bytes = await readFile(join(inbox, file));
    await writeFile(join(inbox, 'a-half'), bytes.subarray(0, 9_000));
    await writeFile(join(inbox, 'b-other'), 'hello');
    expect(done(await carry()).out).toContain('1 mails');
    expect((await readdir(inbox)).sort()).toEqual(['a-half', 'b-other']);
    expect(await readFile(hub.logFile, 'utf8')).toContain('a file of a carrier was not taken whole, and stays');
    await writeFile(join(inbox, 'a-half'), bytes);
    done(await carry());
    expect([await readdir(inbox), await atHub()]).toEqual([['b-other'], ['one']]);
  });
});
