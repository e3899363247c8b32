/**
 * Where mail programs fetch mail, by POP3: sockets on the one side, core/pop3 on the other; the same at an office and at the hub. A
 * mailbox serves one session at a time; what was marked as deleted goes at QUIT and not before.
 */
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { Pop3Session, type Pop3Step } from '../core/pop3.ts';
import { Pop3Text } from '../core/pop3-text.ts';
import { listen, type TlsListener } from './listen.ts';
import type { Log } from './log.ts';
import type { MailboxMail, OpenMailbox } from './mailbox.ts';
import { StoreError } from './store.ts';

/** RFC 1939 section 3: who has logged in is given at least so long. */
const IDLE_SECONDS_MIN = 600;
/** A client that does not hang up after our last word is hung up on. */
const LINGER_SECONDS = 5;

export interface Pop3Options {
  readonly field: string;
  readonly address: string;
  /** From the first byte. */
  readonly tls?: TlsOptions;
  readonly hostname: string;
  readonly log: Log;
  readonly connectionsMax: number;
  readonly perAddressMax: number;
  readonly idleSeconds: number;
  /** The mailbox that a name and its password open. */
  logIn(login: string, password: string): Promise<OpenMailbox | undefined>;
}

/** Starts it; throws as `bind` does. */
export async function startPop3Door(options: Pop3Options): Promise<TlsListener> {
  const { field, address, tls, connectionsMax, perAddressMax, log } = options;
  const door: Pop3Door = { ...options, open: new Set() };
  const connections = new Set<Pop3Connection>();
  return listen({
    field,
    address,
    connectionsMax,
    perAddressMax,
    log,
    ...(tls ? { tls } : {}),
    connected: (socket) => {
      if (socket.destroyed) return;
      const connection = new Pop3Connection(socket, door);
      connections.add(connection);
      void connection.run().finally(() => connections.delete(connection));
    },
    closing: () => {
      for (const connection of connections) connection.stop();
    },
  });
}

interface Pop3Door extends Pop3Options {
  /** Mailboxes that a session has open. */
  readonly open: Set<string>;
}

/** The client has gone, or does not read. */
class Gone extends Error {}

class Pop3Connection {
  readonly #socket: Socket;
  readonly #door: Pop3Door;
  readonly #session = new Pop3Session();
  #mailbox: OpenMailbox | undefined;
  #mails: readonly MailboxMail[] = [];
  #busy = false;
  #stopping = false;

  constructor(socket: Socket, door: Pop3Door) {
    this.#socket = socket;
    this.#door = door;
  }

  async run(): Promise<void> {
    const socket = this.#socket;
    socket.setTimeout(this.#door.idleSeconds * 1000);
    socket.on('timeout', () => this.#idle());
    // A connection that breaks says so again by closing.
    socket.on('error', () => {});
    try {
      await this.#write(Pop3Session.greeting(this.#door.hostname));
      await this.#serve();
    } catch (error) {
      if (!(error instanceof Gone)) this.#broken(error);
    } finally {
      if (this.#mailbox) this.#door.open.delete(this.#mailbox.name);
      this.#mailbox?.close?.();
    }
    this.#hangUp();
  }

  /** Ends a session that is waiting; one that is at work ends when that is done. */
  stop(): void {
    this.#stopping = true;
    if (!this.#busy) this.#socket.destroy();
  }

  async #serve(): Promise<void> {
    for await (const chunk of this.#chunks()) {
      this.#busy = true;
      this.#session.receive(chunk);
      for (let step = this.#session.next(); step; step = this.#session.next()) {
        await this.#do(step);
        if (this.#stopping) return;
      }
      this.#busy = false;
      if (this.#session.over) return;
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw new Gone((error as Error).message);
    }
  }

  async #do(step: Pop3Step): Promise<void> {
    switch (step.type) {
      case 'login':
        return this.#write(await this.#logIn(step.name, step.password));
      case 'send':
        return this.#send(step.index, step.lines);
      case 'quit':
        return this.#write(Pop3Session.finished(await this.#remove(step.deleted)));
      default:
        return this.#write(step.text);
    }
  }

  async #logIn(login: string, password: string): Promise<string> {
    const { open, idleSeconds } = this.#door;
    try {
      const mailbox = await this.#door.logIn(login, password);
      if (!mailbox) return this.#session.refused('[AUTH] no such name and password here');
      if (open.has(mailbox.name)) {
        mailbox.close?.();
        return this.#session.refused('[IN-USE] another program is reading this mailbox now');
      }
      open.add(mailbox.name);
      this.#mailbox = mailbox;
      this.#mails = await mailbox.list();
    } catch (error) {
      return this.#session.refused(`[SYS/TEMP] ${this.#fault('a mailbox could not be opened', error)}`);
    }
    this.#socket.setTimeout(Math.max(IDLE_SECONDS_MIN, idleSeconds) * 1000);
    return this.#session.opened(this.#mails);
  }

  async #send(index: number, lines: number | undefined): Promise<void> {
    const { key = '' } = this.#mails[index] ?? {};
    const body = await this.#mailbox?.open(key);
    if (!body) return this.#write('-ERR another program has taken this mail away\r\n');
    await this.#write('+OK the mail follows\r\n');
    const text = new Pop3Text(lines);
    for await (const chunk of body.read()) {
      await this.#write(text.write(chunk));
      if (text.full) break;
    }
    await this.#write(text.end());
  }

  /** Answers what went wrong. */
  async #remove(indexes: readonly number[]): Promise<string | undefined> {
    try {
      for (const index of indexes) await this.#mailbox?.remove(this.#mails[index]?.key ?? '');
      return undefined;
    } catch (error) {
      return `some mails could not be removed and will come again: ${this.#fault('a mail could not be removed', error)}`;
    }
  }

  /** A store that fails is told to the client; whatever else fails is not foreseen. */
  #fault(event: string, error: unknown): string {
    if (!(error instanceof StoreError)) throw error;
    this.#door.log.warn(event, { door: 'pop3', mailbox: this.#mailbox?.name, reason: error.message });
    return 'the store does not answer; try again';
  }

  async #write(bytes: string | Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (!socket.writable) throw new Gone('the client has gone');
    if (socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off('drain', go).off('close', go);
        resolve();
      };
      socket.on('drain', go).on('close', go);
    });
  }

  #idle(): void {
    // Time that our own disk takes is not the client's.
    if (this.#busy && !this.#socket.writableNeedDrain) this.#socket.setTimeout(this.#socket.timeout ?? 0);
    else this.#socket.destroy();
  }

  /** In the middle of a mail there is no other way to say that the rest does not come. */
  #broken(error: unknown): void {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const reason = error instanceof StoreError ? message : stack;
    this.#door.log.error('a POP3 session failed', { mailbox: this.#mailbox?.name, reason });
    this.#socket.destroy();
  }

  #hangUp(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.setTimeout(LINGER_SECONDS * 1000);
    this.#busy = false;
    socket.resume();
    socket.end();
  }
}
