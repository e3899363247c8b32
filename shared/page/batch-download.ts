/** A batch on its way to a browser, as it is made. */
import type { BatchExport } from '../io/batch-export.ts';
import { sealBatch } from '../io/batch-file.ts';

export interface Download {
  /** The browser has gone away. */
  readonly aborted: boolean;
  write(chunk: Uint8Array): Promise<unknown>;
}

/** Throws when the browser goes away before the end; then links may carry the mail at once. */
export async function pourBatch(
  batch: BatchExport,
  seal: Parameters<typeof sealBatch>[1],
  out: Download,
): Promise<void> {
  try {
    for await (const chunk of sealBatch(batch.records(), seal)) {
      await out.write(chunk);
      if (out.aborted) throw new Error('the browser went away');
    }
  } catch (error) {
    await batch.release();
    throw error;
  }
}
