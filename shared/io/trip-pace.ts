/**
 * How the sending half of a trip follows its link: how much mail shares a frame, and how hard it is compressed. A frame is of
 * use when all of it has come, so a slow link gets small ones; a large one costs fewer bytes. The hardest level is worth
 * its time as long as the line seldom waits for it.
 */
import { HARDEST, QUICK } from './group-seal.ts';

/** The first frame, and those until the link has been measured. */
const GROUP_BYTES_FIRST = 128_000;
const GROUP_BYTES_SECOND = 384_000;
/** The limits of what a measured link gets. */
const GROUP_BYTES_MIN = 32_000;
const GROUP_BYTES_MAX = 512_000;
/** A frame should take no longer. */
const FRAME_SECONDS = 30;
/** Mail becomes about so many times smaller. */
const RATIO = 6;
/** What the other side may need to accept a frame, and the line is not to be blamed for. */
const ACCEPT_SECONDS = 4;
/** The line may wait for the codec so long in one trip. */
const WAIT_MS_MAX = 20_000;

export class TripPace {
  #groupBytes = GROUP_BYTES_FIRST;
  #waitedMs = 0;
  readonly #offered = new Map<number, { readonly bytes: number; readonly time: number }>();

  /** Bytes of mail that may share the next frame. */
  get groupBytes(): number {
    return this.#groupBytes;
  }

  get quality(): number {
    return this.#waitedMs > WAIT_MS_MAX ? QUICK : HARDEST;
  }

  /** Waits for a frame that the line is ready for. */
  async waiting<T>(sealed: Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await sealed;
    } finally {
      this.#waitedMs += performance.now() - start;
    }
  }

  prepared(): void {
    if (this.#groupBytes === GROUP_BYTES_FIRST) this.#groupBytes = GROUP_BYTES_SECOND;
  }

  offered(seq: number, bytes: number): void {
    this.#offered.set(seq, { bytes, time: performance.now() });
  }

  answered(seq: number): void {
    const offered = this.#offered.get(seq);
    this.#offered.delete(seq);
    if (!offered) return;
    const seconds = Math.max(0.1, (performance.now() - offered.time) / 1_000 - ACCEPT_SECONDS);
    const wanted = (offered.bytes / seconds) * FRAME_SECONDS * RATIO;
    this.#groupBytes = Math.round(Math.min(GROUP_BYTES_MAX, Math.max(GROUP_BYTES_MIN, wanted)));
  }
}
