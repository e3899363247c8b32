/**
 * Hands a batch to a carrier. It is written whole first; what has come about by then is marked as being on the way, and when the
 * program does not take the file the marks go again. After a kill in between the file is still there, and is handed over by the
 * next call: it may come twice.
 */
import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BatchHead } from '../core/batch.ts';
import type { BatchExport, OnTheWay } from './batch-export.ts';
import { inLargePieces, sealBatch } from './batch-file.ts';
import { readBody, textBody } from './body.ts';
import { type CarrierProgram, giveToCarrier } from './carrier.ts';
import { makeFolder, removeDurably, writeStreamDurably } from './durable.ts';
import type { Store } from './store.ts';

interface SealAs {
  readonly whose: Omit<BatchHead, 'salt'>;
  readonly key: Uint8Array;
}

export interface HandOver {
  readonly program: CarrierProgram;
  /** Where the file lies until the program has it; nothing else is in it. */
  readonly folder: string;
  /** The file's name begins so. */
  readonly name: string;
  /** Makes a batch and has it written while nothing else works on what it is made of. */
  make(write: (batch: BatchExport, seal: SealAs) => Promise<void>): Promise<void>;
  /** Nothing of it is on the way: it may go otherwise at once. */
  release(marks: readonly OnTheWay[]): Promise<void>;
  /** Where it is kept what the other side has been told. */
  readonly told: { readonly store: Store; readonly key: string };
}

export interface HandedOver {
  readonly mails: number;
  readonly bytesRaw: number;
  /** Bytes of the files. */
  readonly bytesWire: number;
}

/** Nothing is handed over when there is neither mail nor news. Throws CarrierError. */
export async function handOver(work: HandOver): Promise<HandedOver> {
  const { program, folder, name, told } = work;
  await makeFolder(folder);
  let bytesWire = await handLeftOver(folder, program);
  const file = join(folder, `${name}-${randomBytes(8).toString('hex')}.batch`);
  let made: BatchExport | undefined;
  try {
    await work.make(async (batch, { whose, key }) => {
      made = batch;
      await writeOrRelease(file, batch, inLargePieces(sealBatch(batch.records(), { ...whose, key })));
    });
    if (!made || (made.mails === 0 && made.news === (await readTold(told))))
      return { mails: 0, bytesRaw: 0, bytesWire };
    const { size } = await stat(file);
    await giveOrRelease(file, made, work);
    bytesWire += size;
    await told.store.put(told.key, textBody(made.news));
    return { mails: made.mails, bytesRaw: made.bytesRaw, bytesWire };
  } finally {
    await removeDurably(file);
  }
}

async function writeOrRelease(file: string, batch: BatchExport, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await writeStreamDurably(file, chunks);
  } catch (error) {
    await batch.release();
    throw error;
  }
}

async function giveOrRelease(file: string, batch: BatchExport, { program, release }: HandOver): Promise<void> {
  try {
    await giveToCarrier(file, program);
  } catch (error) {
    await release(batch.marks);
    throw error;
  }
}

/** Files of calls that were killed; half of one has another name, and goes. Answers the bytes that were given. */
async function handLeftOver(folder: string, program: CarrierProgram): Promise<number> {
  let bytes = 0;
  for (const name of (await readdir(folder)).sort()) {
    const file = join(folder, name);
    if (!name.startsWith('.')) {
      const { size } = await stat(file);
      await giveToCarrier(file, program);
      bytes += size;
    }
    await removeDurably(file);
  }
  return bytes;
}

async function readTold({ store, key }: HandOver['told']): Promise<string | undefined> {
  const body = await store.get(key);
  return body && (await readBody(body)).toString();
}
