/** A plain SMTP client that sends exactly the bytes that it is given: what mail libraries mend, our doors must see. */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface SmtpReply {
  readonly code: number;
  readonly text: string;
}

export interface SmtpMail {
  readonly from: string;
  readonly to: readonly string[];
  /** CRLF line ends, with one at the end; dots are stuffed here. */
  readonly wire: Buffer;
}

/** The connection went before an answer came: nobody knows whether the mail was taken. */
export class NoAnswer extends Error {}

export class SmtpSession {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.#socket = socket.setNoDelay();
    this.#lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  }

  static async open(
    address: { readonly host: string; readonly port: number },
    helo = 'client.test',
  ): Promise<SmtpSession> {
    const socket = connect(address);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (error) => reject(new NoAnswer(error.message)));
    });
    socket.on('error', () => socket.destroy());
    const session = new SmtpSession(socket);
    await session.#reply();
    await session.command(`EHLO ${helo}`);
    return session;
  }

  /** Sends a command line as it is; answers the reply. */
  command(line: string | Buffer): Promise<SmtpReply> {
    this.#socket.write(Buffer.concat([Buffer.from(line), Buffer.from('\r\n')]));
    return this.#reply();
  }

  /** One mail; answers the reply that decided its fate: the first refusal, or the one to its data. */
  async send({ from, to, wire }: SmtpMail): Promise<SmtpReply> {
    const eight = wire.some((byte) => byte > 127) ? ' BODY=8BITMIME' : '';
    for (const line of [`MAIL FROM:<${from}>${eight}`, ...to.map((address) => `RCPT TO:<${address}>`), 'DATA']) {
      const reply = await this.command(line);
      if (reply.code >= 400) {
        await this.command('RSET');
        return reply;
      }
    }
    return this.command(Buffer.concat([stuffed(wire), Buffer.from('.')]));
  }

  async close(): Promise<void> {
    await this.command('QUIT').catch((error: unknown) => {
      if (!(error instanceof NoAnswer)) throw error;
    });
    this.#socket.destroy();
  }

  async #nextLine(): Promise<IteratorResult<string>> {
    try {
      return await this.#lines.next();
    } catch (error) {
      throw new NoAnswer((error as Error).message);
    }
  }

  async #reply(): Promise<SmtpReply> {
    const texts: string[] = [];
    for (;;) {
      const { value, done } = await this.#nextLine();
      if (done) throw new NoAnswer('the connection was closed before the answer');
      texts.push(value.slice(4));
      if (value[3] !== '-') return { code: Number(value.slice(0, 3)), text: texts.join('\n') };
    }
  }
}

function stuffed(wire: Buffer): Buffer {
  const text = wire.toString('latin1');
  return text.startsWith('.') || text.includes('\n.') ? Buffer.from(text.replace(/(^|\n)\./g, '$1..'), 'latin1') : wire;
}
