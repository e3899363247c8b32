/**
 * `npm run bulk -- [--gb 3]`: so much mail through hub and agent as processes, half of it each way, in mails of 10 MB that hardly
 * compress with small ones between them. Exit code 0 only if each mail arrived once, with its own bytes; says how much
 * memory each process needed.
 */
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { build } from '../../tools/build.ts';
import { Network } from '../support/network.ts';
import { memoryPeakBytes } from '../support/program.ts';
import { type OfficeSite, readMaildir } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';

const LARGE_BYTES = 10_000_000;
/** Of one direction, before the next ones go in. */
const LARGE_A_ROUND = 10;
const SMALL_A_ROUND = 50;
const ROUND_SECONDS_MAX = 900;

const { values } = parseArgs({ options: { gb: { type: 'string', default: '3' } } });
const rounds = Math.ceil((Number(values.gb) * 1e9) / (2 * LARGE_A_ROUND * LARGE_BYTES));

/** How often each mail has arrived, by the hash of its body. */
const arrived = new Map<string, number>();

const hashOf = (mail: Buffer): string => {
  const text = mail.toString('latin1').replaceAll('\r\n', '\n');
  return createHash('sha256')
    .update(text.slice(text.indexOf('\n\n')), 'latin1')
    .digest('hex');
};

/** With an attachment of random bytes. */
function makeMail(name: string, bytes: number): Buffer {
  const lines = randomBytes(Math.floor((bytes / 78) * 57))
    .toString('base64')
    .match(/.{1,76}/g);
  const head = `From: one@example.org\r\nMessage-ID: <${name}@bulk>\r\nSubject: ${name}\r\n`;
  const wire = Buffer.from(`${head}Content-Transfer-Encoding: base64\r\n\r\n${lines?.join('\r\n')}\r\n`);
  arrived.set(hashOf(wire), 0);
  return wire;
}

async function post(address: { host: string; port: number }, from: string, to: string, name: string): Promise<void> {
  const session = await SmtpSession.open(address);
  const sizes = [...Array(SMALL_A_ROUND).fill(2_000), ...Array(LARGE_A_ROUND).fill(LARGE_BYTES)] as number[];
  for (const [n, size] of sizes.entries()) {
    const { code, text } = await session.send({ from, to: [to], wire: makeMail(`${name}-${n}`, size) });
    if (code !== 250) throw new Error(`a mail was not taken: ${code} ${text}`);
  }
  await session.close();
}

/** What has come since the last look, counted and put away. */
async function count(network: Network, herat: OfficeSite): Promise<void> {
  const came = [...network.takeArrived()];
  const files = await readMaildir(join(herat.data, 'users/farid'));
  for (const { bytes } of [...came, ...files]) arrived.set(hashOf(bytes), (arrived.get(hashOf(bytes)) ?? 2) + 1);
  for (const { path } of files) await rm(path);
}

let syncPeak = 0;
async function sync(herat: OfficeSite): Promise<void> {
  let watching: NodeJS.Timeout | undefined;
  const started = ({ pid = 0 }: ChildProcess): void => {
    watching = setInterval(async () => {
      syncPeak = Math.max(syncPeak, await memoryPeakBytes(pid));
    }, 200);
  };
  await herat.sync({ started });
  clearInterval(watching);
}

const missing = (): number => [...arrived.values()].filter((times) => times === 0).length;

async function round(network: Network, herat: OfficeSite, n: number): Promise<void> {
  await Promise.all([
    post(herat.daemon.address('smtp'), 'farid@example.org', 'friend@example.com', `up-${n}`),
    post(network.hub.daemon.address('smtp'), 'friend@example.com', 'farid@example.org', `down-${n}`),
  ]);
  const end = performance.now() + ROUND_SECONDS_MAX * 1_000;
  while (missing() > 0 && performance.now() < end) {
    await sync(herat);
    await count(network, herat);
    if (missing() > 0) await sleep(500);
  }
}

await build();
const folder = await mkdtemp(join(tmpdir(), 'fieldpost-bulk-'));
const started = performance.now();
const network = await Network.open({ folder, store: 'folder', hubMore: '[limits]\nmail = "20 MB"\n' });
try {
  const herat = network.offices.get('herat');
  if (!herat) throw new Error('the network has no herat');
  for (let n = 1; n <= rounds && missing() === 0; n += 1) {
    await round(network, herat, n);
    console.log(`${n} of ${rounds}: ${arrived.size} mails, ${missing()} missing`);
  }
  const peaks = {
    hub: await network.hub.daemon.memoryPeakBytes(),
    'agent run': await herat.daemon.memoryPeakBytes(),
    'agent sync': syncPeak,
  };
  const wrong = [...arrived.values()].filter((times) => times !== 1).length;
  const seconds = Math.round((performance.now() - started) / 1_000);
  const gigabytes = (network.bytesOnLink('herat') / 1e9).toFixed(2);
  console.log(`${arrived.size} mails, ${gigabytes} GB on the link, ${seconds} s; not exactly once: ${wrong}`);
  for (const [name, bytes] of Object.entries(peaks))
    console.log(`${name}: at most ${Math.round(bytes / 1e6)} MB of memory`);
  process.exitCode = wrong === 0 && arrived.size === rounds * 2 * (LARGE_A_ROUND + SMALL_A_ROUND) ? 0 : 1;
} finally {
  await network.close();
  await rm(folder, { recursive: true });
}
