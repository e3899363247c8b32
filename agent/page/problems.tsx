/** What needs care, in plain words with the remedy; the program's own words stand below, for who is asked for help. */
import type { Finding } from '../check.ts';
import type { StatusReport } from '../status-report.ts';
import { Said } from './frame.tsx';
import type { Words } from './words/en.ts';

/** As a finding is called. */
type Own = 'disk' | 'clock' | 'queue' | 'firewall';
type Kind = Own | 'noLink' | 'refused' | 'early' | 'foreign';

interface Problem {
  readonly kind: Kind;
  readonly details: string;
}

const REFUSED = 77;

export function problemsOf(report: StatusReport, findings: readonly Finding[]): readonly Problem[] {
  const { foreign } = report.waiting;
  const [last] = report.trips;
  return [
    ...findings.flatMap(({ what, result, text }) =>
      result !== 'ok' && isKind(what) ? [{ kind: what, details: text }] : [],
    ),
    ...(foreign === undefined ? [] : [{ kind: 'foreign' as const, details: foreign }]),
    ...(last?.error === undefined ? [] : [{ kind: kindOf(last), details: last.error }]),
  ];
}

const isKind = (what: string): what is Own => ['disk', 'clock', 'queue', 'firewall'].includes(what);

function kindOf({ exit, bytesWire }: { readonly exit?: number | undefined; readonly bytesWire: number }): Kind {
  if (exit === REFUSED) return 'refused';
  return bytesWire === 0 ? 'noLink' : 'early';
}

export const Problems = ({ words, problems }: { words: Words; problems: readonly Problem[] }) =>
  problems.length === 0 ? (
    <section class="card">
      <p class="fine">{words.problems.none}</p>
    </section>
  ) : (
    <section class="card care">
      <h2>{words.problems.title}</h2>
      <ul class="rows">
        {problems.map(({ kind, details }) => (
          <li>
            <h3>{words.problems[kind].title}</h3>
            <p>{words.problems[kind].remedy}</p>
            <details>
              <summary>{words.problems.details}</summary>
              <Said text={details} />
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
