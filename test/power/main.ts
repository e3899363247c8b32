/**
 * `npm run power`: what the agent's daemon costs a laptop that lives on a solar panel. Wake-ups and CPU time while nothing happens,
 * CPU time of a sync, and writes that the disk is made to finish, for each mail. Linux; the last needs strace.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../../tools/build.ts';
import { done, run } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { table } from '../support/table.ts';

const IDLE_SECONDS = 60;
const MAILS = 20;
/** In which the kernel counts CPU time. */
const TICKS_PER_SECOND = 100;

interface Used {
  /** Times that a thread gave the CPU away by itself, and so was woken. */
  readonly wakeups: number;
  readonly seconds: number;
}

async function usedBy(pid: number): Promise<Used> {
  const threads = await readdir(`/proc/${pid}/task`);
  const texts = await Promise.all(threads.map((id) => readFile(`/proc/${pid}/task/${id}/status`, 'utf8')));
  const wakeups = texts.reduce((sum, text) => sum + Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(text)?.[1]), 0);
  const stat = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
  return { wakeups, seconds: (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND };
}

async function during(pid: number, work: () => Promise<unknown>): Promise<Used> {
  const before = await usedBy(pid);
  await work();
  const after = await usedBy(pid);
  return { wakeups: after.wakeups - before.wakeups, seconds: after.seconds - before.seconds };
}

/** Calls of fsync and fdatasync of a process while work is done. */
async function syncsDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  const trace = spawn('strace', ['-f', '-c', '-e', 'trace=fsync,fdatasync', '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  trace.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  await sleep(1_500);
  await work();
  trace.kill('SIGINT');
  await new Promise((resolve) => trace.once('close', resolve));
  return [...said.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+f(?:data)?sync$/gm)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}

const folder = await mkdtemp(join(tmpdir(), 'fieldpost-power-'));
const sink = await startSmtpSink();
const hub = await HubSite.make({ folder: join(folder, 'kabul'), smarthost: sink.address });
await build();
await hub.start();
const office = await OfficeSite.make({
  folder: join(folder, 'herat'),
  name: 'herat',
  token: await hub.addOffice('herat'),
});
done(await hub.command(['user', 'add', 'farid@example.org', 'herat']));

let sent = 0;
async function post(address: { host: string; port: number }, from: string, to: string): Promise<void> {
  const session = await SmtpSession.open(address);
  for (let count = 0; count < MAILS; count += 1) {
    sent += 1;
    const wire = Buffer.from(`Message-ID: <${sent}@x>\r\nSubject: ${sent}\r\n\r\n${'a few words '.repeat(200)}\r\n`);
    const { code, text } = await session.send({ from, to: [to], wire });
    if (code !== 250) throw new Error(`${code} ${text}`);
  }
  await session.close();
}

const up = (): Promise<void> => post(office.daemon.address('smtp'), 'farid@example.org', 'friend@example.com');
const down = (): Promise<void> => post(hub.daemon.address('smtp'), 'friend@example.com', 'farid@example.org');

/** Has the daemon sync, and waits until its log says that it has. */
async function synced(): Promise<void> {
  const trips = async (): Promise<number> => (await readFile(office.logFile, 'utf8')).split('"bytes":').length;
  const before = await trips();
  process.kill(office.daemon.pid, 'SIGUSR1');
  for (let tries = 0; (await trips()) === before; tries += 1) {
    if (tries > 300) throw new Error('the daemon does not sync');
    await sleep(100);
  }
  await sleep(300);
}

try {
  await office.start();
  const { pid } = office.daemon;
  await sleep(5_000);
  await synced();
  const idle = await during(pid, () => sleep(IDLE_SECONDS * 1_000));
  const nothing = await during(pid, synced);
  await up();
  await down();
  const twenty = await during(pid, synced);
  const rows: [what: string, figure: string][] = [
    ['wake-ups in a minute without work', String(idle.wakeups)],
    ['CPU time in a minute without work', `${(idle.seconds * 1_000).toFixed(0)} ms`],
    ['CPU time of a sync with nothing to do', `${(nothing.seconds * 1_000).toFixed(0)} ms`],
    [`CPU time of a sync with ${MAILS} mails up and ${MAILS} down`, `${(twenty.seconds * 1_000).toFixed(0)} ms`],
  ];
  if ((await run('which', ['strace'])).code === 0) {
    const taken = await syncsDuring(pid, up);
    const carriedUp = await syncsDuring(pid, synced);
    await down();
    const carriedDown = await syncsDuring(pid, synced);
    for (const [what, count] of [
      ['taken by SMTP', taken],
      ['sent in a sync', carriedUp],
      ['received in a sync', carriedDown],
    ] as const)
      rows.push([`disk syncs for a mail ${what} (of ${MAILS})`, (count / MAILS).toFixed(1)]);
  }
  console.log(
    table(
      [
        ['what', ([what]) => what],
        ['figure', ([, figure]) => figure],
      ],
      rows,
    ),
  );
} finally {
  await office.stop();
  await hub.stop();
  await sink.close();
  await rm(folder, { recursive: true, force: true });
}
