/** What goes wrong in the field: each has one clear error, its exit code, and loses nothing. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Network } from '../support/network.ts';
import { done, type Outcome, runProgram } from '../support/program.ts';
import { sendQmtp } from '../support/qmtp-client.ts';
import { freePort, HubSite, OfficeSite, readMaildir } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';

const isRoot = process.getuid?.() === 0;

let folder: string;
let network: Network;
let herat: OfficeSite;
let mazar: OfficeSite;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-faults-'));
  network = await Network.open({ folder, store: 'folder' });
  herat = network.offices.get('herat') as OfficeSite;
  mazar = network.offices.get('mazar') as OfficeSite;
});

afterAll(async () => {
  await network?.close();
  await rm(folder, { recursive: true });
});

/** One sentence for a person, without a stack; log lines are JSON and are not looked at. */
function check({ code, err }: Outcome, wanted: { readonly code: number; readonly says: RegExp }): void {
  const words = err.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  expect({ code, words: words.join('\n') }).toEqual({ code: wanted.code, words: expect.stringMatching(wanted.says) });
  expect(err).not.toMatch(/\n\s+at /);
}

describe('configuration', () => {
  const hubToml = (lines: string): string => `hostname = "k.example.org"\ndomain = "example.org"\n${lines}`;
  const cases: readonly (readonly [what: string, toml: string, says: RegExp])[] = [
    ['an unknown key', hubToml('colour = "red"\n[store]\npath = "s"'), /unknown key colour/],
    [
      'an unknown key in a table',
      hubToml('[store]\npath = "s"\n[listen]\nsmpt = "127.0.0.1:0"'),
      /unknown key listen\.smpt/,
    ],
    ['a missing key', 'hostname = "k.example.org"\n[store]\npath = "s"', /domain is missing/],
    ['no TOML', 'hostname = kabul', /hub\.toml:1:/],
    ['a port that is none', hubToml('[store]\npath = "s"\n[listen]\nsmtp = "25"'), /listen\.smtp.*host:port/],
    ['a size that is none', hubToml('[store]\npath = "s"\n[limits]\nmail = "big"'), /limits\.mail.*size/],
    [
      'an [[allow]] that matches nothing',
      hubToml('[store]\npath = "s"\n[[allow]]\naddress = "10.1.0.0/99"\noffice = "x"'),
      /10\.1\.0\.0\/99/,
    ],
  ];
  test.each(cases)('%s: 78', async (_, toml, says) => {
    const config = join(folder, 'hub.toml');
    await writeFile(config, toml);
    check(await runProgram('hub', ['serve', '--config', config]), { code: 78, says });
  });

  test('a file that is not there: 78', async () =>
    check(await runProgram('hub', ['check', '--config', '/nowhere/hub.toml']), {
      code: 78,
      says: /\/nowhere\/hub\.toml: cannot be read/,
    }));
});

describe('an office and its key', () => {
  const keyFile = async (): Promise<string> => {
    const [, file = ''] = /key_file = "([^"]+)"/.exec(await readFile(mazar.configFile, 'utf8')) ?? [];
    return file;
  };

  test('the key is not there: 78', async () => {
    const file = await keyFile();
    const key = await readFile(file);
    await rm(file);
    check(await mazar.command(['sync']), { code: 78, says: /agent\.key/ });
    await writeFile(file, key, { mode: 0o600 });
  });

  test('anybody can read the key: 78, and how to mend it', async () => {
    const file = await keyFile();
    await chmod(file, 0o644);
    check(await mazar.command(['sync']), { code: 78, says: /agent\.key.*600/ });
    await chmod(file, 0o600);
  });

  test('the hub is not there: 75, and the mail stays', async () => {
    network.links.get('herat')?.drop();
    done(
      await herat.command(['send', '-f', 'farid@example.org', 'friend@example.com'], {
        input: 'Subject: later\n\nlater\n',
      }),
    );
    check(await herat.command(['sync']), { code: 75, says: /\w/ });
    const { out } = done(await herat.command(['queue', '--json']));
    expect(out).toContain('friend@example.com');
    network.links.get('herat')?.up();
    expect((await herat.sync()).line).toMatchObject({ ok: true, up: { mails: 1 } });
  });

  test.each([
    ['is no token', 'herat', /token/],
    ['was cut short', 'cut', /token/],
  ])('what is typed %s: 65', async (_, what, says) => {
    const token = what === 'cut' ? (await network.hub.addOffice('bamyan')).slice(0, -6) : what;
    const config = join(folder, 'nobody/agent.toml');
    check(await runProgram('agent', ['enrol', token, '--data', join(folder, 'nobody/data'), '--config', config]), {
      code: 65,
      says,
    });
  });

  test('two laptops with one key: the second is stopped with 77 until the hub readmits it', async () => {
    const token = await network.hub.addOffice('kunduz');
    const first = await OfficeSite.make({ folder: join(folder, 'first'), name: 'kunduz', token });
    done(await first.command(['sync']));
    const second = await OfficeSite.make({ folder: join(folder, 'second'), name: 'kunduz', token });
    check(await second.command(['sync']), { code: 77, says: /readmit/ });
    done(await first.command(['sync']));
    done(await network.hub.command(['office', 'readmit', 'kunduz']));
    done(await second.command(['sync']));
    check(await first.command(['sync']), { code: 77, says: /readmit/ });
  });

  test('a revoked office is out at once: 77, with a plain sentence', async () => {
    const office = await OfficeSite.make({
      folder: join(folder, 'zaranj'),
      name: 'zaranj',
      token: await network.hub.addOffice('zaranj'),
    });
    done(await office.command(['sync']));
    done(await network.hub.command(['office', 'revoke', 'zaranj']));
    check(await office.command(['sync']), { code: 77, says: /revoked/ });
  });
});

describe('bytes at the doors', () => {
  const qmtp = (bytes: string | Buffer): Promise<string> => talk(network.hub.daemon.address('qmtp'), bytes);
  const smtp = (bytes: string | Buffer): Promise<string> => talk(network.hub.daemon.address('smtp'), bytes);
  const toHolly = '17:holly@example.org,';

  const cases: readonly (readonly [what: string, bytes: string])[] = [
    ['a package cut short', '1000:\nSubject: t\n'],
    ['a length with a leading zero', `010:\nSubject:x,3:a@b,20:${toHolly},`],
    ['no comma', '4:\nabc;3:a@b,'],
    ['a length without end', '9'.repeat(100_000)],
    ['no netstring', '\0\0\0\0'],
    ['an inner list that overruns', `4:\nabc,3:a@b,10:${toHolly},`],
  ];
  test.each(cases)('QMTP: %s gets no K', async (_, bytes) => {
    expect(await qmtp(bytes)).not.toMatch(/:K/);
  });

  test('QMTP: what came before garbage stands', async () => {
    const whole = '9:\nSubject:,7:a@b.org,21:17:holly@example.org,,';
    expect(await qmtp(`${whole}999999999999:`)).toMatch(/^\d+:K/);
  });

  test('QMTP: a line of 1,000,000 bytes and all NULs arrive as they are', async () => {
    const body = Buffer.concat([
      Buffer.from('Message-ID: <long@x>\n\n'),
      Buffer.alloc(1_000_000, 'x'),
      Buffer.from('\n\0\0\n'),
    ]);
    const answers = await sendQmtp(network.hub.daemon.address('qmtp'), [
      { from: 'a@b.org', to: ['akbar@example.org'], body },
    ]);
    expect(answers).toEqual([expect.stringMatching(/^K/)]);
    const mailbox = await readMaildir(join(network.hub.folder, 'store/mailbox/akbar'));
    expect(mailbox.some(({ bytes }) => bytes.subarray(-body.length).equals(body))).toBe(true);
  });

  test.each([
    ['bare LF', 'a\nb\r\n'],
    ['bare CR', 'a\rb\r\n'],
    ['a NUL', 'a\0b\r\n'],
  ])('SMTP: %s is refused with the reason', async (_, text) => {
    const session = await SmtpSession.open(network.hub.daemon.address('smtp'));
    const reply = await session.send({
      from: 'a@b.org',
      to: ['holly@example.org'],
      wire: Buffer.from(`Subject: t\r\n\r\n${text}`),
    });
    expect(reply.code).toBeGreaterThanOrEqual(500);
    expect(reply.text).toMatch(/\w{4}/);
    await session.close();
  });

  test('SMTP: a command line without end does no harm', async () => {
    expect(await smtp(Buffer.alloc(2_000_000, 'x'))).not.toMatch(/^250 2\.0/m);
    const session = await SmtpSession.open(network.hub.daemon.address('smtp'));
    expect(await session.command('NOOP')).toMatchObject({ code: 250 });
    await session.close();
  });
});

/** Sends bytes, ends, and answers all that came back. */
function talk(address: { readonly host: string; readonly port: number }, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(address);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server that hangs up on garbage resets the connection; what it said before counts.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
    socket.end(bytes);
  });
}

describe('the store', () => {
  const bucketHub = async (endpoint: string, name: string): Promise<HubSite> =>
    HubSite.make({
      folder: join(folder, name),
      smarthost: '127.0.0.1:25',
      store: `bucket = "fieldpost"\nendpoint = "${endpoint}"`,
      env: { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' },
    });

  test.each([403, 500])('a bucket that says %i: 69, naming the bucket', async (status) => {
    const server = createServer((_, answer) => answer.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const hub = await bucketHub(`http://127.0.0.1:${port}`, `bucket-${status}`);
    check(await hub.command(['serve']), { code: 69, says: /fieldpost/ });
    server.closeAllConnections();
    server.close();
  });

  test('a bucket that is not there: 69, naming the endpoint', async () => {
    const hub = await bucketHub(`http://127.0.0.1:${await freePort()}`, 'bucket-nothing');
    check(await hub.command(['serve']), { code: 69, says: /127\.0\.0\.1/ });
  });

  test.skipIf(!isRoot)('a full disk: "try again" to the client, and nothing is kept by half (needs root)', async () => {
    const disk = join(folder, 'disk');
    execFileSync('mkdir', [disk]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    try {
      const hub = await HubSite.make({
        folder: join(folder, 'full'),
        smarthost: '127.0.0.1:25',
        store: `path = "${disk}/store"`,
      });
      done(await hub.command(['user', 'add', 'akbar@example.org', 'hub']));
      await hub.start();
      const mailbox = (): Promise<readonly unknown[]> => readMaildir(`${disk}/store/mailbox/akbar`);
      const session = await SmtpSession.open(hub.daemon.address('smtp'));
      const send = (id: number, bytes: number) => {
        const head = `Message-ID: <${id}@b.org>\r\n\r\n`;
        return session.send({
          from: 'a@b.org',
          to: ['akbar@example.org'],
          wire: Buffer.from(
            `${head}${'x'.repeat(70)}\r\n`.padEnd(bytes, `${'y'.repeat(70)}\r\n`).replace(/\r?\n?$/, '\r\n'),
          ),
        });
      };
      expect(await send(1, 1000)).toMatchObject({ code: 250 });
      expect((await send(2, 3_000_000)).code).toBeGreaterThanOrEqual(400);
      expect((await send(2, 3_000_000)).code).toBeLessThan(500);
      expect(await mailbox()).toHaveLength(1);
      expect(await send(3, 1000)).toMatchObject({ code: 250 });
      expect(await mailbox()).toHaveLength(2);
      await session.close();
      await hub.stop();
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });
});
