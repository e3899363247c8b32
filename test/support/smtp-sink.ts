/**
 * The Internet's mail servers, as one: an SMTP server that keeps envelopes and exact bytes, written from the standard and not
 * from the libraries that the product uses. It can refuse, defer, and hang up after it was given the whole mail.
 */
import { createServer, type Socket } from 'node:net';
import { TLSSocket, type TlsOptions } from 'node:tls';

interface SinkMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Parameters of MAIL FROM, such as `SIZE=123 BODY=8BITMIME`. */
  readonly parameters: string;
  /** What was sent, with CRLF line ends, dots unstuffed. */
  readonly wire: Buffer;
  readonly tls: boolean;
}

export interface SinkOptions {
  /** What the answer to EHLO offers. */
  readonly extensions?: readonly string[];
  /** The greeting; `silence` leaves the client waiting. */
  readonly greeting?: string;
  /** A reply that refuses or defers this recipient; undefined takes it. */
  recipient?(recipient: string): string | undefined;
  /** A reply to the whole mail; `hang up` ends the connection without one, `silence` leaves the client waiting; undefined takes it. */
  mail?(mail: SinkMail): string | undefined;
  /** Ends the session after each mail, as some servers do. */
  readonly oneMailOnly?: boolean;
  /** For STARTTLS, which is offered then. */
  readonly tls?: TlsOptions;
  readonly port?: number;
  readonly host?: string;
}

export interface SmtpSink {
  /** host:port. */
  readonly address: string;
  readonly port: number;
  /** Mails that were taken, in order. */
  readonly mails: SinkMail[];
  /** Sessions that were begun. */
  readonly sessions: number;
  /** Waits until so many mails have been taken. */
  until(count: number): Promise<readonly SinkMail[]>;
  close(): Promise<void>;
}

const EXTENSIONS = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 500000000'];

export async function startSmtpSink(options: SinkOptions = {}): Promise<SmtpSink> {
  const mails: SinkMail[] = [];
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  let sessions = 0;
  const take = (mail: SinkMail): string | undefined => {
    const answer = options.mail?.(mail);
    if (answer === undefined) mails.push(mail);
    for (const wake of waiting) wake();
    return answer ?? '250 2.0.0 taken';
  };
  const server = createServer((socket) => {
    sessions++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    new SinkSession(socket, options, take).greet();
  });
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as { port: number };
  return {
    address: `${host}:${port}`,
    port,
    mails,
    get sessions() {
      return sessions;
    },
    until: async (count) => {
      while (mails.length < count) {
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
        });
        waiting.clear();
      }
      return mails;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const END = Buffer.from('\r\n.\r\n');

class SinkSession {
  #socket: Socket;
  readonly #options: SinkOptions;
  readonly #take: (mail: SinkMail) => string | undefined;
  #line = Buffer.alloc(0);
  #from: string | undefined;
  #parameters = '';
  #to: string[] = [];
  #tls = false;
  /** While DATA runs: what has come, begun by the CRLF that ended the command. */
  #data: Buffer[] | undefined;

  constructor(socket: Socket, options: SinkOptions, take: (mail: SinkMail) => string | undefined) {
    this.#socket = socket;
    this.#options = options;
    this.#take = take;
    this.#listen();
  }

  greet(): void {
    const { greeting = '220 sink.test ESMTP' } = this.#options;
    if (greeting !== 'silence') this.#say(greeting);
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // The client may go at any time; what it leaves half done is no mail.
    this.#socket.on('error', () => this.#socket.destroy());
  }

  #read(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 && !this.#socket.destroyed) rest = this.#data ? this.#readData(rest) : this.#readLine(rest);
  }

  #readLine(chunk: Buffer): Buffer {
    const all = Buffer.concat([this.#line, chunk]);
    const end = all.indexOf('\r\n');
    if (end < 0) {
      this.#line = all;
      return Buffer.alloc(0);
    }
    this.#line = Buffer.alloc(0);
    this.#command(all.toString('utf8', 0, end));
    return all.subarray(end + 2);
  }

  #readData(chunk: Buffer): Buffer {
    const data = this.#data as Buffer[];
    const last = data.at(-1) as Buffer;
    const tail = (last.length >= 4 ? last : Buffer.concat(data.slice(-5))).subarray(-4);
    const window = Buffer.concat([tail, chunk]);
    const end = window.indexOf(END);
    if (end < 0) {
      data.push(chunk);
      return Buffer.alloc(0);
    }
    const used = end + END.length - tail.length;
    data.push(chunk.subarray(0, used));
    this.#data = undefined;
    this.#mail(unstuffed(Buffer.concat(data)));
    return chunk.subarray(used);
  }

  #mail(wire: Buffer): void {
    const mail = { from: this.#from ?? '', to: this.#to, parameters: this.#parameters, wire, tls: this.#tls };
    this.#reset();
    const reply = this.#take(mail);
    if (reply === 'hang up') this.#socket.destroy();
    else if (reply !== 'silence') this.#say(reply ?? '250 2.0.0 taken');
    if (this.#options.oneMailOnly) this.#socket.end();
  }

  #reset(): void {
    this.#from = undefined;
    this.#to = [];
    this.#parameters = '';
  }

  #command(line: string): void {
    const [verb = ''] = line.toUpperCase().split(' ');
    if (verb === 'STARTTLS' && this.#options.tls && !this.#tls) this.#startTls(this.#options.tls);
    else this.#say(this.#reply(verb, line));
    if (verb === 'QUIT') this.#socket.end();
  }

  #reply(verb: string, line: string): string {
    const [, path = '', parameters = ''] = /^(?:MAIL FROM|RCPT TO):<(.*)>(?: (.*))?$/i.exec(line) ?? [];
    switch (verb) {
      case 'EHLO':
        return this.#offers();
      case 'MAIL':
        this.#reset();
        this.#from = path;
        this.#parameters = parameters;
        return '250 2.1.0 ok';
      case 'RCPT':
        return this.#recipient(path);
      case 'DATA':
        if (this.#to.length === 0) return '554 5.5.1 no valid recipients';
        this.#data = [Buffer.from('\r\n')];
        return '354 go on';
      case 'RSET':
        this.#reset();
        return '250 2.0.0 ok';
      default:
        return ['HELO', 'NOOP', 'QUIT'].includes(verb) ? '250 2.0.0 ok' : '500 5.5.1 no such command';
    }
  }

  #recipient(recipient: string): string {
    if (this.#from === undefined) return '503 5.5.1 MAIL first';
    const refusal = this.#options.recipient?.(recipient);
    if (refusal === undefined) this.#to.push(recipient);
    return refusal ?? '250 2.1.5 ok';
  }

  #offers(): string {
    const startTls = this.#options.tls && !this.#tls ? ['STARTTLS'] : [];
    const lines = ['sink.test', ...(this.#options.extensions ?? EXTENSIONS), ...startTls];
    return lines.map((line, index) => `250${index < lines.length - 1 ? '-' : ' '}${line}`).join('\r\n');
  }

  #startTls(options: TlsOptions): void {
    this.#say('220 2.0.0 go on');
    this.#socket.removeAllListeners('data');
    this.#socket = new TLSSocket(this.#socket, { ...options, isServer: true });
    this.#tls = true;
    this.#listen();
  }

  #say(line: string): void {
    if (this.#socket.writable) this.#socket.write(`${line}\r\n`);
  }
}

/** The text without the CRLF before it, the dot after it, and the dots that hide dots. */
function unstuffed(data: Buffer): Buffer {
  const text = data.subarray(0, data.length - 3);
  if (!text.includes('\r\n.')) return text.subarray(2);
  return Buffer.from(text.toString('latin1').replaceAll('\r\n.', '\r\n'), 'latin1').subarray(2);
}
