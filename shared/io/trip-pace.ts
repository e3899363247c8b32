/**
 * How the sending half of a trip follows its link: how much mail shares a frame, and how hard it is compressed. A frame is of
 * use when all of it has come, so a slow link gets small ones; a large one costs fewer bytes. The hardest level is worth
 * its time where bytes are dear, and elsewhere as long as the line seldom waits for it.
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
/** The line may wait for the codec so long in one trip, */
const WAIT_MS_MAX = 2_000;
/** or for this share of it: about what the quick level costs it in bytes. */
const WAIT_SHARE_MAX = 1 / 6;

export class TripPace {
  #groupBytes = GROUP_BYTES_FIRST;
  #waitedMs = 0;
  readonly #start = performance.now();
  readonly #isDear: boolean;
  readonly #offered = new Map<number, { readonly bytes: number; readonly time: number }>();

  /** `isDear`: each byte has its price. */
  constructor({ isDear }: { readonly isDear: boolean }) {
    this.#isDear = isDear;
  }

  /** Bytes of mail that may share the next frame. */
  get groupBytes(): number {
    return this.#groupBytes;
  }

  get quality(): number {
    const waitsOften = this.#waitedMs > Math.max(WAIT_MS_MAX, (performance.now() - this.#start) * WAIT_SHARE_MAX);
    return waitsOften && !this.#isDear ? QUICK : HARDEST;
  }

  /** Waits for the next frame; counts the time when nothing of those before was on its way any more (`left`: bytes). */
  async waiting<T>(sealed: Promise<T>, left: () => Promise<number | undefined>): Promise<T> {
    const start = performance.now();
    const ready = await sealed;
    const waited = performance.now() - start;
    if (((await left()) ?? 0) === 0) this.#waitedMs += waited;
    return ready;
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
