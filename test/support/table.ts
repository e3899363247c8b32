/** Title of a column, and its cell in a row. Numbers stand to the right. */
export type Column<Row> = readonly [title: string, cell: (row: Row) => string | number];

const formatted = (value: string | number): string =>
  typeof value === 'number' ? value.toLocaleString('en-US') : value;

/** A table for a terminal, with a line below its head. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const blocks = columns.map(([title, cell]) => {
    const values = rows.map(cell);
    const right = values.every((value) => typeof value === 'number');
    const cells = [title, ...values.map(formatted)];
    const width = Math.max(...cells.map((text) => text.length));
    const [head = '', ...body] = cells.map((text) => (right ? text.padStart(width) : text.padEnd(width)));
    return [head, '-'.repeat(width), ...body];
  });
  const lines =
    blocks[0]?.map((_, index) =>
      blocks
        .map((block) => block[index])
        .join('  ')
        .trimEnd(),
    ) ?? [];
  return lines.join('\n');
}
