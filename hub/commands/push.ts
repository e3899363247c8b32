/** `hub push NAME HOST[:PORT]`. Every way to do nothing by mistake is an error here: maildirqmtp had a silent one. */
import { EXIT, Exit } from '../../shared/io/command-line.ts';
import { splitHostAddress } from '../../shared/io/config.ts';
import { DialError } from '../../shared/io/dial.ts';
import type { Hub, HubCommand } from '../hub.ts';
import { PushBusy, type PushResult, type PushTarget, push } from '../push.ts';

const QMTP_PORT = 209;

export const pushCommands: readonly HubCommand[] = [
  {
    words: 'push',
    usage: 'NAME HOST[:PORT] [--json]',
    summary: "sends what waits for an office to that office's own QMTP server, as maildirqmtp did",
    help: `For an office that runs plain qmail at an address that can be reached. The port is ${QMTP_PORT} unless one is given.
Exit code 75: no connection, a cut, or a mail that the office wants later; run it again.

  hub push farah 10.1.0.2`,
    takes: [2, 2],
    reports: true,
    run: async (hub, call) => {
      const result = await attempt(hub, targetOf(hub, call.positionals));
      if (call.json) call.out(JSON.stringify(result));
      else for (const line of describe(result)) call.out(line);
      return result.cut !== undefined || result.deferred > 0 ? EXIT.later : EXIT.ok;
    },
  },
];

/** Throws Exit with what is wrong about the arguments. */
function targetOf({ directory }: Hub, [name = '', where = '']: readonly string[]): PushTarget {
  const office = directory.office(name);
  if (!office && directory.office(where))
    throw new Exit(EXIT.usage, `"${where}" is the office, and it comes first: hub push ${where} ${name}`);
  if (!office) throw new Exit(EXIT.usage, `there is no office "${name}"; 'hub office list' shows them`);
  if (office.revoked)
    throw new Exit(EXIT.refused, `office ${name} is revoked; 'hub office readmit ${name}' lets it in again`);
  const address = splitHostAddress(where) ?? splitHostAddress(`${where}:${QMTP_PORT}`);
  if (!address || address.port === 0)
    throw new Exit(
      EXIT.usage,
      `"${where}" is not HOST[:PORT]; write 10.1.0.2, farah.example.org:2090 or [2001:db8::2]`,
    );
  return { office: name, ...address };
}

async function attempt(hub: Hub, target: PushTarget): Promise<PushResult> {
  try {
    return await push(hub, target);
  } catch (error) {
    if (error instanceof DialError || error instanceof PushBusy) throw new Exit(EXIT.later, error.message);
    throw error;
  }
}

function describe(result: PushResult): readonly string[] {
  const { office, mails, accepted, refused, deferred, unconfirmed, offered, damaged, bytes, cut } = result;
  const lines = [
    `${office}: ${mails} mails done; recipients: ${accepted} accepted, ${refused} refused, ${deferred} later; ${bytes} bytes`,
  ];
  if (cut !== undefined) lines.push(`cut: ${cut}; run it again`);
  if (unconfirmed > 0) lines.push(`${unconfirmed} recipients were not answered: what they had may arrive twice`);
  if (offered > 0) lines.push(`${offered} mails were offered in a trip and not answered: they wait for the next trip`);
  if (damaged > 0) lines.push(`${damaged} files are damaged and stay; the log names them`);
  return lines;
}
