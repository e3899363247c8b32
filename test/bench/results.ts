/** Figures as lines for programs, {bench, case, peer, metric, value, unit}, and lines as rows for people. */
import type { Outcome } from './measure.ts';

export interface Metric {
  readonly bench: string;
  readonly case: string;
  readonly peer: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

export function metricsOf(names: Pick<Metric, 'bench' | 'case' | 'peer'>, outcome: Outcome): readonly Metric[] {
  const { runs } = outcome;
  const values: readonly (readonly [metric: string, value: number, unit: string])[] = [
    ['finished', outcome.finished ? 1 : 0, 'bool'],
    ['bytes', outcome.bytes, 'B'],
    ['connections', outcome.connections, 'count'],
    ['turns', outcome.turns, 'count'],
    ['seconds', Math.round(outcome.seconds * 10) / 10, 's'],
    ['lost', outcome.lost, 'mails'],
    ['twice', outcome.twice, 'mails'],
    ['strange', outcome.strange, 'mails'],
    ...(runs
      ? ([
          ['runs', runs.all, 'count'],
          ['runs_with_doubles', runs.twice, 'count'],
          ['runs_with_losses', runs.lost, 'count'],
        ] as const)
      : []),
  ];
  return values.map(([metric, value, unit]) => ({ ...names, metric, value, unit }));
}

/** All metrics of one case with one peer. */
export interface Row {
  readonly case: string;
  readonly peer: string;
  readonly values: Readonly<Record<string, number>>;
}

export function rowsOf(metrics: readonly Metric[]): readonly Row[] {
  const groups = Map.groupBy(metrics, (metric) => `${metric.case}\n${metric.peer}`);
  return [...groups.values()].flatMap((group) =>
    group.slice(0, 1).map((first) => ({
      case: first.case,
      peer: first.peer,
      values: Object.fromEntries(group.map(({ metric, value }) => [metric, value])),
    })),
  );
}

export const finished = ({ values }: Row): boolean => values.finished === 1;

/** What became of the mails. */
export function fateOf(row: Row): string {
  const { lost = 0, twice = 0, strange = 0, runs, runs_with_doubles: doubles, runs_with_losses: losses } = row.values;
  if (runs) return `${doubles} of ${runs} runs with doubles, ${losses} with losses`;
  const faults = [
    ...(finished(row) ? [] : ['never finishes']),
    ...(finished(row) && lost > 0 ? [`${lost} lost`] : []),
    ...(twice > 0 ? [`${twice} twice`] : []),
    ...(strange > 0 ? [`${strange} altered`] : []),
  ];
  return faults.join(', ') || 'each once';
}
