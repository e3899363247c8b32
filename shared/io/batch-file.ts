/** Seals records into a batch file and opens one, a chunk at a time (the layout: shared/core/batch.ts). */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import {
  BATCH_CHUNK_BYTES,
  BATCH_HEAD_BYTES,
  BATCH_TAG_BYTES,
  type BatchHead,
  batchNonce,
  batchPurpose,
  decodeBatchHead,
  encodeBatchHead,
} from '../core/batch.ts';

/** The file is no batch, or not whole, or not as it was written. What came before the fault is authentic. */
export class BatchError extends Error {}

const CIPHER = 'chacha20-poly1305';
const SEALED_BYTES = BATCH_CHUNK_BYTES + BATCH_TAG_BYTES;

const keyOf = (officeKey: Uint8Array, { salt, way }: BatchHead): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', officeKey, Buffer.from(salt, 'hex'), batchPurpose(way), 32));

/** `salt` is drawn anew for each file; only test vectors give one. */
export async function* sealBatch(
  records: AsyncIterable<Uint8Array>,
  {
    key,
    salt = randomBytes(16).toString('hex'),
    ...whose
  }: Omit<BatchHead, 'salt'> & { key: Uint8Array; salt?: string },
): AsyncGenerator<Uint8Array> {
  const head = { ...whose, salt };
  const aad = encodeBatchHead(head);
  const batchKey = keyOf(key, head);
  const seal = (plain: Uint8Array, chunk: number, isLast: boolean): Buffer => {
    const cipher = createCipheriv(CIPHER, batchKey, batchNonce(chunk, isLast), { authTagLength: BATCH_TAG_BYTES });
    cipher.setAAD(aad, { plaintextLength: plain.length });
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  };
  yield aad;
  let chunk = 0;
  for await (const { bytes, isLast } of cut(records, BATCH_CHUNK_BYTES)) {
    yield seal(bytes, chunk, isLast);
    chunk += 1;
  }
}

/** Pieces of one size; the last may be shorter, and empty only when there is nothing at all. */
async function* cut(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ readonly bytes: Buffer; readonly isLast: boolean }> {
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (const part of source) {
    parts.push(part);
    held += part.length;
    // One byte more than a piece shows that the piece is not the last.
    if (held <= size) continue;
    let all = Buffer.concat(parts);
    for (; all.length > size; all = all.subarray(size)) yield { bytes: all.subarray(0, size), isLast: false };
    parts = [all];
    held = all.length;
  }
  yield { bytes: Buffer.concat(parts), isLast: true };
}

/** Fewer and larger pieces, for a file: nobody waits for the first of them. */
export async function* inLargePieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of cut(chunks, LARGE_BYTES)) yield bytes;
}

const LARGE_BYTES = 65_536;

/** The head, and the rest of the file. Throws BatchError when the file is no batch. */
export async function readBatchHead(
  file: AsyncIterable<Uint8Array>,
): Promise<{ readonly head: BatchHead; readonly rest: AsyncIterable<Uint8Array> }> {
  const chunks = file[Symbol.asyncIterator]();
  let got = Buffer.alloc(0);
  while (got.length < BATCH_HEAD_BYTES) {
    const { value, done } = await chunks.next();
    if (done) break;
    got = Buffer.concat([got, value]);
  }
  const head = decodeBatchHead(got);
  if (!head) throw new BatchError('this is no batch file of Fieldpost, or of a later version: take another file');
  return { head, rest: after(got.subarray(BATCH_HEAD_BYTES), chunks) };
}

async function* after(first: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}

/** The records in the rest of a file. Throws BatchError at the first chunk that is not as it was written. */
export async function* openBatch(
  rest: AsyncIterable<Uint8Array>,
  { head, key }: { readonly head: BatchHead; readonly key: Uint8Array },
): AsyncGenerator<Uint8Array> {
  const aad = encodeBatchHead(head);
  const batchKey = keyOf(key, head);
  const open = (sealed: Buffer, chunk: number, isLast: boolean): Buffer | undefined => {
    if (sealed.length < BATCH_TAG_BYTES) return undefined;
    const size = sealed.length - BATCH_TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, batchKey, batchNonce(chunk, isLast), { authTagLength: BATCH_TAG_BYTES });
    decipher.setAAD(aad, { plaintextLength: size });
    decipher.setAuthTag(sealed.subarray(size));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, size)), decipher.final()]);
    } catch {
      return undefined;
    }
  };
  let chunk = 0;
  for await (const { bytes, isLast } of cut(rest, SEALED_BYTES)) {
    const plain = open(bytes, chunk, isLast);
    if (plain) yield plain;
    else if (isLast && chunk > 0) {
      const whole = open(bytes, chunk, false);
      if (whole) yield whole;
      throw new BatchError('the file is cut short or damaged near its end; what came before stands: copy it again');
    } else throw new BatchError('the file is damaged, was altered, or is not for this key: copy or export it again');
    chunk += 1;
  }
}
