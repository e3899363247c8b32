/** A QMTP client written from the protocol's text alone, so that our own codec is not its own judge. */
import { connect, type Socket } from 'node:net';
import { NoAnswer } from './smtp-client.ts';

export interface QmtpMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Lines end in LF; every other byte is data. */
  readonly body: Buffer;
}

const netstring = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from(`${bytes.length}:`), bytes, Buffer.from(',')]);

export function qmtpPackage({ from, to, body }: QmtpMail): Buffer {
  const recipients = Buffer.concat(to.map((address) => netstring(Buffer.from(address))));
  return Buffer.concat([
    netstring(Buffer.concat([Buffer.from('\n'), body])),
    netstring(Buffer.from(from)),
    netstring(recipients),
  ]);
}

/** Sends all mails on one connection, pipelined; answers one text per recipient, in order. */
export async function sendQmtp(
  address: { readonly host: string; readonly port: number },
  mails: readonly QmtpMail[],
): Promise<readonly string[]> {
  const socket = connect(address);
  const wanted = mails.reduce((sum, { to }) => sum + to.length, 0);
  // Written while the answers are read: a client that writes first and reads later hangs with its server.
  const writing = (async () => {
    for (const mail of mails) if (!socket.write(qmtpPackage(mail))) await drained(socket);
  })();
  let received: Buffer = Buffer.alloc(0);
  const answers: string[] = [];
  try {
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer]);
      received = takeAnswers(received, answers);
      if (answers.length >= wanted) break;
    }
  } catch (error) {
    throw new NoAnswer((error as Error).message);
  } finally {
    socket.destroy();
  }
  await writing;
  if (answers.length < wanted) throw new NoAnswer(`${answers.length} of ${wanted} answers came`);
  return answers;
}

/** Or closed. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      socket.off('drain', end).off('close', end);
      resolve();
    };
    socket.on('drain', end).on('close', end);
  });
}

function takeAnswers(bytes: Buffer, answers: string[]): Buffer {
  let rest = bytes;
  for (;;) {
    const match = /^(\d{1,9}):/.exec(rest.toString('latin1', 0, 10));
    if (!match) return rest;
    const start = match[0].length;
    const end = start + Number(match[1]);
    if (rest.length <= end) return rest;
    if (rest[end] !== 0x2c) throw new Error('an answer does not end in a comma');
    answers.push(rest.toString('utf8', start, end));
    rest = rest.subarray(end + 1);
  }
}
