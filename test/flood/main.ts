/**
 * `npm run flood [-- --connections N]`: the two programs as they are shipped, and thousands of idle connections at each of their ports. First
 * as they are configured by default, then with limits that let all of them in. Each time somebody else is served meanwhile.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectPort, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../tools/build.ts';
import { flood } from '../support/flood.ts';
import { done } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';

const { values } = parseArgs({ options: { connections: { type: 'string', default: '5000' } } });
const count = Number(values.connections);
if (!Number.isSafeInteger(count) || count < 1) {
  console.error('usage: npm run flood [-- --connections N]');
  process.exit(64);
}

const FROM = '127.0.0.66';
const MB = 1_000_000;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Waits until a port has said something, to a client that may speak first; answers what. */
function answerOf({ host, port }: Address, first = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectPort({ host, port });
    const timer = setTimeout(() => reject(new Error(`${port} does not answer`)), 30_000);
    socket.write(first);
    socket.once('data', (bytes: Buffer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(bytes.toString('latin1'));
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`${port} hangs up`)));
  });
}

/** What an honest client says first, by listener; a page and a hub's admin port speak HTTP. */
const FIRST: Readonly<Record<string, string>> = {
  qmtp: '3:\nhi,3:a@b,20:16:nobody@x.invalid,,',
  admin: 'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n',
  page: 'GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n',
};

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s*(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

interface Port {
  readonly site: HubSite | OfficeSite;
  readonly name: string;
}

async function tryPort(what: string, { site, name }: Port, office: OfficeSite): Promise<void> {
  const where = site.daemon.address(name);
  const before = await residentBytes(site.daemon.pid);
  const lines = async (): Promise<number> => (await readFile(site.logFile, 'utf8')).split('\n').length;
  const linesBefore = await lines();
  const sockets: Socket[] = [];
  const start = performance.now();
  const open = await flood({ ...where, from: FROM, count, sockets });
  const seconds = (performance.now() - start) / 1_000;
  const after = await residentBytes(site.daemon.pid);
  const asked = performance.now();
  if (name === 'sync') done(await office.command(['sync']));
  else await answerOf(where, FIRST[name]);
  const ms = performance.now() - asked;
  const columns = [
    what,
    `${site instanceof HubSite ? 'hub' : 'agent'} ${name}`,
    String(open),
    ((after - before) / MB).toFixed(0),
    `${ms.toFixed(0)}${name === 'sync' ? ' (a whole sync)' : ''}`,
    String((await lines()) - linesBefore),
    seconds.toFixed(0),
  ];
  console.log(`| ${columns.join(' | ')} |`);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}

const folder = await mkdtemp(join(tmpdir(), 'fieldpost-flood-'));
await build();
const sink = await startSmtpSink();
const hub = await HubSite.make({ folder: join(folder, 'kabul'), smarthost: sink.address });
await hub.start();
const token = await hub.addOffice('herat');
const office = await OfficeSite.make({
  folder: join(folder, 'herat'),
  name: 'herat',
  token,
  more: 'page = "127.0.0.1:0"\n',
});
await office.start();
done(await office.command(['sync']));

try {
  console.log(`${count} connections from one address, which say nothing\n`);
  console.log('| limits | port | held open | MB more | ms until another is answered | lines of log | seconds |');
  console.log('|---|---|---|---|---|---|---|');
  for (const what of ['default', 'all let in'] as const) {
    if (what === 'all let in') {
      for (const [site, most] of [
        [hub, 10_000],
        [office, 1_000],
      ] as const) {
        await site.stop();
        const toml = await readFile(site.configFile, 'utf8');
        await writeFile(site.configFile, `${toml}\n[limits]\nconnections = ${most}\nper_address = ${most - 100}\n`);
        await site.start();
      }
    }
    for (const name of ['smtp', 'qmtp', 'sync', 'admin']) await tryPort(what, { site: hub, name }, office);
    for (const name of ['smtp', 'pop3', 'qmtp', 'page']) await tryPort(what, { site: office, name }, office);
  }
} finally {
  await office.stop();
  await hub.stop();
  await sink.close();
  await rm(folder, { recursive: true, force: true });
}
