/**
 * The picture for the README: bars of bytes for four cases, each with a scale of its own, the least above. It has a
 * ground of its own, light or dark as the reader's screen, and no script.
 */
import { fateOf, finished, type Row } from './results.ts';

/** Case, and its title. */
const PANELS: readonly (readonly [name: string, title: string])[] = [
  ['A, first contact', '200 mails (1,052 KB), first contact'],
  ['one mail of 6 KB after A', 'one mail of 6 KB, later'],
  ['nothing to do', 'a call with nothing to do'],
  ['A, cut every 16 KB', '200 mails, the line cut every 16 KB'],
];

const WIDTH = 960;
const PANEL = { width: 460, titleHeight: 34, rowHeight: 22, barLeft: 180, barWidth: 170 };
const MARGIN = 15;
const HEAD_HEIGHT = 52;
const FOOT_HEIGHT = 28;

const STYLE = `
.ground { fill: #ffffff; } text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.head { font-size: 17px; font-weight: 600; } .title { font-weight: 600; } .small { font-size: 12px; fill: #59636e; }
.bar { fill: #9aa7b4; } .plain { fill: none; stroke: #9aa7b4; stroke-width: 1.5; } .ours { fill: #0b7a53; } .bold { font-weight: 600; }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; } text { fill: #e6edf3; } .small { fill: #9198a1; }
.bar { fill: #6e7b88; } .plain { stroke: #6e7b88; } .ours { fill: #3fb984; }
}`;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const sizeOf = (bytes: number): string =>
  bytes < 1_000
    ? `${bytes} B`
    : `${(bytes / 1_000).toLocaleString('en-US', { maximumFractionDigits: bytes < 100_000 ? 1 : 0 })} KB`;

export interface PictureOptions {
  /** The peer that the picture is about. */
  readonly ours: string;
  /** Peers that do not encrypt: their bars are hollow. */
  readonly plain: ReadonlySet<string>;
}

function barOf(row: Row, most: number, { ours, plain }: PictureOptions): string {
  const { barLeft, barWidth } = PANEL;
  const weight = row.peer === ours ? ' class="bold"' : '';
  const name = `<text${weight} x="${barLeft - 8}" y="15" text-anchor="end">${escaped(row.peer)}</text>`;
  if (!finished(row)) return `${name}<text class="small" x="${barLeft}" y="15">never finishes</text>`;
  const length = Math.max(1.5, ((row.values.bytes ?? 0) / most) * barWidth);
  const kind = row.peer === ours ? 'ours' : plain.has(row.peer) ? 'plain' : 'bar';
  const fate = fateOf(row);
  const label = `${sizeOf(row.values.bytes ?? 0)}${fate === 'each once' ? '' : `, ${fate}`}`;
  return [
    name,
    `<rect class="${kind}" x="${barLeft}" y="3.5" width="${length.toFixed(1)}" height="14" rx="1.5"/>`,
    `<text${weight} x="${(barLeft + length + 7).toFixed(1)}" y="15">${label}</text>`,
  ].join('');
}

function panelOf(rows: readonly Row[], title: string, options: PictureOptions): string {
  const bytesOf = (row: Row): number => (finished(row) ? (row.values.bytes ?? 0) : Number.POSITIVE_INFINITY);
  // Who does not call when there is nothing to do has no bar.
  const sorted = rows
    .filter(({ values }) => values.bytes !== 0)
    .toSorted((one, other) => bytesOf(one) - bytesOf(other));
  const most = Math.max(...sorted.filter(finished).map(bytesOf));
  const bars = sorted.map(
    (row, n) =>
      `<g transform="translate(0 ${PANEL.titleHeight + n * PANEL.rowHeight})">${barOf(row, most, options)}</g>`,
  );
  return `<text class="title" x="${PANEL.barLeft}" y="20">${escaped(title)}</text>\n${bars.join('\n')}`;
}

export function picture(rows: readonly Row[], options: PictureOptions): string {
  const panels = PANELS.map(([name, title]) => ({ title, rows: rows.filter((row) => row.case === name) }));
  const heightOf = (...shown: typeof panels): number =>
    PANEL.titleHeight + Math.max(...shown.map((panel) => panel.rows.length)) * PANEL.rowHeight + 12;
  const lines = [panels.slice(0, 2), panels.slice(2)];
  let top = HEAD_HEIGHT;
  const groups = lines.flatMap((line) => {
    const drawn = line.map(
      (panel, n) =>
        `<g transform="translate(${MARGIN + n * (PANEL.width + 10)} ${top})">\n${panelOf(panel.rows, panel.title, options)}\n</g>`,
    );
    top += heightOf(...line);
    return drawn;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + FOOT_HEIGHT}" role="img" aria-label="Bytes on the line, by program">
<style>${STYLE}
</style>
<rect class="ground" width="${WIDTH}" height="${top + FOOT_HEIGHT}" rx="8"/>
<text class="head" x="${MARGIN + 10}" y="34">Bytes on the line, both ways, handshakes included</text>
${groups.join('\n')}
<text class="small" x="${MARGIN + 10}" y="${top + 10}">Hollow bars: not encrypted. Each panel has a scale of its own.</text>
</svg>
`;
}
