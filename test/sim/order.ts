/** What passes between the program that runs worlds and the one that counts them. */
import type { FaultKind } from './faults.ts';

export interface Order {
  readonly seeds: { readonly from: number; readonly to: number; readonly step: number };
  readonly mails?: number | undefined;
  readonly offices?: number | undefined;
  readonly without?: readonly FaultKind[] | undefined;
  readonly mutant?: string | undefined;
  /** A world that went wrong is made smaller. */
  readonly shrinks?: boolean;
  readonly untilWrong?: boolean;
  /** Every line of every log, on stderr. */
  readonly loud?: boolean;
}

export interface Report {
  readonly seed: number;
  readonly mails: number;
  readonly offices: number;
  readonly wrong: readonly string[];
  readonly lost: number;
  readonly twice: number;
  readonly windows: readonly (readonly [string, number])[];
  readonly faults: readonly (readonly [FaultKind, number])[];
  readonly trace: string;
  readonly events: number;
  readonly hours: number;
  /** Arguments that show the same fault in a smaller world. */
  readonly smallest?: string;
}
