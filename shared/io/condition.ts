/** Waiting for something that other code changes: whoever changes it wakes those who wait, and each looks for himself. */
export class Condition {
  #waiters: (() => void)[] = [];

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const go of waiters) go();
  }
}
