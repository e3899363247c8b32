/**
 * What a slow line does to bytes: they leave one after another at its rate, and arrive later by its delay. On a half-duplex line
 * one direction has it until it has nothing more to say, and turning it around takes time. Without a pace bytes pass at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export type Direction = 'up' | 'down';

export interface Pace {
  readonly bitsPerSecond: number;
  /** One way. */
  readonly delayMs: number;
  /** Makes the line half-duplex: what turning it around takes. */
  readonly turnMs?: number;
}

interface Piece {
  readonly direction: Direction;
  readonly bytes: number;
  deliver(): void;
}

/** What leaves in one go, at most: arrival is as even as the rate. */
const PIECE_MS = 50;
const PIECE_BYTES_MAX = 1_400;

/** The transmitters: one for each direction, or one for both. */
class Channel {
  readonly #line: Line;
  readonly #pace: Pace;
  #queue: Piece[] = [];
  #freeAt = 0;
  #running = false;
  #direction: Direction | undefined;

  constructor(line: Line, pace: Pace) {
    this.#line = line;
    this.#pace = pace;
  }

  push(piece: Piece): void {
    this.#queue.push(piece);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#freeAt = Math.max(this.#freeAt, performance.now());
    for (let piece = this.#next(); piece; piece = this.#next()) {
      const { bitsPerSecond, delayMs, turnMs = 0 } = this.#pace;
      // A timer that fires late does not make the line slower.
      this.#freeAt += (piece.bytes * 8_000) / bitsPerSecond;
      if (this.#direction && this.#direction !== piece.direction) this.#freeAt += turnMs;
      this.#direction = piece.direction;
      if (piece.bytes > 0) this.#line.count(piece.direction);
      this.#line.arrive(piece, this.#freeAt + delayMs);
      await sleep(Math.max(0, this.#freeAt - performance.now()));
    }
    this.#running = false;
  }

  /** The direction that has the line goes on. */
  #next(): Piece | undefined {
    const own = this.#queue.findIndex(({ direction }) => direction === this.#direction);
    return this.#queue.splice(Math.max(own, 0), 1)[0];
  }
}

export class Line {
  /** How often what was sent came from the other side than before. */
  turns = 0;
  #last: Direction | undefined;
  #pace: Pace | undefined;
  #channels: Readonly<Record<Direction, Channel>> | undefined;
  readonly #arrivals: Record<Direction, Promise<void>> = { up: Promise.resolve(), down: Promise.resolve() };

  get pace(): Pace | undefined {
    return this.#pace;
  }

  /** To be set while nothing is on the line. */
  set pace(pace: Pace | undefined) {
    this.#pace = pace;
    const up = pace && new Channel(this, pace);
    this.#channels = up && { up, down: pace?.turnMs === undefined ? new Channel(this, pace) : up };
  }

  /** Bytes are delivered in pieces and in order; none at all is an end, which waits for its turn. */
  carry(direction: Direction, bytes: Buffer, deliver: (bytes: Buffer) => void): void {
    if (!this.#pace || !this.#channels) {
      if (bytes.length > 0) this.count(direction);
      deliver(bytes);
      return;
    }
    const size = Math.min(PIECE_BYTES_MAX, Math.max(1, Math.floor((this.#pace.bitsPerSecond * PIECE_MS) / 8_000)));
    for (let at = 0; at === 0 || at < bytes.length; at += size) {
      const part = bytes.subarray(at, at + size);
      this.#channels[direction].push({ direction, bytes: part.length, deliver: () => deliver(part) });
    }
  }

  count(direction: Direction): void {
    if (this.#last && this.#last !== direction) this.turns += 1;
    this.#last = direction;
  }

  arrive({ direction, deliver }: Piece, at: number): void {
    this.#arrivals[direction] = this.#arrivals[direction].then(async () => {
      await sleep(Math.max(0, at - performance.now()));
      deliver();
    });
  }
}
