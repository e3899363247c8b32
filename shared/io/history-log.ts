/**
 * A history as a store keeps it: pieces, each the records of one trip, numbered. Read in order they give the chain again, by
 * the chain's one rule. A piece that is missing, old or altered gives points that the other side does not know, and the
 * mail then goes against the shipped dictionary; so nothing here is needed for mail to be right, and it is written when a
 * trip ends and now and then in a long one.
 */
import { brotliDecompressSync } from 'node:zlib';
import { History, type HistoryRecord, JOINED_BYTES_MAX, POINT_BYTES } from '../core/history.ts';
import { SHIPPED_DICTIONARY } from '../core/shipped-dictionary.ts';
import { encodeVarint, FieldReader, TripError } from '../core/trip-record.ts';
import { bytesBody, readBody } from './body.ts';
import type { Log } from './log.ts';
import type { Store } from './store.ts';

/** Each piece is one reading when a trip begins to use the history. */
const PIECES_MAX = 16;
/** Unsaved records of a long trip. */
const UNSAVED_BYTES_MAX = 300_000;
const PIECE_BYTES_MAX = 20_000_000;

let shipped: Buffer | undefined;

/** What offices write to each other before they have written anything. */
function shippedDictionary(): Buffer {
  shipped ??= brotliDecompressSync(Buffer.from(SHIPPED_DICTIONARY, 'base64'));
  return shipped;
}

export interface HistoryLogOptions {
  readonly store: Store;
  /** Where the pieces are, without the last `/`. */
  readonly prefix: string;
  readonly log: Log;
}

export class HistoryLog {
  readonly #options: HistoryLogOptions;
  #loading: Promise<History> | undefined;
  #pieces: string[] = [];
  #unsaved: HistoryRecord[] = [];
  #unsavedBytes = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: HistoryLogOptions) {
    this.#options = options;
  }

  /** A trip that carries no mail never reads it. */
  history(): Promise<History> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Joins a record; answers the new point. */
  async append(record: HistoryRecord): Promise<string> {
    const point = (await this.history()).append(record);
    this.#unsaved.push({ base: record.base, bytes: Uint8Array.from(record.bytes) });
    this.#unsavedBytes += record.bytes.length;
    if (this.#unsavedBytes >= UNSAVED_BYTES_MAX) await this.save();
    return point;
  }

  save(): Promise<void> {
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#save());
    return this.#saving;
  }

  async #save(): Promise<void> {
    if (this.#unsaved.length === 0) return;
    const { store } = this.#options;
    const whole = this.#pieces.length >= PIECES_MAX;
    const records = whole ? [...(await this.history()).records] : this.#unsaved;
    const outdated = whole ? this.#pieces : [];
    const key = this.#keyAfter(this.#pieces.at(-1));
    this.#unsaved = [];
    this.#unsavedBytes = 0;
    await store.put(key, bytesBody(encodePiece(records)));
    this.#pieces = [...(whole ? [] : this.#pieces), key];
    for (const piece of outdated) await store.remove(piece);
  }

  #keyAfter(last: string | undefined): string {
    const number = last === undefined ? 0 : Number(last.slice(last.lastIndexOf('/') + 1));
    return `${this.#options.prefix}/${String(number + 1).padStart(12, '0')}`;
  }

  async #load(): Promise<History> {
    const { store, prefix, log } = this.#options;
    const history = new History(shippedDictionary());
    this.#pieces = (await store.list(`${prefix}/`)).map(({ key }) => key).filter((key) => /\/\d{12}$/.test(key));
    const bodies = await Promise.all(this.#pieces.map((key) => store.get(key)));
    for (const [index, body] of bodies.entries()) {
      try {
        if (body) for (const record of decodePiece(await readBody(body, PIECE_BYTES_MAX))) history.append(record);
      } catch (error) {
        if (!(error instanceof TripError)) throw error;
        log.warn('a piece of the history is damaged; mail goes without it', { key: this.#pieces[index] ?? '' });
      }
    }
    return history;
  }
}

function encodePiece(records: readonly HistoryRecord[]): Uint8Array {
  return Buffer.concat(
    records.flatMap(({ base, bytes }) => [Buffer.from(base, 'hex'), encodeVarint(bytes.length), bytes]),
  );
}

/** Throws TripError. */
export function* decodePiece(piece: Buffer): Generator<HistoryRecord> {
  const read = new FieldReader(piece);
  while (read.left > 0) {
    const base = read.hex(POINT_BYTES);
    const length = read.varint();
    if (length > JOINED_BYTES_MAX) throw new TripError('a record of the history is too long');
    yield { base, bytes: read.bytes(length) };
  }
}
