/**
 * How large the TLS records of a connection are. One that is not complete is lost at a cut, and on a slow line it holds back
 * what is in it; but each costs 22 bytes. So they begin small, and grow with what the connection has carried, and how fast.
 * Node can make OpenSSL's records only smaller during a connection (`setMaxSendFragment`), so that each is a write of its own.
 */

const SMALLEST = 1_400;
/** TLS has no larger ones. */
const LARGEST = 16_384;
/** What a cut wastes, of what the connection has carried. */
const WASTE = 1 / 40;
/** A record should be through in this time. */
const RECORD_SECONDS = 1;

/** For the socket option of the same name: no write waits for another one, with which it would make one large record. */
export const HIGH_WATER_MARK = 1;

/** Where a batch travels by the web: half of its chunks, which are of no use in part either. */
export const BATCH_RECORD_BYTES = 2_048;

export class TlsRecords {
  readonly #start = performance.now();
  #carried = 0;

  /** Gives `bytes` to `write` in pieces of one record each; resolves when the line has taken all. */
  async write(bytes: Uint8Array, write: (piece: Uint8Array) => Promise<void>): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + this.#record);
      await write(piece);
      at += piece.length;
      this.#carried += piece.length;
    }
  }

  get #record(): number {
    const perRecord = (this.#carried / (performance.now() - this.#start)) * 1_000 * RECORD_SECONDS;
    return Math.floor(Math.max(SMALLEST, Math.min(LARGEST, this.#carried * WASTE, perRecord)));
  }
}
