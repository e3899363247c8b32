import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { netstring } from '../../shared/core/netstring.ts';
import { accepted, deferred, refused, type Verdict } from '../../shared/core/verdict.ts';
import { readBody } from '../../shared/io/body.ts';
import { splitHostAddress } from '../../shared/io/config.ts';
import { openFsStore } from '../../shared/io/fs-store.ts';
import type { Listener } from '../../shared/io/listen.ts';
import type { Place } from '../../shared/io/mail.ts';
import { type QmtpServerOptions, startQmtpServer } from '../../shared/io/qmtp-server.ts';
import { type Store, StoreError } from '../../shared/io/store.ts';
import { readMails } from '../support/mails.ts';
import { qmtpPackage, sendQmtp } from '../support/qmtp-client.ts';

let folder: string;
let store: Store;
let listener: Listener | undefined;
let warnings: string[];
let errors: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-qmtp-'));
  store = await openFsStore(join(folder, 'store'));
  warnings = [];
  errors = [];
});
afterEach(async () => {
  await listener?.close(1);
  listener = undefined;
  expect(errors).toEqual([]);
  await rm(folder, { recursive: true });
});

/** `NAME@here` is a mailbox; `wait@here` is told to wait; everybody else is refused. */
function placeOn(used: Store): Place {
  const log = {
    info: () => {},
    warn: (event: string) => void warnings.push(event),
    error: (event: string, fields?: object) => void errors.push(`${event} ${JSON.stringify(fields)}`),
  };
  const route: Place['route'] = (_, sender, recipient) => {
    const [name, domain] = recipient.split('@');
    if (domain !== 'here') return { verdict: refused('not here (#5.1.1)'), deliveries: [] };
    if (name === 'wait') return { verdict: deferred('wait (#4.2.0)'), deliveries: [] };
    const delivery = { maildir: `mailbox/${name}`, form: 'mailbox', sender, recipient } as const;
    return { verdict: accepted('ok'), deliveries: [delivery] };
  };
  return { store: used, hostname: 'hub.test', log, route };
}

async function start(
  options: Partial<QmtpServerOptions> & {
    readonly mailBytesMax?: number;
    readonly refusal?: () => Promise<Verdict | undefined>;
    readonly concurrency?: number;
  } = {},
): Promise<{ host: string; port: number }> {
  const { mailBytesMax = 1_000_000, refusal, concurrency = 20, ...rest } = options;
  listener = await startQmtpServer({
    field: 'listen.qmtp',
    address: '127.0.0.1:0',
    connectionsMax: 50,
    perAddressMax: 50,
    place: placeOn(store),
    spool: join(folder, 'spool'),
    recipientsMax: 100,
    idleSeconds: 60,
    now: () => 1_795_471_464,
    caller: async () => ({
      peer: { name: 'qmtp', relays: false },
      name: 'test',
      concurrency,
      mailBytesMax,
      ...(refusal ? { refusal } : {}),
    }),
    ...rest,
  });
  return splitHostAddress(listener.address) as { host: string; port: number };
}

const mail = (body: string | Buffer, ...to: string[]) => ({ from: 'farid@herat', to, body: Buffer.from(body) });

/** Writes bytes, ends if asked to, and answers all that came until the server hung up. */
async function talk(where: { host: string; port: number }, bytes: Buffer, { end = false } = {}): Promise<string> {
  const socket = connect(where);
  let text = '';
  socket.on('data', (chunk) => (text += chunk));
  socket.on('error', () => {});
  socket.write(bytes);
  if (end) socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

/** What stands in a mailbox, without the lines that we put before it. */
async function delivered(name: string): Promise<string[]> {
  const bodies: string[] = [];
  for (const { key } of await store.list(`mailbox/${name}/`)) {
    const body = await store.get(key);
    const text = (await readBody(body as NonNullable<typeof body>, 1e8)).toString('latin1');
    bodies.push(text.replace(/^Return-Path: .*\nDelivered-To: .*\nReceived: .*\n/, ''));
  }
  return bodies;
}

test("the documented bytes, answered in qmail's form", async () => {
  const where = await start();
  const text = await talk(where, Buffer.from('19:\nSubject: t\n\nhello\n,7:s@x.org,14:10:akbar@here,,'), { end: true });
  expect(text).toMatch(/^\d+:Kok 1795471464 qp [0-9a-f]{8},$/);
  expect(await delivered('akbar')).toEqual(['Subject: t\n\nhello\n']);
});

test('hundreds of mails in flight: each delivered once, answers in order', async () => {
  const where = await start();
  const mails = Array.from({ length: 300 }, (_, number) =>
    mail(
      `Message-ID: <${number}@x>\n\n${'line\n'.repeat(number % 50)}`,
      'box@here',
      number % 3 ? 'wait@here' : 'nobody@else',
    ),
  );
  const answers = await sendQmtp(where, mails);
  expect(answers.map((answer) => answer[0]).join('')).toBe(
    mails.map((_, number) => (number % 3 ? 'KZ' : 'KD')).join(''),
  );
  expect((await delivered('box')).toSorted()).toEqual(mails.map(({ body }) => body.toString()).toSorted());
});

test('real mails arrive byte for byte, with either line end', async () => {
  const where = await start({ mailBytesMax: 100_000_000 });
  const mails = (await readMails(new URL('../corpus', import.meta.url).pathname)).map(({ bytes }) => bytes);
  const packages = mails.flatMap((bytes) => [
    qmtpPackage(mail(bytes, 'lf@here')),
    Buffer.concat([
      netstring(Buffer.concat([Buffer.from('\r'), bytes])),
      netstring('s'),
      netstring(netstring('crlf@here')),
    ]),
  ]);
  const text = await talk(where, Buffer.concat(packages), { end: true });
  expect(text.match(/:K/g)).toHaveLength(packages.length);
  expect((await delivered('lf')).toSorted()).toEqual(mails.map((bytes) => bytes.toString('latin1')).toSorted());
  const crlf = mails.map((bytes) => bytes.toString('latin1').replaceAll('\r\n', '\n'));
  expect((await delivered('crlf')).toSorted()).toEqual(crlf.toSorted());
});

test('a retry of the same mail has the same answer, and delivers nothing', async () => {
  const where = await start();
  const once = mail('Message-ID: <a@b>\n\nx\n', 'a@here', 'b@here');
  const [first, again] = [await sendQmtp(where, [once]), await sendQmtp(where, [once])];
  expect(again).toEqual(first);
  expect([await delivered('a'), await delivered('b')].flat()).toHaveLength(2);
});

describe('bad input: earlier mails stand', () => {
  const good = qmtpPackage(mail('good\n', 'a@here'));
  test.each([
    ['a package cut short', good.subarray(0, 12), true],
    ['garbage', Buffer.from('EHLO x\r\n'), false],
    ['a leading zero', Buffer.from('02:\nb,1:s,9:6:a@here,,'), false],
    ['a wrong comma', Buffer.from('2:\nb;1:s,9:6:a@here,,'), false],
    ['no recipients', Buffer.from('2:\nb,1:s,0:,'), false],
  ])('%s', async (_, bad, end) => {
    const where = await start();
    const text = await talk(where, Buffer.concat([good, good, bad, good.subarray(0, end ? 0 : undefined)]), { end });
    expect(text).toMatch(/^\d+:Kok [^,]*,\d+:Kok [^,]*,$/);
    expect(await delivered('a')).toEqual(['good\n', 'good\n']);
  });

  test('a client that is gone in the middle of a large package leaves nothing', async () => {
    const where = await start({ mailBytesMax: 10_000_000 });
    const socket = connect(where);
    socket.on('error', () => {});
    socket.write(Buffer.concat([good, Buffer.from('5000001:\n'), Buffer.alloc(2_000_000)]), () =>
      socket.resetAndDestroy(),
    );
    await new Promise((resolve) => socket.once('close', resolve));
    await listener?.close(10);
    expect(await readdir(join(folder, 'spool')).catch(() => [])).toEqual([]);
    expect((await store.list('mailbox/')).length).toBeLessThanOrEqual(1);
  });

  test('too large, NULs, long addresses: refused each for itself', async () => {
    const where = await start({ mailBytesMax: 1000 });
    const answers = await sendQmtp(where, [
      mail('x'.repeat(1000), 'a@here'),
      mail('x'.repeat(500_000), 'a@here', 'b@here'),
      mail('x', 'a\0@here', 'b@here', `${'c'.repeat(1000)}@here`),
      { ...mail('x', 'a@here', 'b@here'), from: 'a\0' },
      mail('last', 'b@here'),
    ]);
    expect(answers.map((answer) => answer[0]).join('')).toBe('KDDDKDDDK');
    expect(await delivered('a')).toEqual(['x'.repeat(1000)]);
    expect((await delivered('b')).toSorted()).toEqual(['last', 'x']);
  });
});

test('a client that does not read for long is not read from for ever, and loses nothing', async () => {
  const where = await start();
  const one = Buffer.concat([
    Buffer.from('2:\nb,0:,'),
    netstring(Buffer.concat(Array.from({ length: 90 }, () => netstring('n@else')))),
  ]);
  const packages = Buffer.concat(Array.from({ length: 6000 }, () => one));
  const socket = connect(where);
  socket.pause();
  socket.on('error', () => {});
  const written = new Promise<void>((resolve) => socket.write(packages, () => resolve()));
  // Before anything is read the server must have stopped taking: the answers are larger than all buffers between us.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(socket.bytesWritten - socket.writableLength).toBeLessThan(packages.length);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await written;
  socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  expect(Buffer.concat(chunks).toString().match(/:D/g)).toHaveLength(6000 * 90);
});

describe('the store fails', () => {
  const failing = (fails: () => boolean): Store => {
    const guard = async <T>(act: () => Promise<T>): Promise<T> => {
      if (fails()) throw new StoreError('the disk is full: make room');
      return act();
    };
    return {
      staging: store.staging,
      get: (key) => store.get(key),
      list: (prefix, page) => store.list(prefix, page),
      strays: (prefix) => store.strays(prefix),
      put: (key, body) => guard(() => store.put(key, body)),
      remove: (key) => guard(() => store.remove(key)),
      stage: (key, body) => guard(() => store.stage(key, body)),
      publish: (key) => guard(() => store.publish(key)),
    };
  };

  test('Z for all, and the mail is taken when it comes again', async () => {
    let full = true;
    const where = await start({ place: placeOn(failing(() => full)) });
    const sent = mail('Message-ID: <z@x>\n\nx\n', 'a@here', 'no@else');
    expect((await sendQmtp(where, [sent])).map((answer) => answer[0])).toEqual(['Z', 'Z']);
    full = false;
    expect((await sendQmtp(where, [sent])).map((answer) => answer[0])).toEqual(['K', 'D']);
    expect(await delivered('a')).toHaveLength(1);
  });

  test('a spool that cannot be written: Z, and the next mail is served', async () => {
    const where = await start({ spool: import.meta.filename, mailBytesMax: 10_000_000 });
    const answers = await sendQmtp(where, [mail(Buffer.alloc(1_000_000, 'x'), 'a@here'), mail('small', 'b@here')]);
    expect(answers.map((answer) => answer[0])).toEqual(['Z', 'K']);
    expect(warnings).toContain('a mail could not be spooled');
  });
});

describe('time and number', () => {
  test('a silent connection is closed; its whole mails have been answered', async () => {
    const where = await start({ idleSeconds: 0.1 });
    const text = await talk(where, Buffer.concat([qmtpPackage(mail('x', 'a@here')), Buffer.from('500:\nabc')]));
    expect(text).toMatch(/^\d+:Kok/);
    expect(warnings).toEqual(['a silent connection is closed']);
  });

  test('a server that is still at work is not idle', async () => {
    const { promise: slow, resolve: release } = Promise.withResolvers<Verdict | undefined>();
    const where = await start({ idleSeconds: 0.05, refusal: () => slow });
    setTimeout(() => release(undefined), 400);
    expect((await sendQmtp(where, [mail('x', 'a@here')]))[0]).toMatch(/^K/);
  });

  test('no more connections of one caller than its concurrency', async () => {
    const where = await start({ concurrency: 2 });
    const held = [connect(where), connect(where)];
    const pending = held.map(
      (socket) => new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk)))),
    );
    for (const socket of held) socket.write(qmtpPackage(mail('x', 'a@here')));
    await Promise.all(pending);
    expect(await talk(where, qmtpPackage(mail('x', 'a@here')))).toBe('');
    for (const socket of held) socket.destroy();
  });

  test('no more mails in hand than the concurrency, and the others follow', async () => {
    let [atOnce, most] = [0, 0];
    const refusal = async (): Promise<undefined> => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setTimeout(resolve, 5));
      atOnce -= 1;
    };
    const where = await start({ concurrency: 3, refusal });
    expect(
      await sendQmtp(
        where,
        Array.from({ length: 30 }, () => mail('x', 'a@here')),
      ),
    ).toHaveLength(30);
    expect(most).toBe(3);
  });
});

test('a caller that is shut out in mid-connection hears it', async () => {
  const verdicts = [undefined, refused('office herat has been shut out (#5.7.1)')];
  const where = await start({ concurrency: 1, refusal: async () => verdicts.shift() });
  const answers = await sendQmtp(where, [mail('x', 'a@here'), mail('y', 'a@here')]);
  expect(answers.map((answer) => answer.slice(0, 13))).toEqual([expect.stringMatching(/^Kok/), 'Doffice herat']);
  expect(await delivered('a')).toEqual(['x']);
});

test('close finishes what is in hand, answers it, and takes nothing new', async () => {
  const { promise: slow, resolve: release } = Promise.withResolvers<Verdict | undefined>();
  const started = Promise.withResolvers<void>();
  const where = await start({
    refusal: () => {
      started.resolve();
      return slow;
    },
  });
  const text = talk(where, Buffer.concat([qmtpPackage(mail('in hand', 'a@here')), Buffer.from('500:\nhalf')]));
  await started.promise;
  const closing = listener?.close(30);
  release(undefined);
  await closing;
  expect(await text).toMatch(/^\d+:Kok [^,]*,$/);
  expect(await delivered('a')).toEqual(['in hand']);
  await expect(sendQmtp(where, [mail('late', 'a@here')])).rejects.toThrow();
});

test('garbage never brings the server down', async () => {
  const where = await start();
  const sockets: Promise<string>[] = [];
  for (let round = 0; round < 30; round += 1) sockets.push(talk(where, randomBytes(1 + round * 37), { end: true }));
  await Promise.all(sockets);
  expect(await sendQmtp(where, [mail('still here', 'a@here')])).toHaveLength(1);
});
