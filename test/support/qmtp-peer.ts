/**
 * A QMTP server in the manner of qmail-qmtpd, written from the protocol's text and not from our codec. It is stricter:
 * a byte out of place fails the test. It answers when a package is whole, and may hang up at any point.
 */
import { createServer, type Socket } from 'node:net';

interface PeerMail {
  readonly text: Buffer;
  readonly sender: string;
  readonly recipients: readonly string[];
}

export interface PeerOptions {
  /** The answer for a recipient; undefined hangs up instead. */
  answer(recipient: string, mail: PeerMail): string | undefined;
  /** Holds answers back until so many wait, as a busy server does. */
  readonly bunch?: number;
  /** No answer leaves before this. */
  readonly answersAfter?: Promise<void>;
  /** Hangs up after reading so many bytes. */
  readonly readsAtMost?: number;
}

export interface QmtpPeer {
  readonly port: number;
  /** Mails wholly read, in order. */
  readonly mails: PeerMail[];
  /** What was out of place. */
  readonly faults: string[];
  close(): Promise<void>;
}

export async function startQmtpPeer(options: PeerOptions): Promise<QmtpPeer> {
  const mails: PeerMail[] = [];
  const faults: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket, { ...options, mails, faults });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as { port: number }).port, mails, faults, close };
}

function serve(socket: Socket, options: PeerOptions & { readonly mails: PeerMail[]; readonly faults: string[] }): void {
  const { bunch = 1, readsAtMost = Number.POSITIVE_INFINITY } = options;
  let bytes: Buffer = Buffer.alloc(0);
  let read = 0;
  let held: string[] = [];
  const say = (): void => {
    const text = held.join('');
    held = [];
    if (options.answersAfter) options.answersAfter.then(() => socket.write(text));
    else socket.write(text);
  };
  socket.on('data', (chunk: Buffer) => {
    read += chunk.length;
    if (read > readsAtMost) {
      socket.destroy();
      return;
    }
    bytes = Buffer.concat([bytes, chunk]);
    try {
      for (let taken = takePackage(bytes); taken; taken = takePackage(bytes)) {
        bytes = taken.rest;
        options.mails.push(taken.mail);
        for (const recipient of taken.mail.recipients) {
          const answer = options.answer(recipient, taken.mail);
          if (answer === undefined) {
            say();
            socket.end();
            socket.removeAllListeners('data').resume();
            return;
          }
          held.push(`${Buffer.byteLength(answer)}:${answer},`);
        }
      }
    } catch (error) {
      options.faults.push((error as Error).message);
      socket.destroy();
      return;
    }
    // What is left waits for more only if the client may still send some.
    if (held.length >= bunch || (bytes.length === 0 && held.length > 0)) say();
  });
}

function takePackage(bytes: Buffer): { readonly mail: PeerMail; readonly rest: Buffer } | undefined {
  const text = take(bytes);
  const sender = text && take(text.rest);
  const list = sender && take(sender.rest);
  if (!list) return undefined;
  if (text.content[0] !== 10) throw new Error('the text does not begin with byte 10');
  const recipients: string[] = [];
  for (let rest = list.content; rest.length > 0; ) {
    const recipient = take(rest);
    if (!recipient) throw new Error('the list of recipients is cut short');
    recipients.push(recipient.content.toString());
    rest = recipient.rest;
  }
  if (recipients.length === 0) throw new Error('no recipients');
  return { mail: { text: text.content.subarray(1), sender: sender.content.toString(), recipients }, rest: list.rest };
}

function take(bytes: Buffer): { readonly content: Buffer; readonly rest: Buffer } | undefined {
  const colon = bytes.indexOf(58);
  const digits = bytes.toString('latin1', 0, colon < 0 ? bytes.length : colon);
  if (!/^(0|[1-9]\d{0,11})?$/.test(digits) || colon === 0)
    throw new Error(`no length of a netstring: ${digits.slice(0, 20)}`);
  const end = colon + 1 + Number(digits);
  if (colon < 0 || bytes.length <= end) return undefined;
  if (bytes[end] !== 44) throw new Error('no comma at the end of a netstring');
  return { content: bytes.subarray(colon + 1, end), rest: bytes.subarray(end + 1) };
}
