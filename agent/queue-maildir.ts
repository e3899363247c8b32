/**
 * `[[queue]]`: Maildirs that another mail server fills, such as qmail with `:qrelay` in control/virtualdomains. What is in new/
 * or cur/ is whole, whatever its time says; it is taken oldest first and removed when it is ours. The name and the bytes
 * make its id, so a stop between the two takes nothing twice.
 */
import { constants } from 'node:fs';
import { access, lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { QUEUE_HEAD_BYTES_MAX, type QueueHead, readQueueHead } from '../shared/core/queue-file.ts';
import { accepted, type Verdict } from '../shared/core/verdict.ts';
import { accept } from '../shared/io/accept.ts';
import { type Body, readBody, sliceBody } from '../shared/io/body.ts';
import { bounceMail } from '../shared/io/bounce.ts';
import { removeDurably } from '../shared/io/durable.ts';
import { fileBody } from '../shared/io/file-body.ts';
import { Intake } from '../shared/io/intake.ts';
import { inParallel } from '../shared/io/parallel.ts';
import { StoreError } from '../shared/io/store.ts';
import type { Agent } from './agent.ts';
import { alone } from './alone.ts';
import type { QueueConfig } from './config.ts';

/** A queue as it stands. */
export interface QueueState {
  readonly path: string;
  /** Mails that wait to be taken. */
  readonly mails: number;
  /** What stays where it is, and why: a file, or the whole queue. */
  readonly misfits: readonly Misfit[];
}

export interface Misfit {
  readonly path: string;
  readonly reason: string;
}

/** Mails that are taken at once. */
const AT_ONCE = 4;

const PEER = { name: 'queue', relays: true } as const;

/** Takes what is in the queues; what stays is logged, once for each run of the program. */
export async function scanQueues(agent: Agent): Promise<void> {
  if (agent.config.queue.length === 0) return;
  await agent.refresh();
  await alone(agent, 'queues', async () => {
    for (const queue of agent.config.queue) await scan(agent, queue);
  });
}

async function scan(agent: Agent, queue: QueueConfig): Promise<void> {
  const found = await filesOf(queue);
  if ('reason' in found) return report(agent, found);
  await inParallel(found.paths, AT_ONCE, async (path) => {
    const file = await openQueueFile(agent, path, queue.prefix);
    if (file && 'reason' in file) report(agent, file);
    else if (file) await take(agent, file);
  });
}

/** Looks without taking anything. */
export async function inspectQueues(agent: Agent): Promise<readonly QueueState[]> {
  const states: QueueState[] = [];
  for (const { path, prefix } of agent.config.queue) {
    const found = await filesOf({ path });
    if ('reason' in found) {
      states.push({ path, mails: 0, misfits: [found] });
      continue;
    }
    const files = [];
    for (const file of found.paths) files.push(await openQueueFile(agent, file, prefix));
    const misfits = files.filter((file) => file !== undefined && 'reason' in file) as readonly Misfit[];
    states.push({ path, mails: files.filter((file) => file !== undefined).length - misfits.length, misfits });
  }
  return states;
}

/** Oldest first, as far as names tell. A folder that we cannot remove from is not taken from: its mails would come twice. */
async function filesOf({ path }: Pick<QueueConfig, 'path'>): Promise<{ readonly paths: readonly string[] } | Misfit> {
  const paths: string[] = [];
  for (const part of ['new', 'cur']) {
    const folder = join(path, part);
    try {
      await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
      for (const name of await readdir(folder)) if (!name.startsWith('.')) paths.push(join(folder, name));
    } catch (error) {
      return { path: folder, reason: folderFault(error as NodeJS.ErrnoException) };
    }
  }
  return { paths: paths.toSorted((a, b) => ageOf(a) - ageOf(b) || (a < b ? -1 : 1)) };
}

const folderFault = ({ code }: NodeJS.ErrnoException): string =>
  code === 'ENOENT'
    ? "it is not there: 'maildirmake' makes a Maildir, or mend [[queue]] path in agent.toml"
    : `the agent cannot read it and remove from it (${code}): give it to the agent's user or group`;

const ageOf = (path: string): number => Number(/^\d+/.exec(basename(path))?.[0] ?? 0);

interface QueueFile {
  readonly path: string;
  readonly head: QueueHead;
  readonly body: Body;
}

/** Undefined when it is gone. */
async function openQueueFile({ config }: Agent, path: string, prefix: string): Promise<QueueFile | Misfit | undefined> {
  try {
    const stat = await lstat(path);
    if (!stat.isFile()) return { path, reason: 'it is not a file' };
    const whole = fileBody(path, stat.size);
    const start = await readBody(sliceBody(whole, 0, Math.min(whole.size, QUEUE_HEAD_BYTES_MAX)));
    const head = readQueueHead(start, prefix);
    if (typeof head === 'string') return { path, reason: head };
    const bytesMax = config.limits.mail;
    if (whole.size - head.length > bytesMax)
      return { path, reason: `it is larger than ${bytesMax} bytes, the limit here (limits.mail)` };
    return { path, head, body: sliceBody(whole, head.length) };
  } catch (error) {
    const { code, cause } = error as NodeJS.ErrnoException;
    const system = code ?? (cause as NodeJS.ErrnoException | undefined)?.code;
    if (system === 'ENOENT') return undefined;
    if (system === undefined) throw error;
    return { path, reason: `it cannot be read (${system}): give it to the agent's user or group` };
  }
}

async function take(agent: Agent, file: QueueFile): Promise<void> {
  const { config, place } = agent;
  const trace = { protocol: 'local', hostname: place.hostname, now: agent.now() };
  const intake = new Intake({ spool: agent.spool, bytesMax: config.limits.mail, trace });
  try {
    for await (const chunk of file.body.read()) await intake.write(chunk);
    const verdict = await handOver(agent, file, intake);
    if (verdict.letter === 'K') await remove(agent, file);
    else throw new StoreError(verdict.text);
  } finally {
    await intake.discard();
  }
}

/** K: nothing more is to be done for it. */
async function handOver(agent: Agent, { path, head }: QueueFile, intake: Intake): Promise<Verdict> {
  const { place } = agent;
  const [sender, recipient] = [head.sender, head.recipient];
  // A mail program that has seen a file appends flags to its name.
  const file = basename(path).replace(/:2,[A-Za-z]*$/, '');
  const arrival = await intake.finish({ peer: PEER, sender, recipients: [recipient], file });
  const now = agent.now();
  const [verdict = accepted('no recipient')] = await accept(place, arrival, now);
  if (verdict.letter !== 'D') return verdict;
  const reported = { id: arrival.id, head: { sender, accepted: now }, body: arrival.mail.body };
  return bounceMail(place, reported, [{ recipient, text: verdict.text }], { kind: 'failed', now });
}

async function remove(agent: Agent, { path }: QueueFile): Promise<void> {
  try {
    await removeDurably(path);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    report(agent, { path, reason: `it was taken, and cannot be removed: ${error.message}` });
  }
}

const REPORTED_MAX = 10_000;
const reported = new Set<string>();

function report({ log }: Agent, { path, reason }: Misfit): void {
  const line = `${path} ${reason}`;
  if (reported.has(line)) return;
  if (reported.size >= REPORTED_MAX) reported.clear();
  reported.add(line);
  log.warn('a file of [[queue]] stays where it is', { path, reason });
}
