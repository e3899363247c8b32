import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Body, bytesBody, textBody } from '../../shared/io/body.ts';
import { dial } from '../../shared/io/dial.ts';
import { type QmtpOutgoing, type QmtpVerdicts, sendByQmtp } from '../../shared/io/qmtp-client.ts';
import { type PeerOptions, type QmtpPeer, startQmtpPeer } from '../support/qmtp-peer.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function peer(options: PeerOptions): Promise<QmtpPeer> {
  const started = await startQmtpPeer(options);
  closers.push(started.close);
  return started;
}

interface Numbered extends QmtpOutgoing {
  readonly number: number;
}

const mail = (
  number: number,
  body: Body = textBody(`Subject: ${number}\n\nbody of ${number}\n`),
  recipients = [`r${number}@x`],
): Numbered => ({
  number,
  sender: `s${number}@x`,
  recipients,
  body,
});

async function* listed(...mails: readonly Numbered[]): AsyncGenerator<Numbered> {
  yield* mails;
}

async function send(port: number, mails: AsyncIterable<Numbered>, idleSeconds = 30) {
  const settled = new Map<number, QmtpVerdicts>();
  const socket = await dial({ host: '127.0.0.1', port, seconds: 10 });
  const result = await sendByQmtp(socket, mails, {
    idleSeconds,
    settle: async ({ number }, verdicts) => {
      expect(settled.has(number)).toBe(false);
      settled.set(number, verdicts);
    },
  });
  return {
    result,
    settled,
    letters: (number: number) =>
      settled
        .get(number)
        ?.map((verdict) => verdict?.letter ?? '-')
        .join(''),
  };
}

test('qmail bytes, every verdict to its recipient', async () => {
  const qmtpd = await peer({ answer: (recipient) => `${recipient[0]?.toUpperCase()}text for ${recipient}` });
  const { result, settled, letters } = await send(
    qmtpd.port,
    listed(
      mail(0, textBody(''), ['k@x']),
      mail(1, bytesBody(Buffer.from('a\r\nb\0\xff\r', 'latin1')), ['d@x', 'k@x', 'z@x']),
    ),
  );
  expect(qmtpd.faults).toEqual([]);
  expect(qmtpd.mails).toEqual([
    { sender: 's0@x', recipients: ['k@x'], text: Buffer.from('') },
    { sender: 's1@x', recipients: ['d@x', 'k@x', 'z@x'], text: Buffer.from('a\r\nb\0\xff\r', 'latin1') },
  ]);
  expect([letters(0), letters(1)]).toEqual(['K', 'DKZ']);
  expect(settled.get(1)?.[0]?.text).toBe('text for d@x');
  expect(result).toEqual({ bytes: expect.any(Number), unconfirmed: 0 });
});

test('a thousand mails, answers in bunches of thirty', async () => {
  const qmtpd = await peer({ answer: () => 'Kok', bunch: 30 });
  async function* many(): AsyncGenerator<Numbered> {
    for (let number = 0; number < 1000; number += 1) yield mail(number);
  }
  const { settled, result } = await send(qmtpd.port, many());
  expect(qmtpd.mails).toHaveLength(1000);
  expect([...settled.keys()]).toEqual(Array.from({ length: 1000 }, (_, number) => number));
  expect(result.cut).toBeUndefined();
});

test('large bodies while the server writes long answers: nobody waits for the other', async () => {
  const qmtpd = await peer({ answer: () => `K${'x'.repeat(5000)}` });
  const large = bytesBody(Buffer.alloc(3_000_000, 'line\n'));
  const mails = Array.from({ length: 12 }, (_, number) =>
    mail(
      number,
      large,
      Array.from({ length: 200 }, (_, at) => `r${at}@x`),
    ),
  );
  const { settled, result } = await send(qmtpd.port, listed(...mails));
  expect(settled.size).toBe(12);
  expect(result).toMatchObject({ unconfirmed: 0 });
});

describe('cut', () => {
  test('by the server between two recipients: the first is settled, the second unconfirmed', async () => {
    const qmtpd = await peer({ answer: (recipient) => (recipient === 'gone@x' ? undefined : 'Kok') });
    const { result, letters } = await send(qmtpd.port, listed(mail(0), mail(1, textBody('b'), ['a@x', 'gone@x'])));
    expect([letters(0), letters(1)]).toEqual(['K', 'K-']);
    expect(result).toMatchObject({ unconfirmed: 1, cut: expect.stringMatching(/hung up|broke/) });
  });

  test('in the middle of a package: nothing is unconfirmed, for it was never whole', async () => {
    const qmtpd = await peer({ answer: () => 'Kok', readsAtMost: 500_000 });
    const { result, letters } = await send(qmtpd.port, listed(mail(0), mail(1, bytesBody(Buffer.alloc(50_000_000)))));
    expect([letters(0), letters(1)]).toEqual(['K', undefined]);
    expect(result).toMatchObject({ unconfirmed: 0, cut: expect.stringMatching(/hung up|broke/) });
  });

  test('an unreadable body ends the connection after the answers of the mails before it', async () => {
    const qmtpd = await peer({ answer: () => 'Kok', bunch: 2 });
    const settled: number[] = [];
    const broken: Body = {
      size: 10,
      // biome-ignore lint/correctness/useYield: it fails before it has anything.
      read: async function* () {
        throw new Error('the disk is gone');
      },
    };
    const socket = await dial({ host: '127.0.0.1', port: qmtpd.port, seconds: 10 });
    const sending = sendByQmtp(socket, listed(mail(0), mail(1), mail(2, broken)), {
      idleSeconds: 30,
      settle: async ({ number }) => void settled.push(number),
    });
    await expect(sending).rejects.toThrow('the disk is gone');
    expect(settled).toEqual([0, 1]);
    expect(qmtpd.mails).toHaveLength(2);
  });

  test('what settling throws ends the sending', async () => {
    const qmtpd = await peer({ answer: () => 'Kok' });
    const socket = await dial({ host: '127.0.0.1', port: qmtpd.port, seconds: 10 });
    const settle = async () => {
      throw new Error('the store says no');
    };
    await expect(sendByQmtp(socket, listed(mail(0)), { idleSeconds: 30, settle })).rejects.toThrow('the store says no');
  });
});

describe('a server that is none', () => {
  async function server(connected: (socket: Socket) => void): Promise<number> {
    const sockets: Socket[] = [];
    const listening = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      connected(socket);
    });
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listening.close(resolve));
    });
    return (listening.address() as { port: number }).port;
  }

  test.each([
    ['an SMTP server', (socket: Socket) => socket.write('220 mail ESMTP\r\n'), 'does not speak QMTP'],
    ['one that hangs up', (socket: Socket) => socket.end(), 'hung up'],
    ['one that never answers', (socket: Socket) => socket.resume(), 'no progress for 0.2 s'],
    ['one that never reads', (socket: Socket) => socket.pause(), 'no progress for 0.2 s'],
  ])('%s', async (_, connected, reason) => {
    const { result, settled } = await send(
      await server(connected),
      listed(mail(0), mail(1, bytesBody(Buffer.alloc(20_000_000)))),
      0.2,
    );
    expect(result.cut).toContain(reason);
    expect(settled.size).toBe(0);
  });

  test('with nothing to send a silent server is no trouble', async () => {
    const { result } = await send(await server((socket) => socket.pause()), listed());
    expect(result).toEqual({ bytes: 0, unconfirmed: 0 });
  });
});
