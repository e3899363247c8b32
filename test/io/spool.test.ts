import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBody } from '../../shared/io/body.ts';
import { emptySpool, SPOOL_MEMORY_BYTES, Spool } from '../../shared/io/spool.ts';

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'fieldpost-')), 'spool');
});
afterEach(() => rm(join(folder, '..'), { recursive: true }));

const collect = async (body: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
};

test('gives back what was written, hashed, whole and in parts, from memory or from a file', async () => {
  const sizes = fc.array(fc.constantFrom(0, 1, 4_095, 4_096, 65_536, SPOOL_MEMORY_BYTES, SPOOL_MEMORY_BYTES + 1), {
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (lengths, from, to) => {
      const chunks = lengths.map((length, index) => Buffer.alloc(length, `${index}bytes\r\n\0`));
      const bytes = Buffer.concat(chunks);
      const spool = new Spool({ folder, bytesMax: 10_000_000 });
      for (const chunk of chunks) {
        await spool.write(chunk);
        // A door reuses its buffer.
        chunk.fill(0);
      }
      const { body, hash, discard } = await spool.finish();
      expect((await readBody(body, 10_000_000)).equals(bytes)).toBe(true);
      expect(hash).toBe(createHash('sha256').update(bytes).digest('hex'));
      const [start, end] = [from % (bytes.length + 1), to % (bytes.length + 1)];
      expect((await collect(body.read(start, end))).equals(bytes.subarray(start, Math.max(start, end)))).toBe(true);
      await discard();
    }),
    { numRuns: 40 },
  );
  expect(await readdir(folder)).toEqual([]);
});

test('small mails leave the disk alone, large ones are nobody else’s to read', async () => {
  const small = new Spool({ folder, bytesMax: 10_000_000 });
  await small.write(Buffer.alloc(SPOOL_MEMORY_BYTES));
  await small.finish();
  await expect(readdir(folder)).rejects.toThrow('ENOENT');
  const large = new Spool({ folder, bytesMax: 10_000_000 });
  await large.write(Buffer.alloc(SPOOL_MEMORY_BYTES + 1));
  await large.finish();
  const [name = ''] = await readdir(folder);
  expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
});

test('what a program left that is gone goes; what a running one writes stays', async () => {
  await mkdir(folder);
  const gone = '000000000000.1.1.1';
  await writeFile(join(folder, `1234,${gone}`), 'half a mail');
  const mine = new Spool({ folder, bytesMax: 10_000_000 });
  await mine.write(Buffer.alloc(SPOOL_MEMORY_BYTES + 1));
  await emptySpool(folder);
  const left = await readdir(folder);
  expect(left).toHaveLength(1);
  expect(left[0]).not.toContain(gone);
  expect((await mine.finish()).body.size).toBe(SPOOL_MEMORY_BYTES + 1);
});
