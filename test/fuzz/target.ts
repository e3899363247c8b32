/** A parser under fire: what it is fed with, which errors it has declared, and what must hold of all that it lets pass. */

export interface FuzzTarget {
  readonly name: string;
  /** Which code this is. */
  readonly of: string;
  /** Good inputs, to be made hostile. */
  seeds(): readonly Uint8Array[];
  /** Words of the format. */
  readonly tokens?: readonly (string | Uint8Array)[];
  /** Bytes of an input, at most. */
  readonly sizeMax?: number;
  /** Whether the parser has declared this error. */
  allows(error: Error): boolean;
  /**
   * Feeds the parser, and throws Broken where something does not hold. Answers what kind of thing happened, in few words: an input
   * with which something new happens becomes a seed.
   */
  run(input: Buffer): string | Promise<string>;
  /** Ends what it has started. */
  close?(): Promise<void>;
}

/** The parser let pass what it must not, or made another thing of it. */
export class Broken extends Error {}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Broken(what);
}

export const none = (): boolean => false;

/** Errors of these classes. */
export const only =
  (...classes: readonly (new (...args: never[]) => Error)[]) =>
  (error: Error): boolean =>
    classes.some((one) => error instanceof one);

/** The same bytes in pieces, always the same for the same bytes. */
export function pieces(input: Buffer): readonly Buffer[] {
  const parts: Buffer[] = [];
  let state = input.length * 31 + (input[0] ?? 7);
  for (let at = 0; at < input.length; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345 + (input[at] ?? 0)) >>> 0;
    const length = 1 + ((state >>> 16) % (state & 64 ? 3 : 40));
    parts.push(input.subarray(at, at + length));
    at += length;
  }
  return parts;
}

/** What a reader does with bytes: how often it is asked is up to the pieces, what it says must not be. */
export interface Heard {
  /** All that it said, as one text. */
  readonly said: string;
  /** The declared error that it ended with. */
  readonly fault: string;
}

/** Runs a reader over the whole and over pieces; both must hear the same. */
export function sameInPieces(input: Buffer, hear: (parts: readonly Buffer[]) => Heard): Heard {
  const whole = hear([input]);
  const parts = hear(pieces(input));
  must(whole.fault === parts.fault, `whole it ends with "${whole.fault}", in pieces with "${parts.fault}"`);
  must(whole.said === parts.said, `whole it says ${whole.said.slice(0, 300)}, in pieces ${parts.said.slice(0, 300)}`);
  return whole;
}

/** Runs what may throw a declared error; answers its message. */
export function faultOf(allows: (error: Error) => boolean, run: () => void): string {
  try {
    run();
    return '';
  } catch (error) {
    if (error instanceof Broken || !allows(error as Error)) throw error;
    return (error as Error).message;
  }
}

export const text = (...parts: readonly string[]): Buffer => Buffer.from(parts.join(''));
