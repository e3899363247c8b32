/** The network of the 2004 text, as processes, with the sixty mails of test/corpus, both ways: what holds on each store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROOT } from '../../tools/project.ts';
import { carry } from '../corpus-run/carry.ts';
import { Kills } from '../corpus-run/kills.ts';
import { readMails } from './mails.ts';
import { Network } from './network.ts';

const mails = await readMails(`${ROOT}test/corpus`);

/** To be called by a test file for each store, so that they run side by side. */
export function describeNetwork(store: 'folder' | 's3'): void {
  describe(`store: ${store}`, () => {
    let folder: string;
    let network: Network;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'fieldpost-network-'));
      network = await Network.open({ folder, store });
    });

    afterEach(async () => {
      await network.close();
      await rm(folder, { recursive: true });
    });

    test.each(['smtp', 'qmtp'] as const)(
      'every mail arrives once, byte for byte, by %s',
      async (door) => {
        const { ledger, complaints } = await carry(network, mails, { door, secondsMax: 100 });
        expect(complaints).toEqual([]);
        expect(ledger.count().came).toBeGreaterThan(100);
      },
      150_000,
    );

    test('kill -9 of the hub and of agents, three times each, loses nothing and doubles nothing', async () => {
      const kills = new Kills(network);
      const { complaints } = await carry(network, mails, { door: 'smtp', secondsMax: 120, kills });
      expect(complaints).toEqual([]);
      expect(kills.done).toHaveLength(6);
    }, 180_000);

    test('SIGTERM ends hub and agents with exit code 0', async () => {
      expect(await Promise.all([...network.offices.values()].map((office) => office.stop()))).toEqual([0, 0, 0]);
      expect(await network.hub.stop()).toBe(0);
    });
  });
}
