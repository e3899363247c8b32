/** A small POP3 client that says whatever it is told to. */
import { connect, type Socket } from 'node:net';

export class Pop3Client {
  readonly #socket: Socket;
  #bytes = '';
  #closed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
    socket.on('error', () => socket.destroy());
  }

  /** Connects, and reads the greeting. */
  static async open(address: string): Promise<Pop3Client> {
    const [host = '', port] = address.split(':');
    const client = new Pop3Client(connect(Number(port), host));
    await client.line();
    return client;
  }

  /** Connects and logs in; answers the last reply as well. */
  static async logIn(address: string, name: string, password: string): Promise<[Pop3Client, string]> {
    const client = await Pop3Client.open(address);
    await client.say(`USER ${name}`);
    return [client, await client.say(`PASS ${password}`)];
  }

  send(bytes: string): void {
    this.#socket.write(bytes);
  }

  /** Sends a command; answers the first line of its reply. */
  say(command: string): Promise<string> {
    this.send(`${command}\r\n`);
    return this.line();
  }

  /** Sends a command with a reply of many lines; answers them as they came, without the dots, in LF form. */
  async ask(command: string): Promise<string> {
    const first = await this.say(command);
    if (!first.startsWith('+OK')) throw new Error(`${command}: ${first}`);
    let text = '';
    for (;;) {
      const line = await this.line();
      if (line === '.') return text;
      text += `${line.replace(/^\./, '')}\n`;
    }
  }

  /** `closed` when the server has hung up. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#bytes.slice(0, end);
        this.#bytes = this.#bytes.slice(end + 2);
        return line;
      }
      if (this.#closed) return 'closed';
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  pauseReading(): void {
    this.#socket.pause();
  }

  hangUp(): void {
    this.#socket.destroy();
  }
}
