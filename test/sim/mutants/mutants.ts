/** Deliberate faults: each breaks one promise of the product, and the simulator has to find it. */
import type { Change } from '../load.ts';

export interface Mutant {
  readonly name: string;
  /** What is wrong, in the words of somebody who did not think of it. */
  readonly what: string;
  readonly changes: readonly Change[];
}

export const MUTANTS: readonly Mutant[] = [];
