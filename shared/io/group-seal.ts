/**
 * Prepares and seals the frames of several mails. What goes into the ledger before the first byte travels (which entries, the
 * point that they build on, the quality) is enough to make the same bytes again, as long as the history holds that point;
 * so nothing sealed has to be kept for the next trip.
 */
import { createHash } from 'node:crypto';
import { encodeGroup, GROUP_BYTES_MAX, partsOf } from '../core/group.ts';
import { joinedPart } from '../core/history.ts';
import type { Sealing } from '../core/trip-ledger.ts';
import { CODEC } from '../core/trip-message.ts';
import { encodeVarint, FieldReader, TripError } from '../core/trip-record.ts';
import { bytesBody, readBody } from './body.ts';
import { squeeze, unsqueeze } from './brotli.ts';
import type { HistoryLog } from './history-log.ts';
import type { Entry } from './maildir.ts';
import { type HeldParts, type KnownParts, partHash } from './parts.ts';
import { frameHash, type Sealed } from './seal.ts';

export const HARDEST = 11;
/** Many times faster, and a sixth larger. */
export const QUICK = 5;

export interface Prepared {
  readonly base: string;
  readonly apart?: true;
  readonly quality: number;
  readonly dictionary: Buffer;
  readonly content: Buffer;
  /** Parts that the receiver has, which come before the dictionary, by SHA-256. */
  readonly parts: ReadonlyMap<string, Buffer>;
  /** All parts of the content, by SHA-256: the receiver has them once it has answered. */
  readonly carried: readonly string[];
}

/** What a sender's side knows of its receiver. */
export interface Memory {
  readonly log: HistoryLog;
  readonly known: KnownParts;
}

/** Parts that one frame builds on, at most. */
const PARTS_MAX = 16;
const PARTS_BYTES_MAX = 4_000_000;
const HASH_BYTES = 32;

/** Whether the entries fit into one frame that is held in memory. */
export const fitsGroup = (entries: readonly Entry[]): boolean =>
  entries.reduce((sum, { body }) => sum + body.size, 0) <= GROUP_BYTES_MAX;

/**
 * Joins the frame to the history: the next one builds on it. `opened` says how it was sealed before, if it was; a point
 * that is not held any more is replaced by the newest.
 */
export async function prepareGroup(
  memory: Memory,
  entries: readonly Entry[],
  { before, quality }: { readonly before: Sealing | undefined; readonly quality: number },
): Promise<Prepared> {
  return joinGroup(memory, await contentOf(entries), { ...(before ? { before } : {}), quality });
}

async function contentOf(entries: readonly Entry[]): Promise<Buffer> {
  const mails: { readonly head: Entry['head']; readonly body: Buffer }[] = [];
  for (const { head, body } of entries) mails.push({ head, body: await readBody(body, GROUP_BYTES_MAX) });
  return encodeGroup(mails);
}

/**
 * For a carrier that may come late or never: what was sealed for a link before stays as it was, so that what has come of it
 * counts; all else stands apart from the history.
 */
export async function prepareApart(
  log: HistoryLog,
  entries: readonly Entry[],
  { before, base, quality }: { readonly before: Sealing | undefined; readonly base: string; readonly quality: number },
): Promise<Prepared> {
  const history = await log.history();
  const content = await contentOf(entries);
  const kept = before && history.dictionary(before.base);
  if (before && kept)
    return { ...before, dictionary: kept, content, parts: partsNamed(content, before.parts), carried: [] };
  const point = history.dictionary(base) ? base : history.first;
  return {
    base: point,
    apart: true,
    quality,
    dictionary: history.dictionary(point) ?? Buffer.alloc(0),
    content,
    parts: new Map(),
    carried: [],
  };
}

/** Those parts of the content that the frame was sealed against before, in the order of the content as then. */
function partsNamed(content: Buffer, hashes: readonly string[] = []): ReadonlyMap<string, Buffer> {
  const found = partsOf(content).map((part) => [partHash(part), part] as const);
  return new Map(found.filter(([hash]) => hashes.includes(hash)));
}

/** The same for a content that is there already. */
export async function joinGroup(
  { log, known }: Memory,
  content: Buffer,
  { before, quality }: { readonly before?: Sealing; readonly quality: number },
): Promise<Prepared> {
  const history = await log.history();
  const kept = before && history.dictionary(before.base);
  if (before?.apart && kept) return { ...before, dictionary: kept, content, parts: new Map(), carried: [] };
  const base = before && kept ? before.base : history.tip;
  const dictionary = kept ?? history.dictionary(base) ?? Buffer.alloc(0);
  const found = new Map(partsOf(content).map((part) => [partHash(part), part]));
  const parts = new Map<string, Buffer>();
  let bytes = 0;
  for (const [hash, part] of found) {
    const wanted = before ? before.parts?.includes(hash) : !dictionary.includes(part) && (await known.has(hash));
    if (!wanted || parts.size === PARTS_MAX || bytes + part.length > PARTS_BYTES_MAX) continue;
    parts.set(hash, part);
    bytes += part.length;
  }
  await log.append({ base, bytes: joinedPart(content) });
  const carried = [...found.keys()];
  return { base, quality: before && kept ? before.quality : quality, dictionary, content, parts, carried };
}

/**
 * Sealed are the number of the parts, their hashes, and the content, compressed against the parts and the dictionary behind
 * them.
 */
export async function sealGroup({ base, apart, quality, dictionary, content, parts }: Prepared): Promise<Sealed> {
  const squeezed = await squeeze(content, { dictionary: Buffer.concat([...parts.values(), dictionary]), quality });
  const hashes = [...parts.keys()].map((hash) => Buffer.from(hash, 'hex'));
  const sealed = Buffer.concat([encodeVarint(parts.size), ...hashes, squeezed]);
  return {
    codec: apart ? CODEC.apart : CODEC.brotli,
    base,
    hash: frameHash(createHash('sha256').update(sealed).digest('hex')),
    length: sealed.length,
    packed: content.length,
    body: bytesBody(sealed),
    discard: async () => undefined,
  };
}

export interface Unsealing {
  readonly held: HeldParts;
  /** That of the point that the frame builds on. */
  readonly dictionary: Buffer;
  /** Bytes of the content. */
  readonly size: number;
}

/** The content; undefined when a part that it builds on is not here. Throws TripError when it is none. */
export async function unsealGroup(sealed: Buffer, { held, dictionary, size }: Unsealing): Promise<Buffer | undefined> {
  const read = new FieldReader(sealed);
  const count = read.varint();
  if (count > PARTS_MAX) throw new TripError(`a frame builds on ${count} parts`);
  const hashes = Array.from({ length: count }, () => read.hex(HASH_BYTES));
  const parts: Buffer[] = [];
  let bytes = 0;
  for (const hash of hashes) {
    const part = await held.get(hash);
    if (!part) return undefined;
    bytes += part.length;
    if (bytes > PARTS_BYTES_MAX) throw new TripError(`a frame builds on parts of more than ${PARTS_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return unsqueeze(sealed.subarray(read.at), { dictionary: Buffer.concat([...parts, dictionary]), size });
}
