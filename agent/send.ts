/** `agent send`: takes a mail on standard input, as sendmail does. Exit code 0 means that it is on the disk. */
import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { addressFault } from '../shared/core/address.ts';
import { parseAddressList } from '../shared/core/address-list.ts';
import { HEADER_BYTES_MAX, headerBlock } from '../shared/core/headers.ts';
import { accept } from '../shared/io/accept.ts';
import { EXIT, Exit } from '../shared/io/command-line.ts';
import { Intake } from '../shared/io/intake.ts';
import type { Arrival } from '../shared/io/mail.ts';
import { SpoolFull } from '../shared/io/spool.ts';
import type { Agent, AgentCommand } from './agent.ts';
import { beginsWithHeader, outgoingHeader } from './outgoing-header.ts';

export const sendCommand: AgentCommand = {
  words: 'send',
  usage: '[-f SENDER] [-t] [RECIPIENT…]',
  summary: 'takes a mail on standard input, as sendmail does',
  help: [
    '  -f SENDER      envelope sender; default: who runs it, at this office',
    '  -t             recipients are those of To, Cc and Bcc, and Bcc is taken out',
    '',
    'Exit code 0 means that the mail is kept, whatever happens to the power; it goes with the next sync. Message-ID, Date',
    'and From are added where they are missing. Also invoked as `sendmail`, whose other options are understood; a line with',
    'a single dot does not end the mail.',
    '',
    "  printf 'Subject: rain\\n\\n12 mm\\n' | agent send -f farid@example.org weather@example.com",
  ].join('\n'),
  options: { from: { type: 'string', short: 'f' }, t: { type: 'boolean', short: 't' } },
  takes: [0, Number.POSITIVE_INFINITY],
  run: async (desk, { positionals, options }) => {
    if (positionals.length === 0 && options.t !== true)
      throw new Exit(EXIT.usage, 'name recipients, or take those of the header with -t');
    const agent = await desk.open();
    const from = typeof options.from === 'string' ? options.from : userInfo().username;
    const sender = envelopeAddress(agent, from.replace(/^<(.*)>$/s, '$1'));
    const named = positionals.flatMap(parseAddressList);
    await send(agent, desk.stdin, { sender, named, fromHeader: options.t === true });
    return EXIT.ok;
  },
};

interface Outgoing {
  readonly sender: string;
  readonly named: readonly string[];
  readonly fromHeader: boolean;
}

async function send(agent: Agent, input: AsyncIterable<Uint8Array>, { sender, named, fromHeader }: Outgoing) {
  const { place, config } = agent;
  const trace = { protocol: 'local', hostname: place.hostname, now: agent.now() };
  const intake = new Intake({ spool: agent.spool, bytesMax: config.limits.mail, trace });
  try {
    const inHeader = await readInto(agent, intake, { input, sender, fromHeader });
    const all = fromHeader ? [...named, ...inHeader] : named;
    const recipients = [...new Set(all.map((recipient) => envelopeAddress(agent, recipient)))];
    if (recipients.length === 0) throw new Exit(EXIT.data, 'no recipients: its To, Cc and Bcc name nobody');
    checkRecipients(agent, sender, recipients);
    const peer = { name: 'send', relays: true };
    await handOver(agent, await intake.finish({ peer, sender, recipients }));
  } catch (error) {
    if (!(error instanceof SpoolFull)) throw error;
    throw new Exit(EXIT.data, `the mail is larger than ${config.limits.mail} bytes (limits.mail); nothing was sent`);
  } finally {
    await intake.discard();
  }
}

/** Copies the mail; answers the recipients that its header names. */
async function readInto(
  agent: Agent,
  intake: Intake,
  {
    input,
    sender,
    fromHeader,
  }: Pick<Outgoing, 'sender' | 'fromHeader'> & { readonly input: AsyncIterable<Uint8Array> },
): Promise<readonly string[]> {
  let start = Buffer.alloc(0);
  let recipients: readonly string[] | undefined;
  const begin = async (): Promise<void> => {
    const hasHeader = beginsWithHeader(start);
    const block = hasHeader ? headerBlock(start) : Buffer.alloc(0);
    // A recipient, or a Bcc, beyond what is looked at would be lost, or seen by everybody.
    if (fromHeader && block.length >= HEADER_BYTES_MAX)
      throw new Exit(
        EXIT.data,
        `with -t a header has at most ${HEADER_BYTES_MAX} bytes: name the recipients as arguments`,
      );
    const header = outgoingHeader(block, {
      dropsBcc: fromHeader,
      sender,
      hostname: agent.place.hostname,
      nonce: randomBytes(12).toString('hex'),
      now: agent.now(),
    });
    ({ recipients } = header);
    await intake.write(header.bytes);
    if (!hasHeader) await intake.write(Buffer.from('\n'));
    await intake.write(start.subarray(block.length));
  };
  for await (const chunk of input) {
    if (recipients) {
      await intake.write(chunk);
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.length >= HEADER_BYTES_MAX || /\n\r?\n/.test(start.toString('latin1'))) await begin();
  }
  if (!recipients) await begin();
  return recipients ?? [];
}

/** A name alone is somebody here. */
function envelopeAddress({ place }: Agent, text: string): string {
  if (text === '' || text.includes('@')) return text;
  return `${text}@${place.hostname}`;
}

/** All or nothing: a script can mend the address and send again. */
function checkRecipients({ place }: Agent, sender: string, recipients: readonly string[]): void {
  const fault = addressFault(sender);
  if (fault !== undefined) throw new Exit(EXIT.data, `the sender cannot be used: ${fault}`);
  for (const recipient of recipients) {
    const { verdict } = place.route({ name: 'send', relays: true }, sender, recipient);
    if (verdict.letter === 'D') throw new Exit(EXIT.data, `${recipient}: ${verdict.text}; nothing was sent`);
  }
}

async function handOver({ place, now }: Agent, arrival: Arrival): Promise<void> {
  const verdicts = await accept(place, arrival, now());
  const failed = verdicts.findIndex(({ letter }) => letter !== 'K');
  const verdict = verdicts[failed];
  if (!verdict) return;
  const code = verdict.letter === 'Z' ? EXIT.later : EXIT.data;
  throw new Exit(code, `${arrival.mail.recipients[failed]}: ${verdict.text}`);
}
