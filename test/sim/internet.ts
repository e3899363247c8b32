/**
 * Other people's mail server, as the relay meets it: real SMTP over a socket without a network. It puts off, refuses, hangs
 * up before its answer or after it has taken the mail.
 */
import { Duplex } from 'node:stream';
import { around } from './around.ts';
import { Chance } from './chance.ts';
import { currentProcess, inProcess, type Process } from './simulation.ts';

export interface Taken {
  readonly from: string;
  readonly to: string;
  /** With LF line ends. */
  readonly bytes: Buffer;
  /** Simulated milliseconds. */
  readonly time: number;
  /** Who brought it. */
  readonly by: Process;
  /** The client may not have heard that it was taken. */
  answerLost: boolean;
}

/** Mail for these is refused for good. */
export const isGone = (address: string): boolean => address.startsWith('gone');

export class Internet {
  readonly taken: Taken[] = [];
  readonly chance: Chance;

  constructor(seed: number) {
    this.chance = new Chance(seed, 'internet');
  }
}

let internet: Internet | undefined;

export const attachInternet = (to: Internet): void => {
  internet = to;
};

/** Undefined: nobody listens just now. */
export async function connectOut(): Promise<Duplex | undefined> {
  const { simulation, faults } = around();
  const process = currentProcess();
  if (!internet || !process) throw new Error('nobody dials');
  await simulation.wait(simulation.delays.between(20, 400));
  if (faults.strikes('smtpDrops')) return undefined;
  const socket = new Socket(process, internet);
  process.onEnd(() => socket.abandon());
  return socket;
}

class Socket extends Duplex {
  readonly remoteAddress = '192.0.2.25';
  readonly #client: Process;
  readonly #server: MailServer;
  #gone = false;
  /** What was said later is heard later. */
  #heardAt = 0;
  #saidAt = 0;

  constructor(client: Process, net: Internet) {
    super();
    this.#client = client;
    this.#server = new MailServer(net, client, (text) => this.#say(text));
    this.#server.greet();
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const bytes = Buffer.from(chunk);
    this.#heardAt = inOrder(undefined, this.#heardAt, () => this.#hear(bytes));
    done();
  }

  override _final(done: () => void): void {
    done();
  }

  setTimeout(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  /** The client's process has died. */
  abandon(): void {
    this.#gone = true;
  }

  #hear(bytes: Buffer): void {
    if (this.#gone || this.destroyed) return;
    if (this.#server.hear(bytes) === 'hangs up') this.#hangUp();
  }

  #say(text: string): void {
    this.#saidAt = inOrder(this.#client, this.#saidAt, () => {
      if (!this.#gone && !this.destroyed) this.push(text);
    });
  }

  #hangUp(): void {
    this.#saidAt = inOrder(this.#client, this.#saidAt, () => {
      if (this.#gone || this.destroyed) return;
      this.push(null);
      this.destroy();
    });
  }
}

/** Does it after the time that bytes take, and not before `before`; answers when. */
function inOrder(process: Process | undefined, before: number, act: () => void): number {
  const { simulation } = around();
  const at = Math.max(before, simulation.now + simulation.delays.between(5, 60));
  inProcess(process, () => simulation.after(at - simulation.now, act));
  return at;
}

/** One session. */
class MailServer {
  readonly #net: Internet;
  readonly #client: Process;
  readonly #say: (text: string) => void;
  #buffer = '';
  #from = '';
  #to: string[] = [];
  #inData = false;

  constructor(net: Internet, client: Process, say: (text: string) => void) {
    this.#net = net;
    this.#client = client;
    this.#say = say;
  }

  greet(): void {
    this.#say('220 mx.example.com\r\n');
  }

  hear(bytes: Buffer): 'hangs up' | undefined {
    this.#buffer += bytes.toString('latin1');
    for (;;) {
      if (this.#inData) {
        const end = this.#buffer.startsWith('.\r\n') ? 0 : this.#buffer.indexOf('\r\n.\r\n') + 2;
        if (end === 1) return undefined;
        const body = this.#buffer.slice(0, end);
        this.#buffer = this.#buffer.slice(end + 3);
        this.#inData = false;
        if (this.#take(body) === 'hangs up') return 'hangs up';
        continue;
      }
      const end = this.#buffer.indexOf('\r\n');
      if (end < 0) return undefined;
      const line = this.#buffer.slice(0, end);
      this.#buffer = this.#buffer.slice(end + 2);
      if (this.#command(line) === 'hangs up') return 'hangs up';
    }
  }

  #command(line: string): 'hangs up' | undefined {
    const word = line.slice(0, 4).toUpperCase();
    const [, address = ''] = /<([^>]*)>/.exec(line) ?? [];
    if (word === 'EHLO') this.#say('250-mx.example.com\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n');
    else if (word === 'MAIL') {
      this.#from = address;
      this.#to = [];
      this.#say('250 ok\r\n');
    } else if (word === 'RCPT') this.#recipient(address);
    else if (word === 'DATA') {
      this.#inData = true;
      this.#say('354 go on\r\n');
    } else if (word === 'QUIT') {
      this.#say('221 bye\r\n');
      return 'hangs up';
    } else this.#say('250 ok\r\n');
    return undefined;
  }

  #recipient(address: string): void {
    const { faults } = around();
    if (isGone(address)) this.#say('550 5.1.1 nobody here\r\n');
    else if (faults.strikes('smtpDefers')) this.#say('450 4.2.1 later\r\n');
    else {
      this.#to.push(address);
      this.#say('250 ok\r\n');
    }
  }

  #take(body: string): 'hangs up' | undefined {
    const { faults, simulation } = around();
    if (faults.strikes('smtpDrops')) return 'hangs up';
    if (faults.strikes('smtpDefers')) {
      this.#say('451 4.3.0 later\r\n');
      return undefined;
    }
    const bytes = Buffer.from(body.replace(/^\.\./gm, '.').replaceAll('\r\n', '\n'), 'latin1');
    const answerLost = faults.strikes('smtpAnswerLost');
    for (const to of this.#to) {
      simulation.note(`internet ${to}`);
      this.#net.taken.push({ from: this.#from, to, bytes, time: simulation.now, by: this.#client, answerLost });
    }
    if (answerLost) return 'hangs up';
    this.#say('250 taken\r\n');
    return undefined;
  }
}
