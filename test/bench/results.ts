/** Outcomes as lines for programs, and as words in a cell for people. */
import type { Outcome } from './measure.ts';

export interface Result {
  readonly bench: string;
  readonly case: string;
  readonly peer: string;
  readonly outcome: Outcome;
}

export interface Metric {
  readonly bench: string;
  readonly case: string;
  readonly peer: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

export function metricsOf({ bench, case: name, peer, outcome }: Result): readonly Metric[] {
  const values: readonly (readonly [metric: string, value: number, unit: string])[] = [
    ['finished', outcome.finished ? 1 : 0, 'bool'],
    ['bytes', outcome.bytes, 'B'],
    ['connections', outcome.connections, 'count'],
    ['turns', outcome.turns, 'count'],
    ['seconds', Math.round(outcome.seconds * 10) / 10, 's'],
    ['lost', outcome.lost, 'mails'],
    ['twice', outcome.twice, 'mails'],
    ['strange', outcome.strange, 'mails'],
    ...(outcome.runs
      ? ([
          ['runs', outcome.runs.all, 'count'],
          ['runs_with_doubles', outcome.runs.twice, 'count'],
          ['runs_with_losses', outcome.runs.lost, 'count'],
        ] as const)
      : []),
  ];
  return values.map(([metric, value, unit]) => ({ bench, case: name, peer, metric, value, unit }));
}

/** What went wrong, if anything did. */
export function verdict({ finished, lost, twice, strange, runs }: Outcome): string {
  if (runs) return `${runs.twice} of ${runs.all} runs with doubles, ${runs.lost} with losses`;
  const faults = [
    ...(finished ? [] : ['never finishes']),
    ...(finished && lost > 0 ? [`${lost} lost`] : []),
    ...(twice > 0 ? [`${twice} twice`] : []),
    ...(strange > 0 ? [`${strange} altered`] : []),
  ];
  return faults.join(', ') || 'each once';
}
