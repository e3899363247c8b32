/** What a thread of a fuzzing run is told. */
export interface ParserTask {
  readonly parser: string;
  readonly cases: number;
  readonly seed: number;
  /** Findings of before. */
  readonly known: readonly Uint8Array[];
}

export interface WorkerTask {
  /** One after another. */
  readonly tasks: readonly ParserTask[];
  /** As 32-bit numbers: which task, number of the case, length of the input; then the input. */
  readonly now: SharedArrayBuffer;
}

export const NOW_HEAD_BYTES = 12;
/** Bytes of `now`. */
export const NOW_BYTES = NOW_HEAD_BYTES + 100_000;
