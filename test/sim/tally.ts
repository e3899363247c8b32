/** Sums over many worlds, and the table of them. */
import type { Report } from './order.ts';

export class Tally {
  worlds = 0;
  mails = 0;
  lost = 0;
  twice = 0;
  hours = 0;
  readonly wrong: Report[] = [];
  readonly #windows = new Map<string, number>();
  readonly #faults = new Map<string, number>();

  add(report: Report): void {
    this.worlds += 1;
    this.mails += report.mails;
    this.lost += report.lost;
    this.twice += report.twice;
    this.hours += report.hours;
    if (report.wrong.length > 0) this.wrong.push(report);
    for (const [window, count] of report.windows) addTo(this.#windows, window, count);
    for (const [kind, count] of report.faults) addTo(this.#faults, kind, count);
  }

  get faults(): ReadonlyMap<string, number> {
    return this.#faults;
  }

  /** In Markdown. */
  get table(): string {
    const rows: (readonly [string, number])[] = [
      ['worlds', this.worlds],
      ['worlds that went wrong', this.wrong.length],
      ['days of simulated time', Math.round(this.hours / 24)],
      ['mails', this.mails],
      ['**lost**', this.lost],
      ['**twice, or told wrongly**', this.twice],
      ...sorted(this.#windows).map(([window, count]) => [`allowed: ${window}`, count] as const),
      ...sorted(this.#faults).map(([kind, count]) => [`injected: ${kind}`, count] as const),
    ];
    return ['| | |', '|---|---:|', ...rows.map(([what, count]) => `| ${what} | ${count.toLocaleString('en')} |`)].join(
      '\n',
    );
  }
}

function addTo(sums: Map<string, number>, key: string, count: number): void {
  sums.set(key, (sums.get(key) ?? 0) + count);
}

const sorted = (sums: ReadonlyMap<string, number>): readonly (readonly [string, number])[] =>
  [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
