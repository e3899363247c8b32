import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { sync } from '../../agent/sync.ts';
import { TlsRecords } from '../../shared/io/tls-records.ts';
import { postUp, type SyncPair, syncPair } from '../support/sync-office.ts';

let pair: SyncPair | undefined;
afterEach(() => pair?.close());

/** Lengths of the pieces that become records, of writes of 8,192 bytes each. */
async function recordsOf(writes: number, line: () => Promise<void>): Promise<readonly number[]> {
  const records = new TlsRecords();
  const sizes: number[] = [];
  const write = async (piece: Uint8Array): Promise<void> => {
    sizes.push(piece.length);
    await line();
  };
  for (let n = 0; n < writes; n += 1) await records.write(new Uint8Array(8_192), write);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(writes * 8_192);
  return sizes;
}

test('records grow on a fast line, and a cut wastes little of what it has carried', async () => {
  const sizes = await recordsOf(200, async () => undefined);
  expect(sizes[0]).toBe(1_400);
  expect(sizes.at(-1)).toBe(8_192);
  let carried = 0;
  for (const size of sizes) {
    expect(size).toBeLessThanOrEqual(Math.max(1_400, carried / 40));
    carried += size;
  }
});

test('records stay small on a line of a few hundred bytes a second', async () => {
  expect(Math.max(...(await recordsOf(1, () => sleep(500))))).toBe(1_400);
});

test('what a large mail costs beside its own bytes is below one in a hundred', async () => {
  pair = await syncPair({ idle: '3 min' });
  const noise = Buffer.concat([Buffer.from('Subject: noise\n\n'), randomBytes(1_000_000)]);
  await postUp(pair.agent, noise);
  const { ok, up, error } = await sync(pair.agent);
  expect(error).toBeUndefined();
  expect(ok).toBe(true);
  expect(up.bytesWire).toBeGreaterThan(noise.length);
  expect(up.bytesWire).toBeLessThan(noise.length * 1.01);
});
