/** Who guesses passwords at the page must wait: five wrong ones from an address, then one a minute. */

const FREE = 5;
const MINUTE_SECONDS = 60;
/** Addresses that are remembered; with more at once all begin anew, and each guess still takes its time. */
const ADDRESSES_MAX = 1_000;

export class Guesses {
  /** Wrong guesses, and when the last was made, by address. */
  readonly #wrong = new Map<string, { readonly count: number; readonly at: number }>();
  readonly #seconds: () => number;

  /** `seconds`: a clock that never goes back. */
  constructor(seconds: () => number = () => performance.now() / 1_000) {
    this.#seconds = seconds;
  }

  mayTry(address: string): boolean {
    const { count = 0, at = 0 } = this.#wrong.get(address) ?? {};
    return count < FREE || this.#seconds() - at >= MINUTE_SECONDS;
  }

  /** Before the password is looked at: many guesses at once are all counted. */
  begin(address: string): void {
    if (this.#wrong.size >= ADDRESSES_MAX) this.#wrong.clear();
    this.#wrong.set(address, { count: (this.#wrong.get(address)?.count ?? 0) + 1, at: this.#seconds() });
  }

  right(address: string): void {
    this.#wrong.delete(address);
  }
}
