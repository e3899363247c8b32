/**
 * The server's side of a POP3 session (RFC 1939, with CAPA and response codes of RFC 2449), without I/O: bytes in, steps out.
 * The caller does a step before it asks for the next one, for what a command means depends on what came of those before it.
 *
 *     authorization   USER PASS                          CAPA NOOP QUIT
 *     transaction     STAT LIST UIDL RETR TOP DELE RSET  CAPA NOOP QUIT
 *     update          after QUIT: what was marked is removed, then the answer is given. A cut removes nothing.
 */

/** A mail of the mailbox, as the session found it. */
export interface Pop3Mail {
  /** Octets on the wire, without stuffed dots. */
  readonly size: number;
  /** 1 to 70 characters of 0x21 to 0x7E, the same in every session. */
  readonly uid: string;
}

export type Pop3Step =
  /** To be written as it is. */
  | { readonly type: 'reply'; readonly text: string }
  /** To be answered with `opened` or `refused`. */
  | { readonly type: 'login'; readonly name: string; readonly password: string }
  /** `+OK`, then the mail of this index by Pop3Text; `lines` of its body only, if given. */
  | { readonly type: 'send'; readonly index: number; readonly lines?: number }
  /** Remove these, answer by `finished`, hang up. */
  | { readonly type: 'quit'; readonly deleted: readonly number[] }
  /** Write the text, hang up. */
  | { readonly type: 'hang-up'; readonly text: string };

/** RFC 2449 allows 255; passwords and addresses may be longer. */
const LINE_BYTES_MAX = 1_000;
/** Then a client has to connect again. */
const LOGINS_MAX = 3;

const LF = 10;
const NOTHING = Buffer.alloc(0);

export class Pop3Session {
  #bytes = NOTHING;
  #name: string | undefined;
  #logins = 0;
  #over = false;
  /** The mailbox, once it is open. */
  #mails: readonly Pop3Mail[] | undefined;
  readonly #deleted = new Set<number>();

  /** The first thing that is said. */
  static greeting(hostname: string): string {
    return ok(`${hostname} POP3 server ready`);
  }

  receive(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }

  /** What the next whole command asks for; undefined: more bytes are needed, or all is over. */
  next(): Pop3Step | undefined {
    if (this.#over) return undefined;
    const end = this.#bytes.indexOf(LF);
    if (end > LINE_BYTES_MAX || (end < 0 && this.#bytes.length > LINE_BYTES_MAX))
      return this.#hangUp('the line is too long');
    if (end < 0) return undefined;
    const line = this.#bytes.toString('utf8', 0, end).replace(/\r$/, '');
    this.#bytes = this.#bytes.subarray(end + 1);
    return this.#command(line);
  }

  /** The password was right, and this is the mailbox. Answers what to write. */
  opened(mails: readonly Pop3Mail[]): string {
    this.#mails = mails;
    return ok(`${mails.length} mails`);
  }

  /** Answers what to write; the client may try again, until the session is `over`. */
  refused(reason: string): string {
    this.#name = undefined;
    this.#logins += 1;
    if (this.#logins >= LOGINS_MAX) this.#over = true;
    return bad(reason);
  }

  /** No more commands are taken. */
  get over(): boolean {
    return this.#over;
  }

  /** The answer to QUIT, by what came of the removing. */
  static finished(fault?: string): string {
    return fault === undefined ? ok('good bye') : bad(fault);
  }

  #command(line: string): Pop3Step {
    const [, word = '', rest = ''] = /^(\S*)(?: (.*))?$/s.exec(line) ?? [];
    const name = word.toUpperCase();
    if (name === 'QUIT') return this.#quit();
    if (name === 'CAPA') return reply(multiLine('what this server can do', CAPABILITIES));
    if (name === 'NOOP') return reply(ok('nothing done'));
    return this.#mails ? this.#transaction(name, rest, this.#mails) : this.#authorization(name, rest);
  }

  #quit(): Pop3Step {
    this.#over = true;
    return { type: 'quit', deleted: [...this.#deleted] };
  }

  #hangUp(reason: string): Pop3Step {
    this.#over = true;
    return { type: 'hang-up', text: bad(reason) };
  }

  #authorization(name: string, rest: string): Pop3Step {
    if (name === 'USER' && rest !== '') {
      this.#name = rest.trim();
      return reply(ok('now the password'));
    }
    if (name !== 'PASS')
      return reply(bad(`${name === 'USER' ? 'USER needs a name' : 'log in first: USER, then PASS'}`));
    if (this.#name === undefined) return reply(bad('USER comes first'));
    // A password may hold blanks.
    return { type: 'login', name: this.#name, password: rest };
  }

  #transaction(name: string, rest: string, mails: readonly Pop3Mail[]): Pop3Step {
    switch (name) {
      case 'STAT':
        return reply(ok(this.#stat(mails)));
      case 'LIST':
        return this.#list(mails, rest, ({ size }) => String(size));
      case 'UIDL':
        return this.#list(mails, rest, ({ uid }) => uid);
      case 'RETR':
        return this.#about(mails, rest, (index) => ({ type: 'send', index }));
      case 'TOP':
        return this.#top(mails, rest);
      case 'DELE':
        return this.#about(mails, rest, (index) => {
          this.#deleted.add(index);
          return reply(ok('removed at QUIT'));
        });
      case 'RSET':
        this.#deleted.clear();
        return reply(ok(this.#stat(mails)));
      default:
        return reply(bad('there is no such command here'));
    }
  }

  #stat(mails: readonly Pop3Mail[]): string {
    const left = mails.filter((_, index) => !this.#deleted.has(index));
    return `${left.length} ${left.reduce((sum, { size }) => sum + size, 0)}`;
  }

  #list(mails: readonly Pop3Mail[], rest: string, show: (mail: Pop3Mail) => string): Pop3Step {
    const row = (index: number): string => `${index + 1} ${show(mails[index] as Pop3Mail)}`;
    if (rest.trim() !== '') return this.#about(mails, rest, (index) => reply(ok(row(index))));
    const rows = [...mails.keys()].filter((index) => !this.#deleted.has(index)).map(row);
    return reply(multiLine(`${rows.length} mails`, rows));
  }

  #top(mails: readonly Pop3Mail[], rest: string): Pop3Step {
    const [, number = '', lines = ''] = /^(\d+) +(\d{1,9}) *$/.exec(rest) ?? [];
    if (lines === '') return reply(bad('TOP needs the number of a mail and how many lines'));
    return this.#about(mails, number, (index) => ({ type: 'send', index, lines: Number(lines) }));
  }

  /** For the mail of that number, if it is there and not marked as deleted. */
  #about(mails: readonly Pop3Mail[], text: string, then: (index: number) => Pop3Step): Pop3Step {
    const index = /^\d{1,9}$/.test(text.trim()) ? Number(text) - 1 : -1;
    if (index < 0 || index >= mails.length) return reply(bad(`no such mail; there are ${mails.length}`));
    if (this.#deleted.has(index)) return reply(bad('that mail is marked as deleted'));
    return then(index);
  }
}

const CAPABILITIES = ['TOP', 'UIDL', 'USER', 'PIPELINING', 'RESP-CODES', 'EXPIRE NEVER', 'IMPLEMENTATION Fieldpost'];

const reply = (text: string): Pop3Step => ({ type: 'reply', text });
const ok = (text: string): string => `+OK ${text}\r\n`;
const bad = (text: string): string => `-ERR ${text}\r\n`;
const multiLine = (first: string, lines: readonly string[]): string =>
  `${ok(first)}${lines.map((line) => `${line}\r\n`).join('')}.\r\n`;
