/** The file of a stick on its way from the agent to a browser, and back. */
import { stream } from 'hono/streaming';
import { BatchError } from '../../shared/io/batch-file.ts';
import { onBatch } from '../../shared/io/batch-words.ts';
import { EXIT, Exit } from '../../shared/io/command-line.ts';
import { type Download, pourBatch } from '../../shared/page/batch-download.ts';
import type { Agent } from '../agent.ts';
import { beginExport, betweenSyncs, type ExportChoice, sealOf, takeBatch } from '../stick.ts';
import type { PageContext } from './session.ts';
import type { StickOutcome } from './stick.tsx';

/**
 * Sends a batch as it is made; no sync runs meanwhile. When the browser goes away before its end, links may carry the mail at
 * once. Throws Exit 75 while a sync runs.
 */
export function sendBatch(context: PageContext, agent: Agent, choice: ExportChoice): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const sending = (): Promise<void> =>
    new Promise((sent, failed) =>
      resolve(answer(context, agent, (out) => pour(agent, choice, out).then(sent, failed))),
    );
  betweenSyncs(agent, sending).catch((error: Error) => {
    agent.log.warn('a batch for a stick was not saved whole: make it again', { error: error.message });
    reject(error);
    // A file that ends as if it were whole would be carried all the way.
    if (!(error instanceof Exit)) context.env.incoming.socket.destroy();
  });
  return promise;
}

function answer(context: PageContext, agent: Agent, write: (out: Download) => Promise<void>): Response {
  const day = new Date(agent.now() * 1_000).toISOString().slice(0, 10);
  context.header('content-type', 'application/octet-stream');
  context.header('content-disposition', `attachment; filename="${agent.config.office}-${day}.batch"`);
  return stream(context, write);
}

async function pour(agent: Agent, choice: ExportChoice, out: Download): Promise<void> {
  const batch = await beginExport(agent, choice);
  const { whose, key } = sealOf(agent);
  await pourBatch(batch, { ...whose, key }, out);
  agent.log.info('a batch for a stick was saved', { mails: batch.mails, bytes: batch.bytesRaw });
}

/** Takes what the file holds. Throws nothing for what is wrong with it. */
export async function readStick(agent: Agent, file: AsyncIterable<Uint8Array>): Promise<StickOutcome> {
  try {
    const { fault, ...imported } = await betweenSyncs(agent, () => onBatch(() => takeBatch(agent, file)));
    agent.log.info('a batch from a stick was read', { mails: imported.mails, known: imported.known });
    return { imported, ...(fault === undefined ? {} : { fault: 'damaged' as const, details: fault }) };
  } catch (error) {
    if (error instanceof BatchError) return { fault: 'damaged', details: error.message };
    if (error instanceof Exit) return { fault: faultOf(error), details: error.message };
    throw error;
  }
}

function faultOf({ code }: Exit): 'busy' | 'notOurs' | 'damaged' {
  if (code === EXIT.later) return 'busy';
  return code === EXIT.refused ? 'notOurs' : 'damaged';
}
