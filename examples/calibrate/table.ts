/**
 * Tables in the terminal that grow row by row: writes the titles, and gives a function that writes one row of cells,
 * aligned to the right in columns of the given widths. Cells beyond the last column follow as they are.
 */
export function table(
  write: (line: string) => void,
  widths: readonly number[],
  titles: readonly string[],
): (cells: readonly string[]) => void {
  const row = (cells: readonly string[]): void => write(`  ${cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  ")}`.trimEnd());
  row(titles);
  row(widths.map((width) => "\u2500".repeat(width)));
  return row;
}
