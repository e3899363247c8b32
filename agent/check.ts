/** `agent check`: is everything all right, in plain words with remedies. */
import { access, constants, statfs } from 'node:fs/promises';
import type { Call } from '../shared/io/command-line.ts';
import { EXIT } from '../shared/io/command-line.ts';
import { ConfigError, splitHostAddress } from '../shared/io/config.ts';
import { StoreError } from '../shared/io/store.ts';
import { isNewer, VERSION } from '../shared/io/version.ts';
import type { Agent, AgentCommand, Desk } from './agent.ts';
import type { AgentConfig } from './config.ts';
import { HubRefused, hubVersion } from './dial-hub.ts';
import { hasFirewall } from './firewall.ts';
import { hubTimeOffset } from './hub-time.ts';
import { checkListeners } from './lan.ts';
import { chooseLink } from './link.ts';
import { nft } from './nftables.ts';
import { inspectQueues } from './queue-maildir.ts';
import { dialWeb } from './web-line.ts';
import { size, span } from './words.ts';

export const checkCommand: AgentCommand = {
  words: 'check',
  usage: '[--json]',
  summary: 'checks configuration, key, disk, clock and the way to the hub',
  help: 'Nothing is changed and no mail travels. Exit code 78: configuration or key; 69: data folder or disk; 77: the hub does not\nknow the key; 0 also when there is no link.',
  takes: [0, 0],
  reports: true,
  run: check,
};

export interface Finding {
  readonly what: string;
  /** `note`: all right for an office that is off line. */
  readonly result: 'ok' | 'note' | 'fault';
  readonly text: string;
  /** Exit code of a fault. */
  readonly exit?: number;
}

async function check(desk: Desk, { json, out }: Call): Promise<number> {
  const findings = await findingsOf(desk);
  if (json) out(JSON.stringify({ ok: findings.every(({ result }) => result !== 'fault'), findings }));
  else
    for (const { what, result, text } of findings)
      out(`${what.padEnd(14)} ${result === 'fault' ? 'FAULT: ' : ''}${text}`);
  return Math.max(EXIT.ok, ...findings.map(({ exit = EXIT.ok }) => exit));
}

async function findingsOf(desk: Desk): Promise<readonly Finding[]> {
  try {
    const config = desk.load();
    const agent = await desk.open();
    checkListeners(agent);
    return [
      ok('configuration', config.file),
      ok('key', `${config.key_file}, for office ${config.office}`),
      ...(await findingsHere(agent)),
      await hub(agent),
    ];
  } catch (error) {
    if (error instanceof ConfigError) return [fault('configuration', error.message, EXIT.config)];
    if (error instanceof StoreError) return [fault('data folder', error.message, EXIT.unavailable)];
    throw error;
  }
}

/** What can be found out without a link, which may cost. */
export const findingsHere = async (agent: Agent): Promise<readonly Finding[]> => [
  await disk(agent.config),
  await clock(agent),
  ...(await queues(agent)),
  await link(agent.config),
  ...(await inboxes(agent.config)),
  ...(await firewall(agent.config)),
];

const ok = (what: string, text: string): Finding => ({ what, result: 'ok', text });
const note = (what: string, text: string): Finding => ({ what, result: 'note', text });
const fault = (what: string, text: string, exit: number): Finding => ({ what, result: 'fault', text, exit });

/** Room for a day's mail, and for one of the largest twice: spooled and kept. */
const DISK_BYTES_MIN = 100_000_000;

async function disk({ data, limits }: AgentConfig): Promise<Finding> {
  const { bavail, bsize } = await statfs(data);
  const free = bavail * bsize;
  const wanted = Math.max(DISK_BYTES_MIN, 2 * limits.mail);
  const text = `${data}: ${size(free)} free`;
  return free < wanted
    ? fault('disk', `${text}; free some: mail needs ${size(wanted)}`, EXIT.unavailable)
    : ok('disk', text);
}

/** Nothing of ours hangs on it, but the dates of mails that people write here do. */
const CLOCK_SECONDS_MAX = 300;

async function clock(agent: Agent): Promise<Finding> {
  const offset = await hubTimeOffset(agent);
  if (Math.abs(offset) <= CLOCK_SECONDS_MAX) return ok('clock', new Date(agent.now() * 1000).toISOString());
  return note(
    'clock',
    `${span(Math.abs(offset))} ${offset > 0 ? 'behind' : 'ahead of'} the hub's: no mail is harmed, but people's mails get wrong dates; set it ('date -s', 'hwclock -w')`,
  );
}

async function queues(agent: Agent): Promise<readonly Finding[]> {
  return (await inspectQueues(agent)).map(({ path, mails, misfits: [first, ...more] }) => {
    if (!first) return ok('queue', `${path}: ${mails} to take`);
    const others = more.length === 0 ? '' : `, and ${more.length} more ('agent queue' lists them)`;
    return fault('queue', `${first.path} is not taken: ${first.reason}${others}`, EXIT.data);
  });
}

const link = async (config: AgentConfig): Promise<Finding> => ok('link', (await chooseLink(config)).name);

/** What a carrier brings is read there, and removed when it has been taken. */
async function inboxes({ link: links }: AgentConfig): Promise<readonly Finding[]> {
  const folders = [...new Set(links.flatMap(({ inbox }) => inbox ?? []))];
  return Promise.all(
    folders.map(async (folder) => {
      try {
        await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
        return ok('inbox', folder);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        return fault('inbox', `${folder}: this user cannot read and empty it (${code}); see CARRIERS.md`, EXIT.config);
      }
    }),
  );
}

/** Asks for what changes nothing, and needs the same right. */
async function firewall(config: AgentConfig): Promise<readonly Finding[]> {
  if (!hasFirewall(config)) return [];
  const trouble = await nft('list tables');
  if (trouble === undefined) return [ok('firewall', 'can be set')];
  return [fault('firewall', `links with firewall = true are open to other programs: ${trouble}`, EXIT.unavailable)];
}

const DIAL_SECONDS = 30;

async function hub({ config, key }: Agent): Promise<Finding> {
  const { host, port } = splitHostAddress(config.hub) ?? { host: '', port: 0 };
  const { name, command, via, proxy, ca, certificate } = await chooseLink(config);
  if (command) return note('hub', `link ${name} hands mail to ${command[0]}: there is no line to try`);
  try {
    if (via === 'web') {
      const web = { ...(proxy === undefined ? {} : { proxy }), ...(ca === undefined ? {} : { ca }) };
      const line = await dialWeb({ host, port, seconds: DIAL_SECONDS, anyCertificate: certificate === 'any', ...web });
      line.socket.destroy();
      return ok('hub', `${config.hub} answers by the web; a sync shows whether it knows the key`);
    }
    const theirs = await hubVersion({ host, port, key, seconds: DIAL_SECONDS });
    if (isNewer(theirs, VERSION))
      return note(
        'hub',
        `${config.hub} answers, and knows the key; it is version ${theirs}, and this is ${VERSION}: ask its operator for the newer package`,
      );
    return ok('hub', `${config.hub} answers, and knows the key`);
  } catch (error) {
    if (error instanceof HubRefused) return fault('hub', error.message, error.exit);
    return note('hub', `${(error as Error).message}; mail waits until there is a link`);
  }
}
