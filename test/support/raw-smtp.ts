/** A TCP client for dialogues byte by byte: what it sends may break every rule. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export class RawSmtp {
  #socket: Socket;
  #text = '';
  #closed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('utf8');
      this.#wake();
    });
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
    this.#socket.on('error', () => this.#socket.destroy());
  }

  /** Connects and reads the greeting. */
  static async open(address: string): Promise<RawSmtp> {
    const [host = '', port] = address.split(':');
    const client = new RawSmtp(connect(Number(port), host));
    await client.reply();
    return client;
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** Sends a line, answers its reply. */
  say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** The next reply, its last line; `closed` when the server has hung up. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(this.#text);
      if (match) {
        this.#text = this.#text.slice(match[0].length);
        return match[1] ?? '';
      }
      if (this.#closed) return 'closed';
      await this.#more();
    }
  }

  async replies(count: number): Promise<readonly string[]> {
    const all: string[] = [];
    while (all.length < count) all.push(await this.reply());
    return all;
  }

  /** Greets and gives an envelope; answers the last reply, to DATA. */
  async begin(from: string, to: readonly string[]): Promise<string> {
    await this.say('EHLO client.test');
    await this.say(`MAIL FROM:<${from}>`);
    for (const recipient of to) await this.say(`RCPT TO:<${recipient}>`);
    return this.say('DATA');
  }

  /** Goes on inside TLS, with whatever certificate the server has. */
  async secure(): Promise<void> {
    this.#socket.removeAllListeners();
    this.#socket = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(this.#socket, 'secureConnect');
    this.#listen();
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
