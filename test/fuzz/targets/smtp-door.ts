/**
 * The SMTP door as strangers meet it: a socket of its own for each dialogue, smtp-server behind it, then the intake and `accept`. Whatever is said,
 * the door answers in whole lines, keeps nothing that breaks a header, and goes on for the next.
 */
import { connect, type Socket } from 'node:net';
import { startSmtp } from '../../../hub/smtp.ts';
import { addressFault } from '../../../shared/core/address.ts';
import { type BareHub, bareHub } from '../../support/bare-hub.ts';
import { Broken, type FuzzTarget, must, none, text } from '../target.ts';

const MAIL =
  'MAIL FROM:<friend@example.com>\r\nRCPT TO:<herat.farid@example.org>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n';
const QUIT = text('\r\n.\r\nRSET\r\nQUIT\r\nQUIT\r\nQUIT\r\n');

interface Door {
  readonly hub: BareHub;
  readonly port: number;
  close(): Promise<void>;
  /** What was accepted since the last look. */
  readonly taken: { sender: string; recipients: readonly string[] }[];
}

async function open(): Promise<Door> {
  const bare = await bareHub({
    toml: '[listen]\nsmtp = "127.0.0.1:0"\n[limits]\nmail = "20 KB"\nrecipients = 5\nper_address = 150\n',
  });
  const taken: Door['taken'] = [];
  const hub: BareHub = {
    ...bare,
    place: {
      ...bare.place,
      // What would be written is looked at here; a disk would make it slow.
      route: (_peer, sender, recipient) => {
        taken.push({ sender, recipients: [recipient] });
        return { verdict: { letter: 'D', text: 'seen (#5.1.1)' }, deliveries: [] };
      },
    },
  };
  const [service] = await startSmtp(hub);
  const port = Number(service?.address?.split(':').at(-1));
  return {
    hub,
    port,
    taken,
    close: async () => {
      await service?.close(0);
      await bare.close();
    },
  };
}

let door: Promise<Door> | undefined;

/** A client that has been greeted: the door takes its time for that, so some are kept ready. */
class Client {
  #said = '';
  readonly #socket: Socket;
  readonly #greeted = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString('latin1');
      if (this.#said.includes('\n')) this.#greeted.resolve();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#greeted.resolve();
      this.#closed.resolve();
    });
  }

  /** All that the door says until it hangs up. */
  async talk(input: Buffer): Promise<string> {
    await this.#greeted.promise;
    const timer = setTimeout(
      () => this.#closed.reject(new Broken(`the door neither answers nor hangs up: ${this.#said.slice(-100)}`)),
      20_000,
    );
    this.#socket.write(Buffer.concat([input, QUIT]));
    try {
      await this.#closed.promise;
    } finally {
      clearTimeout(timer);
      this.#socket.destroy();
    }
    return this.#said;
  }

  leave(): void {
    this.#socket.destroy();
  }
}

const READY = 60;
const ready: Client[] = [];

function nextClient(port: number): Client {
  while (ready.length < READY) ready.push(new Client(port));
  return ready.shift() as Client;
}

const smtpDoor: FuzzTarget = {
  name: 'smtp-door',
  of: 'shared/io/smtp-door.ts, shared/io/smtp-data.ts, shared/io/intake.ts, smtp-server',
  seeds: () => [
    text('EHLO client.test\r\n', MAIL, MAIL),
    text('HELO x\r\nMAIL FROM:<> SIZE=100 BODY=8BITMIME\r\nRCPT TO:<a@b> NOTIFY=NEVER\r\nVRFY x\r\nNOOP\r\n'),
    text(
      'EHLO [1.2.3.4]\r\nMAIL FROM:<\u00fc@b\u00fccher.example> SMTPUTF8\r\nRCPT TO:<postmaster>\r\nAUTH PLAIN x\r\nSTARTTLS\r\n',
    ),
  ],
  tokens: [
    '\r\n',
    '\n',
    '\r',
    '\u0000',
    '\r\n.\r\n',
    '\n.\n',
    'EHLO x\r\n',
    'MAIL FROM:<',
    'RCPT TO:<',
    '>',
    'DATA\r\n',
    'BDAT 5 LAST\r\n',
    'XCLIENT ADDR=1.2.3.4\r\n',
    'XFORWARD NAME=x\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'RSET\r\n',
    ' SIZE=',
    ' BODY=',
    '@',
    '"',
    '\\',
  ],
  allows: none,
  async run(input) {
    door ??= open();
    const { hub, port, taken } = await door;
    const said = await nextClient(port).talk(Buffer.from(input));
    must(
      /^220 [^\r\n]*\r\n(?:\d{3}[ -][^\r\n]*\r\n)*$/.test(said),
      `the door answers in whole lines: ${JSON.stringify(said.slice(-200))}`,
    );
    for (const { sender, recipients } of taken.splice(0))
      must(
        [sender, ...recipients].every((one) => !addressFault(one)),
        'only addresses that can be carried come through',
      );
    const faults = hub.logged.splice(0).filter(({ level }) => level === 'error');
    must(faults.length === 0, `it says ${JSON.stringify(faults)}`);
    return said.replace(/(\d)[^\n]*\n/g, (_, digit: string) => 'abKcZD'[Number(digit)] ?? '?').slice(0, 40);
  },
  close: async () => {
    for (const client of ready.splice(0)) client.leave();
    await (await door)?.close();
    door = undefined;
  },
};

export const DOORS = [smtpDoor];
