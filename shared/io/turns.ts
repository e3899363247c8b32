/** Turns: how much is in hand at once, in all and for each name, first come first served. */

interface Waiting {
  readonly name: string;
  readonly max: number;
  go(): void;
}

export class Turns {
  readonly #totalMax: number;
  readonly #taken = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #total = 0;

  constructor({ totalMax }: { readonly totalMax: number }) {
    this.#totalMax = totalMax;
  }

  /** Waits until fewer than `max` turns of this name are taken; answers how to give the turn back, once. */
  async take(name: string, max: number): Promise<() => void> {
    await new Promise<void>((go) => {
      this.#waiting.push({ name, max, go });
      this.#next();
    });
    return () => this.#giveBack(name);
  }

  /** A turn at once, or undefined. */
  tryTake(name: string, max: number): (() => void) | undefined {
    if (!this.#hasRoom(name, max)) return undefined;
    this.#count(name, 1);
    return () => this.#giveBack(name);
  }

  #giveBack(name: string): void {
    this.#count(name, -1);
    this.#next();
  }

  #hasRoom(name: string, max: number): boolean {
    return this.#total < this.#totalMax && (this.#taken.get(name) ?? 0) < max;
  }

  #count(name: string, by: 1 | -1): void {
    const taken = (this.#taken.get(name) ?? 0) + by;
    if (taken === 0) this.#taken.delete(name);
    else this.#taken.set(name, taken);
    this.#total += by;
  }

  #next(): void {
    const index = this.#waiting.findIndex(({ name, max }) => this.#hasRoom(name, max));
    const [first] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (!first) return;
    this.#count(first.name, 1);
    first.go();
  }
}
