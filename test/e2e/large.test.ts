/** A mail of 100 MB crosses every hop, and no process needs more than 200 MB of memory for it. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setInterval } from 'node:timers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withoutTrace } from '../support/mails.ts';
import { Network } from '../support/network.ts';
import { memoryPeakBytes } from '../support/program.ts';
import { type OfficeSite, readMaildir } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import { until } from '../support/until.ts';

const MAIL_BYTES = 100_000_000;
const MEMORY_BYTES_MAX = 200_000_000;

let folder: string;
let network: Network;
let herat: OfficeSite;
const wire = largeMail();

/** Like an attachment: base64 of what cannot be compressed. */
function largeMail(): Buffer {
  const head = 'From: friend@example.com\r\nMessage-ID: <large@example.com>\r\nSubject: the film\r\n\r\n';
  const base64 = randomBytes(Math.floor((MAIL_BYTES / 78) * 57)).toString('base64');
  const lines = base64.match(/.{1,76}/g) ?? [];
  return Buffer.from(`${head}${lines.join('\r\n')}\r\n`);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-large-'));
  network = await Network.open({ folder, store: 'folder', hubMore: '[limits]\nmail = "150 MB"\n' });
  herat = network.offices.get('herat') as OfficeSite;
});

afterAll(async () => {
  await network?.close();
  await rm(folder, { recursive: true });
});

/** Syncs, and answers the highest memory that the process had. */
async function sync(): Promise<number> {
  let peak = 0;
  let watching: NodeJS.Timeout | undefined;
  const started = ({ pid = 0 }: { pid?: number | undefined }): void => {
    watching = setInterval(async () => {
      peak = Math.max(peak, await memoryPeakBytes(pid));
    }, 50);
  };
  const { code, err } = await herat.command(['sync'], { started });
  clearInterval(watching);
  expect({ code, err }).toMatchObject({ code: 0 });
  return peak;
}

const memory = (...peaks: readonly number[]): readonly string[] =>
  peaks.filter((peak) => peak > MEMORY_BYTES_MAX).map((peak) => `${Math.round(peak / 1e6)} MB`);

test('Internet to office', { timeout: 300_000 }, async () => {
  const session = await SmtpSession.open(network.hub.daemon.address('smtp'));
  expect(await session.send({ from: 'friend@example.com', to: ['farid@example.org'], wire })).toMatchObject({
    code: 250,
  });
  await session.close();
  const peak = await sync();
  const [file] = await herat.mailbox('farid');
  const body = withoutTrace(file?.bytes ?? Buffer.alloc(0), ['Return-Path', 'Delivered-To', 'Received']);
  expect(body.equals(Buffer.from(wire.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'))).toBe(true);
  expect(memory(peak, await network.hub.daemon.memoryPeakBytes())).toEqual([]);
});

test('office to Internet', { timeout: 300_000 }, async () => {
  const session = await SmtpSession.open(herat.daemon.address('smtp'));
  expect(await session.send({ from: 'farid@example.org', to: ['friend@example.com'], wire })).toMatchObject({
    code: 250,
  });
  await session.close();
  const peak = await sync();
  const mail = await until(
    async () => network.takeArrived()[0],
    async () => JSON.stringify(await readMaildir(join(network.hub.folder, 'store/internet'))),
  );
  expect(withoutTrace(mail.bytes, ['Received']).equals(wire)).toBe(true);
  expect(memory(peak, await network.hub.daemon.memoryPeakBytes(), await herat.daemon.memoryPeakBytes())).toEqual([]);
});
