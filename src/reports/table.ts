/** Columns for people: padded, and cut to the width that there is. */

/** @param rows cells without control characters. @param columns width that the last column is cut to fit */
export function table(rows: readonly (readonly string[])[], columns: number): string[] {
  const widths: number[] = [];
  // The last cell of a row stands free: a long one, in a short row, must not push the columns of the others away.
  for (const row of rows)
    for (const [at, cell] of row.slice(0, -1).entries()) widths[at] = Math.max(widths[at] ?? 0, Bun.stringWidth(cell));
  return rows.map((row) =>
    cut(row.map((cell, at) => (at === row.length - 1 ? cell : pad(cell, widths[at] ?? 0))).join("  "), columns),
  );
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
}

export function cut(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text.trimEnd();
  let width = 0;
  let kept = "";
  for (const point of text) {
    width += Bun.stringWidth(point);
    if (width > columns - 1) break;
    kept += point;
  }
  return `${kept.trimEnd()}…`;
}
