/**
 * Prepares and seals the frames of several mails. What goes into the ledger before the first byte travels (which entries, the
 * point that they build on, the quality) is enough to make the same bytes again, as long as the history holds that point;
 * so nothing sealed has to be kept for the next trip.
 */
import { createHash } from 'node:crypto';
import { encodeGroup, GROUP_BYTES_MAX } from '../core/group.ts';
import { joinedPart } from '../core/history.ts';
import type { Sealing } from '../core/trip-ledger.ts';
import { CODEC } from '../core/trip-message.ts';
import { bytesBody, readBody } from './body.ts';
import { squeeze } from './brotli.ts';
import type { HistoryLog } from './history-log.ts';
import type { Entry } from './maildir.ts';
import { frameHash, type Sealed } from './seal.ts';

export const HARDEST = 11;
/** Many times faster, and a sixth larger. */
export const QUICK = 5;

export interface Prepared {
  readonly base: string;
  readonly quality: number;
  readonly dictionary: Buffer;
  readonly content: Buffer;
}

/** Whether the entries fit into one frame that is held in memory. */
export const fitsGroup = (entries: readonly Entry[]): boolean =>
  entries.reduce((sum, { body }) => sum + body.size, 0) <= GROUP_BYTES_MAX;

/**
 * Joins the frame to the history: the next one builds on it. `opened` says how it was sealed before, if it was; a point
 * that is not held any more is replaced by the newest.
 */
export async function prepareGroup(
  log: HistoryLog,
  entries: readonly Entry[],
  { before, quality }: { readonly before: Sealing | undefined; readonly quality: number },
): Promise<Prepared> {
  const mails: { readonly head: Entry['head']; readonly body: Buffer }[] = [];
  for (const { head, body } of entries) mails.push({ head, body: await readBody(body, GROUP_BYTES_MAX) });
  return joinGroup(log, encodeGroup(mails), { ...(before ? { before } : {}), quality });
}

/** The same for a content that is there already. */
export async function joinGroup(
  log: HistoryLog,
  content: Buffer,
  { before, quality }: { readonly before?: Sealing; readonly quality: number },
): Promise<Prepared> {
  const history = await log.history();
  const kept = before && history.dictionary(before.base);
  const base = before && kept ? before.base : history.tip;
  const dictionary = kept ?? history.dictionary(base) ?? Buffer.alloc(0);
  await log.append({ base, bytes: joinedPart(content) });
  return { base, quality: before && kept ? before.quality : quality, dictionary, content };
}

export async function sealGroup({ base, quality, dictionary, content }: Prepared): Promise<Sealed> {
  const sealed = await squeeze(content, { dictionary, quality });
  return {
    codec: CODEC.brotli,
    base,
    hash: frameHash(createHash('sha256').update(sealed).digest('hex')),
    length: sealed.length,
    packed: content.length,
    body: bytesBody(sealed),
    discard: async () => undefined,
  };
}
