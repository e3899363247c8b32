/** Many mails as one file for carriers of files, as news and bsmtp do it: a line with the length and the envelope, then the mail. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { peopleOf, SENDER } from './envelope.ts';

/** zstd -19. */
export function packBatch(mails: readonly Buffer[], people: number): Buffer {
  const content = mails.flatMap((mail) => [
    Buffer.from(`#! rmail ${mail.length} ${SENDER} ${peopleOf(people).join(' ')}\n`),
    mail,
  ]);
  return zstdCompressSync(Buffer.concat(content), { params: { [constants.ZSTD_c_compressionLevel]: 19 } });
}

export function unpackBatch(batch: Buffer): readonly Buffer[] {
  const content = zstdDecompressSync(batch);
  const mails: Buffer[] = [];
  for (let at = 0; at < content.length; ) {
    const start = content.indexOf(10, at) + 1;
    const length = Number(/^#! rmail (\d+) /.exec(content.toString('latin1', at, start))?.[1]);
    mails.push(content.subarray(start, start + length));
    at = start + length;
  }
  return mails;
}
