/**
 * Which queue entries are due when. Bounded however long the queue: the latest are left out, and `leftOut` says from
 * when on the queue has to be read through again for them.
 */
interface Due {
  readonly key: string;
  /** Unix seconds. */
  readonly at: number;
}

export class DueList {
  /** Latest first, so that the next one is popped off the end. */
  readonly #list: Due[] = [];
  readonly #known = new Set<string>();
  readonly #keysMax: number;
  #leftOut: number | undefined;

  constructor(keysMax: number) {
    this.#keysMax = keysMax;
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  /** When the earliest of those left out is due; undefined when none was. */
  get leftOut(): number | undefined {
    return this.#leftOut;
  }

  /** Before the queue is read through anew. */
  forgetLeftOut(): void {
    this.#leftOut = undefined;
  }

  /** When the next one is due. */
  get next(): number | undefined {
    return this.#list.at(-1)?.at;
  }

  /** A key that is known already gets the new time. */
  set(key: string, at: number): void {
    if (this.#known.has(key))
      this.#list.splice(
        this.#list.findIndex((due) => due.key === key),
        1,
      );
    this.#known.add(key);
    this.#list.splice(this.#place(at), 0, { key, at });
    if (this.#list.length <= this.#keysMax) return;
    const latest = this.#list.shift() as Due;
    this.#known.delete(latest.key);
    this.#leftOut = Math.min(latest.at, this.#leftOut ?? latest.at);
  }

  /** Takes the earliest out, if it is due. */
  take(now: number): string | undefined {
    const due = this.#list.at(-1);
    if (!due || due.at > now) return undefined;
    this.#list.pop();
    this.#known.delete(due.key);
    return due.key;
  }

  /** Behind all that are later: those of one time go in the order in which they came. */
  #place(at: number): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#list[middle] as Due).at > at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
