/** Sticks through the programs as they are shipped: in bounded memory, and on disks that are full. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setInterval } from 'node:timers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../shared/io/command-line.ts';
import { done, memoryPeakBytes, type Outcome } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { canMount, mountDisk, remountDisk, unmountDisk } from '../support/small-disk.ts';

/** Less than the stick has, so that holding it would show; the hub settles at 320 MB however much more goes by stick. */
const MEMORY_BYTES_MAX = { command: 260_000_000, hub: 330_000_000 };
const MAIL_BYTES = 60_000_000;
const MAILS = 5;

let folder: string;
let hub: HubSite;
let herat: OfficeSite;
let mazar: OfficeSite;
/** A disk of its own, where the test may mount one. */
let disk: string;

const office = async (name: string, below: string): Promise<OfficeSite> =>
  OfficeSite.make({ folder: join(below, name), name, token: await hub.addOffice(name) });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-sticks-'));
  disk = join(folder, 'disk');
  await mkdir(disk);
  if (canMount) mountDisk(disk, '900m');
  hub = await HubSite.make({ folder: join(folder, 'kabul'), smarthost: '127.0.0.1:1' });
  await hub.start();
  herat = await office('herat', folder);
  mazar = await office('mazar', disk);
  for (const address of ['nadia@example.org', 'omid@example.org'])
    done(await hub.command(['user', 'add', address, 'mazar']));
  for (const site of [herat, mazar]) done(await site.command(['sync']));
});

afterAll(async () => {
  await hub.stop();
  if (canMount) unmountDisk(disk);
  await rm(folder, { recursive: true, force: true });
});

/** Runs a command line; answers also the highest memory that its process had. */
async function measured(site: HubSite | OfficeSite, words: readonly string[]): Promise<Outcome & { peak: number }> {
  let peak = 0;
  let watching: NodeJS.Timeout | undefined;
  const outcome = await site.command(words, {
    started: ({ pid = 0 }) => {
      watching = setInterval(async () => {
        peak = Math.max(peak, await memoryPeakBytes(pid));
      }, 50);
    },
  });
  clearInterval(watching);
  return { ...done(outcome), peak };
}

/** Incompressible, as attachments are. */
async function send(to: string, bytes: number): Promise<void> {
  const input = `Subject: for ${to}\n\n${randomBytes(bytes * 0.75).toString('base64url')}\n`;
  done(await herat.command(['send', '-f', 'farid@herat.example.org', to], { input }));
}

test('a stick of 225 MB goes through the serving hub, both ways, in bounded memory', { timeout: 600_000 }, async () => {
  for (let n = 0; n < MAILS; n += 1) await send('nadia@example.org', MAIL_BYTES);
  const stick = join(folder, 'up.batch');
  const written = await measured(herat, ['export', stick]);
  expect((await stat(stick)).size).toBeGreaterThan(MAILS * MAIL_BYTES * 0.75);
  const taken = await measured(hub, ['import', stick]);
  expect(taken.out).toContain(`${MAILS} mails taken`);
  const offered = await measured(hub, ['export', 'mazar', stick]);
  expect(offered.out).toContain(`${MAILS} mails`);
  const home = await measured(mazar, ['import', stick]);
  expect(home.out).toContain(`${MAILS} mails taken`);
  expect(await readdir(join(mazar.data, 'users/nadia/new'))).toHaveLength(MAILS);
  const peaks = { written, taken, offered, home, hub: { peak: await hub.daemon.memoryPeakBytes() } };
  const above = Object.entries(peaks).filter(
    ([name, { peak }]) => peak > MEMORY_BYTES_MAX[name === 'hub' ? 'hub' : 'command'],
  );
  expect(above.map(([name, { peak }]) => `${name}: ${Math.round(peak / 1e6)} MB`)).toEqual([]);
  done(await hub.command(['export', 'herat', stick]));
  const settled = done(await herat.command(['import', stick]));
  expect(settled.out).toContain(`${MAILS} frames of ours answered`);
});

describe.skipIf(!canMount)('a disk that is full (needs root, to mount one)', () => {
  const FULL = /the disk is full; free some space on it/;

  test('the stick: one clear sentence, and links may carry the mail at once', async () => {
    const full = join(folder, 'full');
    await mkdir(full);
    mountDisk(full, '1m');
    try {
      await send('omid@example.org', 3_000_000);
      const outcome = await herat.command(['export', join(full, 'up.batch')]);
      expect(outcome).toMatchObject({ code: EXIT.unavailable, err: expect.stringMatching(FULL) });
      expect(await herat.sync()).toMatchObject({ code: 0, line: { up: { mails: 1 } } });
      const down = await hub.command(['export', 'mazar', join(full, 'down.batch')]);
      expect(down).toMatchObject({ code: EXIT.unavailable, err: expect.stringMatching(FULL) });
      expect(await readdir(full)).toEqual([]);
      expect(done(await hub.command(['queue', 'mazar'])).out).not.toMatch(/omid.* on a stick/);
    } finally {
      unmountDisk(full);
    }
  });

  test('the laptop: one clear sentence, and with room the same stick brings each mail once', async () => {
    const stick = join(folder, 'down.batch');
    done(await hub.command(['export', 'mazar', stick]));
    for (const data of ['users', 'parts']) await rm(join(mazar.data, data), { recursive: true, force: true });
    remountDisk(disk, 'size=5m');
    const outcome = await mazar.command(['import', stick]);
    expect(outcome.err).toMatch(FULL);
    expect([EXIT.later, EXIT.unavailable]).toContain(outcome.code);
    expect(outcome.out).not.toContain('1 mails');
    remountDisk(disk, 'size=100m');
    for (let n = 0; n < 2; n += 1) done(await mazar.command(['import', stick]));
    expect(await readdir(join(mazar.data, 'users/omid/new'))).toHaveLength(1);
  });
});
